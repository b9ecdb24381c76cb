"""The keystore commands: states, modes, exports, passphrases."""
import hashlib
import os
import pty
import re
import subprocess

import kit


def openssl(*args, data):
    done = subprocess.run(["openssl", *args], input=data, capture_output=True, check=True)
    return done.stdout


class Keystore(kit.Case):
    def setUp(self):
        super().setUp()
        self.ks = self.home.keystore(versions=2)
        self.password = self.home / "pass"

    def run_it(self, command, *more, status=0):
        return self.home.run("keystore", command, self.ks, *more, "--passphrase-file",
                             self.password, status=status)

    def keys(self, command="list", *more):
        return self.run_it(command, *more, "--json").json()["keys"]

    def states(self):
        return {key["version"]: key["state"] for key in self.keys()}

    def test_newest_is_active_older_deactivated(self):
        self.assertEqual(self.states(), {1: "deactivated", 2: "active"})
        self.assertEqual([key["key_id"] for key in self.keys()], ["vm/1", "vm/2"])
        self.assertEqual([key["newest"] for key in self.keys()], [False, True])

    def test_removed_is_destroyed_and_keeps_its_number(self):
        before = self.keys()
        self.run_it("remove", "--key", "vm", "--version", "1")
        self.assertEqual(self.states(), {1: "destroyed", 2: "active"})
        self.assertEqual(self.keys()[0]["fingerprint"], before[0]["fingerprint"])
        self.run_it("export", "--key", "vm", "--version", "1", "-o", "x.pem", status=1)
        self.assertFalse((self.home / "x.pem").exists())

    def test_newest_and_last_are_not_removed(self):
        self.run_it("remove", "--key", "vm", "--version", "2", status=1)
        self.run_it("remove", "--key", "vm", "--version", "1")
        self.run_it("remove", "--key", "vm", "--version", "2", status=1)
        self.assertEqual(self.states(), {1: "destroyed", 2: "active"})

    def test_add_key_and_what_is_there_already(self):
        self.run_it("add-key", "--key", "Other_1.a-b")
        self.assertEqual({key["key_name"] for key in self.keys()}, {"vm", "Other_1.a-b"})
        self.run_it("add-key", "--key", "vm", status=1)
        self.run_it("create", "--key", "x", status=1)

    def test_names_that_are_none(self):
        for name in ("a/b", "a b", "x" * 65, "ä"):
            with self.subTest(name=name):
                self.home.run("keystore", "create", "new", "--key", name, "--passphrase-file",
                              self.password, status=2)
        self.assertFalse((self.home / "new").exists())

    def test_modes(self):
        self.assertEqual(self.ks.stat().st_mode & 0o777, 0o700)
        for path in self.ks.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

    def test_plain_export_is_private_and_warns(self):
        os.umask(0)
        done = self.run_it("export", "--key", "vm", "-o", "x.pem")
        os.umask(0o22)
        path = self.home / "x.pem"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertIn("plain", done.err)
        self.assertTrue(path.read_text().startswith("-----BEGIN PRIVATE KEY-----"))
        public = openssl("pkey", "-pubout", "-outform", "DER", data=path.read_bytes())
        self.assertEqual(hashlib.sha256(public).hexdigest(), self.keys()[1]["fingerprint"])

    def test_export_does_not_replace_unless_forced(self):
        self.home.file("x.pem", b"mine")
        self.run_it("export", "--key", "vm", "--public", "-o", "x.pem", status=1)
        self.assertEqual((self.home / "x.pem").read_bytes(), b"mine")
        self.run_it("export", "--key", "vm", "--public", "-o", "x.pem", "--force")
        self.assertIn(b"BEGIN PUBLIC KEY", (self.home / "x.pem").read_bytes())

    def test_encrypted_export_costs_600_000_iterations(self):
        self.home.secret("out", "for the safe\n")
        done = self.run_it("export", "--key", "vm", "--out-passphrase-file", "out", "-o", "x.pem")
        self.assertEqual(done.err, "")
        pem = (self.home / "x.pem").read_bytes()
        self.assertTrue(pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----"))
        tree = openssl("asn1parse", data=pem).decode()
        self.assertIn("PBKDF2", tree)
        numbers = [int(n, 16) for n in re.findall(r"INTEGER +:([0-9A-F]+)", tree)]
        self.assertGreaterEqual(numbers[0], 600000)
        public = openssl("pkey", "-pubout", "-outform", "DER", "-passin", "pass:for the safe",
                         data=pem)
        self.assertEqual(hashlib.sha256(public).hexdigest(), self.keys()[1]["fingerprint"])

    def test_public_export_of_an_older_version(self):
        done = self.run_it("export", "--key", "vm", "--version", "1", "--public", "-o", "-")
        public = openssl("pkey", "-pubin", "-pubout", "-outform", "DER", data=done.raw)
        self.assertEqual(hashlib.sha256(public).hexdigest(), self.keys()[0]["fingerprint"])

    def test_no_such_key(self):
        self.run_it("rotate", "--key", "nobody", status=1)
        self.run_it("remove", "--key", "vm", "--version", "7", status=1)
        self.run_it("remove", "--key", "vm", "--version", "0", status=2)


class Passphrase(kit.Case):
    def setUp(self):
        super().setUp()
        self.ks = self.home.keystore()

    def list_with(self, path, status=0):
        return self.home.run("keystore", "list", self.ks, "--passphrase-file", path, status=status)

    def test_first_line_without_its_end(self):
        for text in ("correct horse", "correct horse\n", "correct horse\r\n",
                     "correct horse\nanother\n"):
            with self.subTest(text=text):
                self.list_with(self.home.secret("p", text))
        self.list_with(self.home.secret("p", "correct horse \n"), status=3)

    def test_refused_files(self):
        for text, mode in (("", 0o600), ("\ncorrect horse\n", 0o600), ("correct horse\n", 0o644),
                           ("correct horse\n", 0o640), ("correct horse\n", 0o620)):
            with self.subTest(text=text, mode=oct(mode)):
                self.list_with(self.home.secret("p", text, mode), status=2)
        self.list_with(self.home / "absent", status=2)
        self.list_with(self.home.path, status=2)

    def test_wrong_one(self):
        done = self.list_with(self.home.secret("p", "wrong\n"), status=3)
        self.assertIn("passphrase", done.err)

    def test_keystore_that_is_not_there(self):
        self.home.run("keystore", "list", self.home / "none", "--passphrase-file",
                      self.home / "pass", status=5)

    def test_without_a_terminal_nothing_is_asked(self):
        done = self.home.run("keystore", "list", self.ks, status=2)
        self.assertIn("--passphrase-file", done.err)

    def ask(self, *answers):
        """At a terminal: what it shows, and the status."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(kit.PROGRAM, [kit.PROGRAM, "keystore", "list", str(self.ks)], self.home.env)
        shown = b""
        waiting = list(answers)
        while True:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                data = b""
            if not data:
                break
            shown += data
            if waiting and shown.endswith(b": "):
                os.write(terminal, waiting.pop(0))
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
        return shown.decode(), os.waitstatus_to_exitcode(status)

    def test_asked_without_echo(self):
        shown, status = self.ask(b"correct horse\n")
        self.assertEqual(status, 0, shown)
        self.assertNotIn("horse", shown)
        self.assertIn("active", shown)
        self.assertEqual(self.ask(b"wrong\n")[1], 3)
        self.assertEqual(self.ask(b"\n")[1], 2)
        self.assertEqual(self.ask(b"corr\x03\n")[1], 2)

    def test_damaged_keystore(self):
        store = self.ks / "keystore"
        kit.flip(store, store.stat().st_size - 40)
        self.list_with(self.home / "pass", status=4)


if __name__ == "__main__":
    kit.main()
