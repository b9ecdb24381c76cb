"""envelope kms: which KMSs there are and what they have, with keystores, and without any server."""
import re
import shutil

import kit

KMIP = """\
[kms.hsm]
type = kmip
endpoint = kms1.example:5696
endpoint = [::1]:5697
ca = {0}/ca.crt
cert = {0}/backup.crt
key = {0}/backup.key
"""


class Keystores(kit.Case):
    def setUp(self):
        super().setUp()
        self.home.chain()
        self.home.rotate()

    def keys(self, *line):
        return self.home.json("kms", *line)["keys"]

    def test_list(self):
        told = self.home.json("kms", "list")["kms"]
        self.assertEqual(told, [{
            "kms_id": "lab", "type": "keystore", "dir": str(self.home / "ks"), "endpoints": [],
            "where": f"{self.home.config}:1", "key_names": ["vm"]}])
        out = self.home.run("kms", "list").out
        self.assertRegex(out, rf"(?m)^lab +keystore +{self.home / 'ks'} +vm$")

    def test_list_asks_nobody(self):
        shutil.rmtree(self.home / "ks")
        self.home.run("kms", "list")
        self.home.run("kms", "list", "lab", status=5)

    def test_list_without_a_configuration(self):
        self.home.config.unlink()
        self.assertEqual(self.home.json("kms", "list")["kms"], [])
        self.assertIn("no KMS", self.home.run("kms", "list").out)
        done = self.home.run("kms", "list", "lab", status=2)
        self.assertIn("no KMS is named lab", done.err)

    def test_list_one(self):
        self.home.run("kms", "create-key", "lab/other")
        told = self.home.json("kms", "list", "lab")
        self.assertEqual([(k["key_name"], k["version"], k["state"], k["newest"], k["replaces"])
                          for k in told["keys"]],
                         [("vm", 1, "deactivated", False, None),
                          ("vm", 2, "active", True, "vm/1")])
        self.assertEqual(told["kms_id"], "lab")
        out = self.home.run("kms", "list", "lab").out
        self.assertRegex(out, r"(?m)^vm +vm/2 +2 +active, newest +vm/1 +[0-9a-f]{64}$")
        self.assertNotIn("other", out)

    def test_list_names_what_is_missing(self):
        self.home.config.write_text(self.home.config.read_text() + "unwrap = lab/gone\n")
        done = self.home.run("kms", "list", "lab", status=3)
        self.assertIn("keystore lab, key gone: there is no key of that name", done.err)
        self.assertIn("vm/2", done.out)

    def test_keys(self):
        self.home.run("kms", "create-key", "lab/other")
        self.assertEqual([k["key_id"] for k in self.keys("keys", "lab")],
                         ["other/1", "vm/1", "vm/2"])
        self.assertEqual([k["key_id"] for k in self.keys("keys", "lab", "--key", "vm")],
                         ["vm/1", "vm/2"])
        done = self.home.run("kms", "keys", "lab", "--key", "nobody", status=3)
        self.assertIn("key nobody", done.err)

    def test_create_key_and_rotate(self):
        done = self.home.run("kms", "create-key", "lab/new")
        self.assertIn("lab/new: made", done.out)
        done = self.home.run("kms", "create-key", "lab/new", status=1)
        self.assertIn("key new", done.err)
        done = self.home.run("kms", "rotate", "lab/new")
        self.assertIn("envelope refresh", done.err)
        self.assertEqual([k["state"] for k in self.keys("keys", "lab", "--key", "new")],
                         ["deactivated", "active"])
        self.home.run("kms", "rotate", "lab/nobody", status=3)
        self.home.run("kms", "create-key", "lab/aes", "--aes", status=1)
        for operand in ("lab", "lab/", "/new", "l b/new"):
            with self.subTest(operand=operand):
                self.home.run("kms", "create-key", operand, status=2)
                self.home.run("kms", "rotate", operand, status=2)

    def test_test(self):
        told = self.home.json("kms", "test", "lab")
        self.assertIn({"name": "directory", "value": str(self.home / "ks")}, told["facts"])
        self.assertEqual([(p["key_name"], p["status"], p["message"]) for p in told["proofs"]],
                         [("vm", "OK", None)])
        done = self.home.run("kms", "test", "lab")
        self.assertEqual(done.out.count("directory"), 1)
        self.assertIn("lab/vm wraps and unwraps", done.out)
        told = self.home.json("kms", "test", "lab", "--key", "nobody", status=3)
        self.assertEqual(told["proofs"][0]["status"], "E_NO_KEY")
        self.assertTrue(told["proofs"][0]["message"])

    def test_test_of_several_keys_names_the_bad_one(self):
        self.home.config.write_text(self.home.config.read_text() +
                                    "key = lab/gone\nunwrap = lab/vm\n")
        told = self.home.json("kms", "test", "lab", status=3)
        self.assertEqual([(p["key_name"], p["status"]) for p in told["proofs"]],
                         [("vm", "OK"), ("gone", "E_NO_KEY")])

    def test_without_a_configuration(self):
        self.home.config.unlink()
        kms = ["--kms", f"lab=keystore:{self.home / 'ks'},passphrase-file={self.home / 'pass'}"]
        self.home.run("kms", "keys", "lab", *kms)
        self.home.run("kms", "test", "lab", *kms, "--key", "vm")
        done = self.home.run("kms", "test", "lab", *kms, status=2)
        self.assertIn("--key", done.err)
        self.assertEqual(self.home.json("kms", "list", *kms)["kms"][0]["where"], "--kms")
        self.home.run("kms", "keys", "lab", *kms, *kms, status=2)
        self.home.run("kms", "keys", "other", *kms, status=2)
        self.assertFalse(self.home.config.exists())

    def test_kms_of_the_line_replaces_the_section(self):
        (self.home / "ks").rename(self.home / "moved")
        kms = ["--kms", f"lab=keystore:{self.home / 'moved'},passphrase-file={self.home / 'pass'}"]
        self.home.run("kms", "keys", "lab", status=5)
        self.home.run("kms", "keys", "lab", *kms)
        self.home.run("kms", "test", "lab", *kms)
        told = self.home.json("kms", "list", *kms)["kms"]
        self.assertEqual([(k["dir"], k["where"]) for k in told], [(str(self.home / "moved"), "--kms")])

    def test_passphrases(self):
        self.home.secret("wrong", "wrong\n")
        for command in ("list", "keys", "test"):
            with self.subTest(command=command):
                self.home.run("kms", command, "lab", "--passphrase-file", "wrong", status=3)
        (self.home / "pass").chmod(0o644)
        done = self.home.run("kms", "keys", "lab", status=2)
        self.assertRegex(done.err, r"envelope\.ini:4: .*others can read")

    def test_wrong_lines(self):
        for line in (["kms"], ["kms", "nonsense"], ["kms", "keys"], ["kms", "test"],
                     ["kms", "list", "a", "b"], ["kms", "rotate"], ["kms", "create-key"]):
            with self.subTest(line=line):
                self.home.run(*line, status=2)
        self.home.run("kms", "--help")


class Kmip(kit.Case):
    """What is checked before anything is connected."""

    def write(self, text, mode=0o600):
        self.home.config.parent.mkdir(parents=True, exist_ok=True)
        self.home.config.write_text(text)
        self.home.config.chmod(mode)

    def good(self):
        return KMIP.format(self.home.path)

    def test_all_parts(self):
        self.write(self.good() + """\
key-passphrase-file = /etc/envelope/key.pass
server-name = kms.example
names = exclusive
private-key = inside-or-get
selector = group
oaep = sha1
deadline = 3600
""")
        told = self.home.json("kms", "list")["kms"]
        self.assertEqual(told, [{
            "kms_id": "hsm", "type": "kmip", "dir": None, "where": f"{self.home.config}:1",
            "endpoints": ["kms1.example:5696", "[::1]:5697"], "key_names": []}])

    def test_every_word(self):
        words = {"names": ("shared", "exclusive"), "private-key": ("inside", "inside-or-get", "get"),
                 "selector": ("name", "group", "id"), "oaep": ("sha256", "sha1"),
                 "deadline": ("1", "10", "3600"),
                 "endpoint": ("kms", "kms:1", "10.0.0.1:65535", "[fe80::1%eth0]:5696", "[::1]")}
        for name, values in words.items():
            for value in values:
                with self.subTest(name=name, value=value):
                    self.write(self.good() + f"{name} = {value}\n")
                    self.home.run("kms", "list")
                    self.home.config.unlink()
                    part = f"hsm=kmip:kms,ca=a,cert=b,key=c,{name}={value}"
                    self.home.run("kms", "list", "--kms", part)

    def test_errors_with_file_and_line(self):
        cases = [(f"{name} = {value}", words) for name, values, words in (
            ("names", ("Exclusive", "yes"), r"shared\|exclusive"),
            ("private-key", ("export", "inside,get"), r"inside\|inside-or-get\|get"),
            ("selector", ("uid",), r"name\|group\|id"),
            ("oaep", ("sha512", "1"), r"sha256\|sha1"),
            ("deadline", ("0", "3601", "10s", "-1", "1.5"), "1 to 3600"),
            ("endpoint", ("a b:1", "kms1:1,kms2:2", "kms:0", "kms:65536", "kms:", ":5696",
                          "kms:http", "[::1:5696", "::1", "https://kms"), "HOST|port"),
        ) for value in values]
        cases += [("passphrase-file = x", "unknown key"), ("dir = x", "unknown key"),
                  ("ca = x", "twice"), ("key = x", "twice"), ("oaep =", "no value"),
                  ("server-name = a ; b", "comment")]
        for text, words in cases:
            with self.subTest(text=text):
                self.write(self.good() + text + "\n")
                done = self.home.run("kms", "list", status=2)
                self.assertRegex(done.err, rf"envelope\.ini:8: .*({words})")

    def test_lacking(self):
        lines = self.good().splitlines(True)
        for name in ("endpoint", "ca", "cert", "key", "type"):
            with self.subTest(name=name):
                self.write("\n" + "".join(x for x in lines if not x.startswith(name + " ")))
                done = self.home.run("kms", "list", status=2)
                self.assertRegex(done.err, rf"envelope\.ini:2: kms\.hsm: needs '{name}'")

    def test_wrong_on_the_command_line(self):
        good = "hsm=kmip:kms:5696,ca=a,cert=b,key=c"
        for kms, words in (
                ("hsm", "ID=kmip:"), ("hsm=kmip", "ID=kmip:"), ("hsm=cloud:x", "ID=kmip:"),
                ("h/m=kmip:kms,ca=a,cert=b,key=c", "KMS id"), ("hsm=kmip:", "no value"),
                ("hsm=kmip:kms", "lacks ca"), ("hsm=kmip:kms,ca=a,cert=b", "lacks key"),
                (good + ",key=d", "key: given twice"), (good + ",colour=red", "colour: unknown"),
                (good + ",oaep=md5", r"sha256\|sha1"), (good + ",deadline=", "no value"),
                (good + ",endpoint=x:y", "port"), ("hsm=keystore:ks,ca=a", "ca: unknown")):
            with self.subTest(kms=kms):
                done = self.home.run("kms", "list", "--kms", kms, status=2)
                self.assertRegex(done.err, f"--kms .*{words}")

    def test_a_comma_divides_only_before_a_name(self):
        told = self.home.json("kms", "list", "--kms", "a=keystore:/srv/x, y,z,passphrase-file=p,q")
        self.assertEqual(told["kms"][0]["dir"], "/srv/x, y,z")

    def test_files(self):
        self.write(self.good() + f"key-passphrase-file = {self.home / 'key.pass'}\n")
        missing = "No such file"
        for name, line in (("ca.crt", 5), ("backup.crt", 6), ("backup.key", 7), ("key.pass", 8)):
            done = self.home.run("kms", "keys", "hsm", status=2)
            self.assertRegex(done.err, rf"envelope\.ini:{line}: .*{re.escape(name)}: {missing}")
            self.home.secret(name)
        for name, line in (("backup.key", 7), ("key.pass", 8)):
            for mode in (0o640, 0o604, 0o620):
                with self.subTest(name=name, mode=oct(mode)):
                    (self.home / name).chmod(mode)
                    done = self.home.run("kms", "keys", "hsm", status=2)
                    self.assertRegex(done.err, rf"envelope\.ini:{line}: .*others can read")
            (self.home / name).chmod(0o600)
        self.home.run("kms", "keys", "hsm", "--passphrase-file", "key.pass", status=2)

    def test_a_passphrase_file_is_for_the_keystore_among_them(self):
        self.home.chain()
        text = self.home.config.read_text()
        self.write(text.replace(f"passphrase-file = {self.home / 'pass'}\n", "") + "unwrap = hsm/x\n"
                   + self.good())
        self.home.run("list", "repo", status=2)
        (self.home / "ca.crt").write_text("")
        (self.home / "backup.crt").write_text("")
        self.home.secret("backup.key")
        done = self.home.run("list", "repo", "--passphrase-file", "pass", status=None)
        self.assertNotIn("only keystore", done.err)


if __name__ == "__main__":
    kit.main()
