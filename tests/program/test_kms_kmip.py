"""envelope kms, and chains, with KMIP servers: one as Debian has it, one that does what an HSM does."""
import hashlib
import os
import pathlib
import re
import subprocess
import sys

from cryptography.hazmat.primitives import serialization

import kit

ROOT = pathlib.Path(os.environ["ENVELOPE_ROOT"])
sys.path.insert(0, str(ROOT / "tests/kmip"))
import admin  # noqa: E402
import servers  # noqa: E402

STOCK = servers.Server("A")
EXTENDED = servers.Server("B", extended=True, pairs=(5, 6, 7))


def fingerprint(number):
    public = admin.pool_key(number).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).hexdigest()


def dead_endpoint():
    return f"127.0.0.1:{servers.free_port()}"


class Case(kit.Case):
    """A key of its own on each server, so that no test sees another's versions."""
    count = 0

    def setUp(self):
        super().setUp()
        Case.count += 1
        self.name = f"vm{Case.count}"
        with STOCK.user("admin") as user:
            user.register_pair(self.name, 1, "fetch")
        with EXTENDED.user("admin") as user:
            user.register_pair(self.name, 2, "inside")

    def stock(self, who="backup", **more):
        more.setdefault("private_key", "get")
        return ["--kms", STOCK.option("lab", who, names="exclusive", **more)]

    def extended(self, who="backup", **more):
        return ["--kms", EXTENDED.option("lab", who, **more)]

    def chain(self, kms, *more, repo="repo"):
        return self.home.json("init", repo, *kms, "--key", f"lab/{self.name}", *more)


class Commands(Case):
    def test_keys(self):
        for kms, number in ((self.stock(), 1), (self.extended(), 2)):
            told = self.home.json("kms", "keys", "lab", *kms, "--key", self.name)
            self.assertEqual(told["kms_id"], "lab")
            self.assertEqual([(k["key_name"], k["fingerprint"], k["state"], k["newest"])
                              for k in told["keys"]],
                             [(self.name, fingerprint(number), "active", True)])
            names = {k["key_name"] for k in self.home.json("kms", "keys", "lab", *kms)["keys"]}
            self.assertIn(self.name, names)

    def test_no_such_key(self):
        for kms in (self.stock(), self.extended()):
            for line in (["keys", "lab", "--key", "nobody"], ["test", "lab", "--key", "nobody"],
                         ["rotate", "lab/nobody"]):
                done = self.home.run("kms", *line, *kms, status=3)
                self.assertIn("KMS lab, key nobody", done.err)

    def test_test(self):
        for server, kms in ((STOCK, self.stock()), (EXTENDED, self.extended())):
            told = self.home.json("kms", "test", "lab", *kms, "--key", self.name)
            facts = {f["name"]: f["value"] for f in told["facts"]}
            self.assertEqual(facts["endpoint"], server.endpoint())
            self.assertRegex(facts["tls"], "TLSv1.[23]")
            self.assertRegex(facts["kmip"], r"1\.\d")
            for name in ("certificate-until", "server-certificate-until", "vendor", "operations"):
                self.assertIn(name, facts)
            self.assertEqual([(p["key_name"], p["status"]) for p in told["proofs"]],
                             [(self.name, "OK")])
            own = {f["name"] for f in told["proofs"][0]["facts"]}
            self.assertIn("unwrap", own)
            self.assertNotIn("endpoint", own)

    def test_certificates_that_end_soon(self):
        """The test's own live for a day."""
        done = self.home.run("kms", "test", "lab", *self.extended(), "--key", self.name)
        for name in ("certificate-until", "server-certificate-until"):
            self.assertRegex(done.err, rf"warning: KMS lab: {name}: ends within 1 day, .*renew")

    def test_what_may_not_be_fetched_is_not_unwrapped(self):
        """Each server's own refusal."""
        kms = ["--kms", STOCK.option("lab", "backup", private_key="inside")]
        told = self.home.json("kms", "test", "lab", *kms, "--key", self.name, status=3)
        self.assertEqual(told["proofs"][0]["status"], "E_REFUSED")
        told = self.home.json("kms", "test", "lab", *self.extended(private_key="get"), "--key",
                              self.name, status=3)
        self.assertEqual(told["proofs"][0]["status"], "E_REFUSED")
        self.assertTrue(told["proofs"][0]["message"])

    def test_create_key(self):
        for kms in (self.stock("admin"), self.extended("admin")):
            name = f"new-{self.name}"
            made = self.home.json("kms", "create-key", f"lab/{name}", *kms)
            self.assertEqual([(k["key_name"], k["state"], k["newest"]) for k in made["keys"]],
                             [(name, "active", True)])
            done = self.home.run("kms", "create-key", f"lab/{name}", *kms, status=1)
            self.assertIn(f"KMS lab, key {name}", done.err)

    def test_create_aes_key(self):
        for kms in (self.stock("admin"), self.extended("admin", private_key="get")):
            name = f"aes-{self.name}"
            made = self.home.json("kms", "create-key", f"lab/{name}", "--aes", *kms)
            self.assertEqual([(k["key_name"], k["fingerprint"]) for k in made["keys"]],
                             [(name, None)])
            self.home.run("kms", "test", "lab", "--key", name, *kms)

    def test_rotate(self):
        for kms in (self.stock("admin"), self.extended("admin", private_key="inside")):
            name = f"turn-{self.name}"
            self.home.run("kms", "create-key", f"lab/{name}", *kms)
            before = self.home.json("kms", "keys", "lab", "--key", name, *kms)["keys"][0]
            rotated = self.home.json("kms", "rotate", f"lab/{name}", *kms)["keys"]
            newest = [k for k in rotated if k["newest"]]
            self.assertEqual(len(newest), 1, rotated)
            self.assertNotEqual(newest[0]["fingerprint"], before["fingerprint"])
            self.assertIn(before["fingerprint"], {k["fingerprint"] for k in rotated})
        self.assertEqual(newest[0]["replaces"], before["key_id"])

    def test_not_reached(self):
        there = self.extended()[1]
        gone = there.replace(EXTENDED.endpoint(), dead_endpoint()) + ",deadline=5"
        for line in (["keys", "lab"], ["test", "lab"], ["create-key", "lab/x"],
                     ["rotate", "lab/x"]):
            done = self.home.run("kms", *line, "--kms", gone, status=5)
            self.assertIn("is it running", done.err)

    def test_second_endpoint(self):
        kms = self.extended()[1].replace(EXTENDED.endpoint(),
                                         f"{dead_endpoint()},endpoint={EXTENDED.endpoint()}")
        told = self.home.json("kms", "test", "lab", "--kms", kms, "--key", self.name)
        self.assertIn({"name": "endpoint", "value": EXTENDED.endpoint()}, told["facts"])

    def test_certificates_that_are_refused(self):
        kms = self.extended()[1]
        for wrong in (kms.replace("backup.", "foreign."),
                      kms.replace("/ca.crt", "/other-ca.crt"), kms + ",server-name=elsewhere.invalid"):
            with self.subTest(wrong=wrong):
                self.home.run("kms", "keys", "lab", "--kms", wrong, status=3)

    def test_files_that_do_not_fit(self):
        kms = self.extended()[1]
        text = self.home.secret("text", "hello\n")
        for wrong in (kms.replace("key=" + str(EXTENDED.folder / "backup.key"), f"key={text}"),
                      kms.replace("backup.key", "writer.key"),
                      kms.replace("backup.crt", "backup.key")):
            with self.subTest(wrong=wrong):
                done = self.home.run("kms", "keys", "lab", "--kms", wrong, status=2)
                self.assertIn("KMS lab", done.err)

    def test_key_under_a_passphrase(self):
        key = self.home.secret("sealed.key", "")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", EXTENDED.folder / "backup.key", "-out",
                        key, "-passout", "pass:swordfish"], check=True, capture_output=True)
        self.home.secret("right", "swordfish\n")
        self.home.secret("wrong", "haddock\n")
        kms = self.extended()[1].replace(str(EXTENDED.folder / "backup.key"), str(key))
        self.home.run("kms", "keys", "lab", "--kms", kms + ",key-passphrase-file=right")
        self.home.run("kms", "keys", "lab", "--kms", kms + ",key-passphrase-file=wrong", status=3)
        done = self.home.run("kms", "keys", "lab", "--kms", kms, status=3)
        self.assertIn("key-passphrase-file", done.err)

    def test_documented(self):
        text = (ROOT / "docs/json.md").read_text()
        told = self.home.json("kms", "test", "lab", *self.stock(), "--key", self.name)
        kinds = {w.get("kind") for w in told["warnings"]} - {None}
        self.assertEqual(kinds, {"export"})
        for name in (*told, *told["proofs"][0], *told["facts"][0], *kinds):
            self.assertIn(f"`{name}`" if name not in kinds else f'`"{name}"`', text)


class Chains(Case):
    def test_init_writes_what_it_was_given(self):
        kms = STOCK.option("lab", "backup", endpoint="localhost:1", server_name="127.0.0.1",
                           names="exclusive", private_key="inside-or-get", selector="name",
                           oaep="sha256", deadline="30")
        made = self.chain(["--kms", kms])
        self.assertEqual(self.home.config.read_text(), f"""\
[kms.lab]
type = kmip
endpoint = {STOCK.endpoint()}
endpoint = localhost:1
ca = {STOCK.folder}/ca.crt
cert = {STOCK.folder}/backup.crt
key = {STOCK.folder}/backup.key
server-name = 127.0.0.1
names = exclusive
private-key = inside-or-get
selector = name
oaep = sha256
deadline = 30

[chain.{made['chain']['id']}]
name = default
serial = 1
key = lab/{self.name}
""")
        before = self.home.config.read_text()
        self.chain(["--kms", kms], repo="other")
        self.assertEqual(self.home.config.read_text().count("[kms.lab]"), 1)
        for other in ("names=shared", "private-key=get", "deadline=31", "endpoint=localhost:2"):
            name = other.split("=")[0]
            changed = re.sub(rf",{name}=[^,]*", f",{other}", kms)
            done = self.home.run("init", "third", "--kms", changed, "--key", f"lab/{self.name}",
                                 status=2)
            self.assertIn("says something else", done.err)
        self.assertTrue(self.home.config.read_text().startswith(before))
        told = self.home.json("kms", "list", "lab")
        self.assertEqual(told["kms"][0]["endpoints"], [STOCK.endpoint(), "localhost:1"])
        self.assertEqual(told["kms"][0]["key_names"], [self.name])
        self.assertEqual([k["fingerprint"] for k in told["keys"]], [fingerprint(1)])

    def test_relative_paths_become_absolute(self):
        for name in ("ca.crt", "backup.crt", "backup.key"):
            self.home.secret(name, (STOCK.folder / name).read_text())
        self.home.secret("key.pass", "not needed\n")
        self.chain(["--kms", f"lab=kmip:{STOCK.endpoint()},ca=ca.crt,cert=backup.crt,"
                             "key=backup.key,key-passphrase-file=key.pass,private-key=get"])
        text = self.home.config.read_text()
        for name, file in (("ca", "ca.crt"), ("cert", "backup.crt"), ("key", "backup.key"),
                           ("key-passphrase-file", "key.pass")):
            self.assertIn(f"{name} = {self.home / file}\n", text)

    def test_there_and_back_with_a_rotation(self):
        """By the administrator, since a key that he makes here is his alone."""
        for number, kms in enumerate((self.stock("admin"), self.extended("admin"))):
            name, repo = f"chain-{self.name}", f"repo{number}"
            with self.subTest(kms=kms[1]):
                self.home.config.unlink(missing_ok=True)
                self.home.run("kms", "create-key", f"lab/{name}", *kms)
                self.home.run("init", repo, *kms, "--key", f"lab/{name}")
                self.home.backup(b"one", repo=repo)
                self.home.run("kms", "rotate", f"lab/{name}")
                self.assertEqual(self.home.json("refresh", repo)["rotated"], 1)
                self.home.backup(b"two", repo=repo)
                for point, data in ((1, b"one"), (2, b"two")):
                    done = self.home.run("restore", repo, "--point", point, "-o", "-")
                    self.assertEqual(done.raw, data)
                newest = [k["newest"] for k in self.home.json("kms", "list", "lab")["keys"]]
                self.assertEqual(newest.count(True), 1)

    def test_sha1_only_where_configured(self):
        self.chain(self.extended(oaep="sha1"))
        self.home.backup(b"x")
        self.assertEqual(self.home.run("restore", "repo", "-o", "-").raw, b"x")
        self.home.config.write_text(self.home.config.read_text().replace("oaep = sha1\n", ""))
        done = self.home.run("restore", "repo", "-o", "-", status=1)
        self.assertIn("algorithm is not allowed", done.err)

    def test_exports_are_told(self):
        self.chain(self.stock())
        self.home.backup(b"x")
        done = self.home.run("restore", "repo", "-o", "-")
        self.assertEqual(re.findall(r"note: .*", done.err),
                         ["note: key " + re.search(r"key (\S+) was fetched", done.err)[1] +
                          " was fetched from its KMS, to be used here and wiped"])

    def test_gone(self):
        """5 where nothing else opens it; something else may."""
        self.home.secret("ops", "password of ops\n")
        self.chain(self.extended(), "--password", "ops=ops")
        self.home.backup(b"x")
        text = self.home.config.read_text()
        gone = text.replace(EXTENDED.endpoint(), dead_endpoint())
        self.home.config.write_text(gone)
        self.assertEqual(self.home.run("restore", "repo", "-o", "-").raw, b"x")
        self.home.config.write_text(gone.replace("password = ", "; "))
        done = self.home.run("restore", "repo", "-o", "-", status=5)
        self.assertIn("its KMS is not reached", done.err)
        self.assertIn(f"lab/{self.name}", done.err)
        done = self.home.run("restore", "repo", "-o", "-", "--password-file", "ops")
        self.assertEqual(done.raw, b"x")
        self.home.run("backup", "repo", "-", status=5)

    def test_refused(self):
        """3: it answers, and does not give the key."""
        self.chain(self.extended())
        self.home.backup(b"x")
        with EXTENDED.user("admin") as user:
            user.register_pair(f"else-{self.name}", 3)
        get = EXTENDED.option("lab", "backup", private_key="get")
        self.home.run("restore", "repo", "-o", "-", "--kms", get, status=3)
        foreign = EXTENDED.option("lab", "foreign")
        self.home.run("restore", "repo", "-o", "-", "--kms", foreign, status=3)
        self.home.run("init", "other", "--kms", self.extended()[1], "--key", "lab/nobody",
                      "--config", "other.ini", status=3)

    def test_lost_certificates_do_not_stop_a_key_by_hand(self):
        self.home.secret("ops", "password of ops\n")
        for name in ("ca.crt", "backup.crt", "backup.key"):
            self.home.secret(name, (EXTENDED.folder / name).read_text())
        self.chain(["--kms", f"lab=kmip:{EXTENDED.endpoint()},ca=ca.crt,cert=backup.crt,"
                             "key=backup.key"], "--password", "ops=ops")
        self.home.backup(b"x")
        (self.home / "backup.key").unlink()
        done = self.home.run("restore", "repo", "-o", "-", status=2)
        self.assertRegex(done.err, r"envelope\.ini:\d+: .*backup\.key")
        done = self.home.run("restore", "repo", "-o", "-", "--password-file", "ops")
        self.assertEqual(done.raw, b"x")
        self.assertIn("warning: KMS lab", done.err)


if __name__ == "__main__":
    why = servers.missing()
    if why:
        print(f"1..0 # SKIP {why}")
        sys.exit(0)
    with servers.running(STOCK, EXTENDED):
        kit.main()
