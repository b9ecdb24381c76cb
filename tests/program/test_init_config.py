"""init and the configuration: whom a chain is sealed for stands there, and nowhere else."""
import os
import re
import shutil

import kit


class Init(kit.Case):
    def setUp(self):
        super().setUp()
        self.ks = self.home.keystore()
        self.password = self.home / "pass"
        self.kms = f"lab=keystore:{self.ks},passphrase-file={self.password}"

    def init(self, *more, repo="repo", status=0):
        return self.home.run("init", self.home / repo, *more, status=status)

    def test_sections_are_written(self):
        self.home.secret("ops", "password of ops\n")
        self.home.run("keystore", "export", self.ks, "--key", "vm", "--public", "-o", "board.pem",
                      "--passphrase-file", self.password)
        made = self.home.json("init", "repo", "--chain", "web", "--kms", self.kms, "--key",
                              "lab/vm", "--password", "ops=ops", "--escrow", "board=board.pem")
        self.assertEqual(self.home.config.read_text(), f"""\
[kms.lab]
type = keystore
dir = {self.ks}
passphrase-file = {self.password}

[chain.{made['chain']['id']}]
name = web
serial = 1
key = lab/vm
password = ops={self.home / 'ops'}
escrow = board={self.home / 'board.pem'}
""")
        self.assertEqual(self.home.config.stat().st_mode & 0o777, 0o600)
        self.assertEqual(made["config"], str(self.home.config))
        self.assertEqual({key["kind"] for key in made["sealed_for"]}, {"kms", "password", "escrow"})

    def test_relative_paths_become_absolute(self):
        self.init("--kms", "lab=keystore:ks,passphrase-file=pass", "--key", "lab/vm")
        self.assertIn(f"dir = {self.ks}\n", self.home.config.read_text())
        self.assertIn(f"passphrase-file = {self.password}\n", self.home.config.read_text())

    def test_passphrase_file_of_the_only_keystore_is_recorded(self):
        self.init("--kms", f"lab=keystore:{self.ks}", "--key", "lab/vm", "--passphrase-file",
                  self.password)
        self.assertIn(f"passphrase-file = {self.password}\n", self.home.config.read_text())

    def test_fingerprint_is_shown(self):
        done = self.init("--kms", self.kms, "--key", "lab/vm")
        listed = self.home.json("keystore", "list", self.ks, "--passphrase-file", self.password)
        self.assertIn(listed["keys"][0]["fingerprint"], done.out)

    def test_what_was_there_stays_and_equal_sections_are_left_alone(self):
        self.init("--kms", self.kms, "--key", "lab/vm")
        text = "; mine\n" + self.home.config.read_text()
        self.home.config.write_text(text)
        self.init("--kms", self.kms, "--key", "lab/vm", repo="other")
        after = self.home.config.read_text()
        self.assertTrue(after.startswith(text))
        self.assertEqual(after.count("[kms.lab]"), 1)
        self.assertEqual(after.count("[chain."), 2)
        self.init("--key", "lab/vm", "--chain", "third", repo="other")
        self.assertEqual(self.home.config.read_text().count("[chain."), 3)

    def test_a_different_section_is_refused(self):
        self.init("--kms", self.kms, "--key", "lab/vm")
        before = self.home.config.read_text()
        shutil.copytree(self.ks, self.home / "ks2")
        done = self.init("--kms", f"lab=keystore:{self.home / 'ks2'},passphrase-file=pass", "--key",
                         "lab/vm", repo="other", status=2)
        self.assertRegex(done.err, r"envelope\.ini:\d+")
        self.assertEqual(self.home.config.read_text(), before)
        self.assertFalse((self.home / "other").exists())

    def test_name_taken(self):
        self.init("--kms", self.kms, "--key", "lab/vm")
        before = self.home.config.read_text()
        self.init("--kms", self.kms, "--key", "lab/vm", status=1)
        self.assertEqual(self.home.config.read_text(), before)
        self.assertEqual(len(list(self.home.state.glob("*.pin"))), 1)

    def test_several_chains_must_be_named(self):
        self.init("--kms", self.kms, "--key", "lab/vm")
        self.init("--key", "lab/vm", "--chain", "web")
        done = self.home.run("backup", "repo", "-", status=2)
        self.assertIn("web", done.err)
        self.assertEqual(self.home.backup(b"x", "--chain", "web"), 1)

    def test_wrong_options(self):
        for options in (["--key", "vm"], ["--key", "lab/"], ["--key", "/vm"], ["--password", "x"],
                        ["--escrow", "=x"], ["--kms", "lab"], ["--kms", "lab=keystore:"],
                        ["--kms", "l/b=keystore:x", "--key", "l/b"], [], ["--key", "other/vm"],
                        ["--kms", self.kms, "--kms", self.kms, "--key", "lab/vm"],
                        ["--kms", self.kms, "--key", "lab/vm", "--chain", "Not/A name"],
                        ["--kms", self.kms, "--password", "a=pass"],
                        ["--password", "a=pass", "--passphrase-file", "pass"]):
            with self.subTest(options=options):
                self.init(*options, status=2)
        self.assertFalse(self.home.config.exists())

    def test_escrow_takes_no_private_key(self):
        self.home.run("keystore", "export", self.ks, "--key", "vm", "-o", "private.pem",
                      "--passphrase-file", self.password)
        self.init("--kms", self.kms, "--key", "lab/vm", "--escrow", "x=private.pem", status=2)

    def test_a_key_that_is_not_there(self):
        self.init("--kms", self.kms, "--key", "lab/nobody", status=3)
        self.assertFalse(self.home.config.exists())
        self.assertEqual(list(self.home.state.glob("*.pin")), [])


class Configuration(kit.Case):
    def setUp(self):
        super().setUp()
        self.chain_id = self.home.chain()
        self.good = self.home.config.read_text()

    def write(self, text, mode=0o600):
        self.home.config.write_text(text)
        self.home.config.chmod(mode)

    def test_errors_with_file_and_line(self):
        chain = f"[chain.{self.chain_id}]"
        cases = (
            ("[kms.lab]\ntype = keystore\ndir\n", 3, "[Ee]qual"),
            ("[kms.lab\ntype = keystore\n", 1, "bracket"),
            ("[kms.lab]\ntype = keystore\n", 1, "dir"),
            ("[kms.lab]\ntype = cloud\ndir = x\n", 2, "keystore"),
            ("[kms.lab]\ntype = keystore\ndir = x\ndirr = y\n", 4, "unknown"),
            ("[kms.lab]\ntype = keystore\nDir = x\n", 3, "unknown"),
            ("[kms.lab]\ntype = keystore\ndir = x\ndir = y\n", 4, "twice"),
            ("[kms.lab]\ntype = keystore\ndir =\n", 3, "no value"),
            ("[kms.lab]\ntype = keystore\ndir = x ; mine\n", 3, "comment"),
            ("[kms.l b]\ntype = keystore\ndir = x\n", 1, "KMS id"),
            ("[kms.lab]\ntype = keystore\ndir = x\n\n[kms.lab]\ntype = keystore\ndir = y\n", 5,
             "[Dd]uplicate"),
            ("\n[nonsense]\na = b\n", 2, "unknown section"),
            ("a = b\n", 1, "unknown section"),
            ("[chain.1234]\nserial = 1\nkey = lab/vm\n", 1, "64"),
            (chain + "\nkey = lab/vm\n", 1, "serial"),
            (chain + "\nserial = 0\nkey = lab/vm\n", 2, "serial"),
            (chain + "\nserial = -1\nkey = lab/vm\n", 2, "serial"),
            (chain + "\nserial = 281474976710656\nkey = lab/vm\n", 2, "serial"),
            (chain + "\nserial = 1\nserial = 2\nkey = lab/vm\n", 3, "twice"),
            (chain + "\nserial = 1\n", 1, "nobody"),
            (chain + "\nserial = 1\nkey = lab/vm\nkey = labvm\n", 4, "KMS-ID/KEY-NAME"),
            (chain + "\nserial = 1\nkey = lab/vm\nunwrap = l b/vm\n", 4, "KMS id"),
            (chain + "\nserial = 1\npassword = ops\n", 3, "NAME=FILE"),
        )
        for text, line, words in cases:
            with self.subTest(text=text):
                self.write(text)
                done = self.home.run("list", "repo", status=2)
                self.assertRegex(done.err, rf"envelope\.ini:{line}: .*{words}")

    def test_comments_blank_lines_and_repeated_keys(self):
        self.home.secret("ops", "x\n")
        self.write("; first\n\n" + self.good + "# last\nunwrap = lab/a\nunwrap = lab/b\n"
                   f"password = a={self.home / 'ops'}\n")
        self.home.run("list", "repo")

    def test_refused_when_others_can_write_it(self):
        for mode in (0o620, 0o602):
            with self.subTest(mode=oct(mode)):
                self.write(self.good, mode)
                self.assertIn("others can write", self.home.run("list", "repo", status=2).err)
        self.write(self.good, 0o644)
        self.home.run("list", "repo")

    def test_refused_when_somebody_else_owns_it(self):
        if os.geteuid():
            self.skipTest("only root can give a file away")
        os.chown(self.home.config, 12345, 12345)
        self.assertIn("another user", self.home.run("list", "repo", status=2).err)

    def test_secrets_that_others_can_read_are_refused(self):
        (self.home / "pass").chmod(0o644)
        done = self.home.run("list", "repo", status=2)
        self.assertRegex(done.err, r"envelope\.ini:\d+: .*others can read")

    def test_chain_without_a_section(self):
        self.write("")
        done = self.home.run("backup", "repo", "-", status=2)
        self.assertIn(f"[chain.{self.chain_id}]", done.err)
        for name in ("name = ", "serial = ", "key = "):
            self.assertIn(name, done.err)
        self.write("[chain." + re.sub("[0-9a-f]", "0", self.chain_id) + "]\nserial = 1\nkey = lab/vm\n")
        self.home.run("list", "repo", status=2)

    def test_moved_repository_keeps_its_recipients(self):
        (self.home / "repo").rename(self.home / "elsewhere")
        self.assertEqual(self.home.backup(b"x", repo="elsewhere"), 1)

    def test_where_it_is_looked_for(self):
        other = self.home / "other/envelope"
        other.mkdir(parents=True)
        self.home.config.rename(other / "envelope.ini")
        self.home.run("list", "repo", status=2)
        self.home.run("list", "repo", "--config", other / "envelope.ini")
        self.home.env["XDG_CONFIG_HOME"] = str(self.home / "other")
        self.home.run("list", "repo")
        self.home.env["XDG_CONFIG_HOME"] = "other"
        self.home.run("list", "repo", status=2)
        self.home.run("list", "repo", "--config", "absent.ini", status=2)

    def test_recipients_are_given_to_init_only(self):
        for option in ("--key", "--escrow", "--password"):
            self.home.run("backup", "repo", "-", option, "lab/vm", status=2)

    def test_serial(self):
        self.home.secret("ops", "x\n")
        more = f"password = ops={self.home / 'ops'}\n"
        self.write(self.good + more)
        done = self.home.run("backup", "repo", "-", status=1)
        self.assertIn("serial", done.err)
        self.write(self.good.replace("serial = 1", "serial = 2") + more)
        self.home.backup(b"x")
        self.write(self.good)
        self.home.run("backup", "repo", "-", status=1)
        self.home.run("restore", "repo", "-o", "out")
        self.assertEqual((self.home / "out").read_bytes(), b"x")

    def test_unwrap_opens_and_is_not_sealed_for(self):
        self.home.backup(b"old")
        self.home.run("keystore", "add-key", "ks", "--key", "next", "--passphrase-file", "pass")
        moved = self.good.replace("serial = 1\nkey = lab/vm", "serial = 2\nkey = lab/next")
        self.write(moved)
        self.assertEqual(self.home.run("list", "repo", status=None).status, 1)
        self.write(moved + "unwrap = lab/vm\n")
        self.home.backup(b"new")
        points = self.home.json("list", "repo")["points"]
        self.assertEqual([[k["key_name"] for k in p["keys"]] for p in points], [["vm"], ["next"]])
        self.write(moved)
        self.home.run("restore", "repo", "--point", "1", "-o", "out")

    def test_kms_for_one_run_is_not_recorded(self):
        (self.home / "ks").rename(self.home / "moved")
        self.home.run("list", "repo", status=5)
        self.home.run("list", "repo", "--kms",
                      f"lab=keystore:{self.home / 'moved'},passphrase-file={self.home / 'pass'}")
        self.assertEqual(self.home.config.read_text(), self.good)
        self.home.run("list", "repo", "--kms", "other=keystore:moved", status=2)

    def test_passphrase_file_for_one_run(self):
        (self.home / "pass").rename(self.home / "other")
        self.home.run("list", "repo", status=2)
        self.home.run("list", "repo", "--passphrase-file", "other")
        self.assertEqual(self.home.config.read_text(), self.good)


if __name__ == "__main__":
    kit.main()
