"""The exit status says what happened: 0, 1, 2, 3, 4, 5, and of several the one that matters."""
import os
import shutil
import struct
import subprocess

import kit


def header_size(path):
    return struct.unpack(">I", path.read_bytes()[20:24])[0]


class Status(kit.Case):
    def setUp(self):
        super().setUp()
        self.home.chain()
        self.data = kit.sample(3 * kit.CHUNK + kit.CHUNK // 2)
        self.home.backup(self.data)
        self.home.secret("wrong", "not the right one\n")

    def restore(self, *more, status=0):
        done = self.home.run("restore", "repo", "-o", "-", *more, status=status)
        if status == 0:
            self.assertEqual(done.raw, self.data)
        return done

    def export(self):
        self.home.run("keystore", "export", "ks", "--key", "vm", "-o", "vm.pem",
                      "--passphrase-file", "pass")
        return ["--key-file", self.home / "vm.pem"]

    def point(self):
        return next(p for p in self.home.objects("points") if "-full-" in p.name)

    def test_done(self):
        self.restore()
        done = self.home.run("verify", "repo")
        self.assertEqual(done.err, "")
        self.assertIn("nothing wrong", done.out)

    def test_usage(self):
        for line in ([], ["nonsense"], ["backup"], ["backup", "repo"], ["list", "repo", "more"],
                     ["list", "repo", "--nonsense"], ["list", "repo", "--chain"],
                     ["list", "repo", "--chain", "a", "--chain", "b"], ["keystore"],
                     ["keystore", "nonsense"], ["restore", "repo", "-o", "-", "--json"]):
            with self.subTest(line=line):
                self.home.run(*line, status=2)
        for line in (["--help"], ["--version"], ["backup", "--help"], ["keystore", "--help"]):
            with self.subTest(line=line):
                self.home.run(*line)

    def test_failed(self):
        self.home.run("list", "absent", status=1)
        self.home.run("list", "repo", "--chain", "absent", status=1)
        self.restore("--point", "7", status=1)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([kit.PROGRAM, "list", "repo"], cwd=self.home.path,
                                  env=self.home.env, stdout=full, stderr=subprocess.DEVNULL,
                                  check=False)
        self.assertEqual(done.returncode, 1)

    def test_wrong_passphrase(self):
        for command in ("list", "verify", "refresh"):
            done = self.home.run(command, "repo", "--passphrase-file", "wrong", status=3)
            self.assertIn("wrong passphrase", done.err)
        self.home.run("backup", "repo", "-", "--passphrase-file", "wrong", status=3)
        self.restore("--passphrase-file", "wrong", status=3)

    def test_nothing_at_hand(self):
        self.home.config.unlink()
        self.restore(status=2)
        self.restore("--password-file", "wrong", status=3)
        self.home.secret("key-pass", "x\n")
        self.home.run("keystore", "export", "ks", "--key", "vm", "-o", "vm.pem",
                      "--passphrase-file", "pass", "--out-passphrase-file", "key-pass")
        self.restore("--key-file", f"{self.home / 'vm.pem'}:{self.home / 'wrong'}", status=3)
        self.restore("--key-file", self.home / "vm.pem", status=2)
        self.restore("--key-file", f"{self.home / 'vm.pem'}:{self.home / 'key-pass'}")
        self.home.keystore("other-ks")
        self.home.run("keystore", "add-key", "other-ks", "--key", "other", "--passphrase-file",
                      "pass")
        self.home.run("keystore", "export", "other-ks", "--key", "other", "-o", "other.pem",
                      "--passphrase-file", "pass")
        self.restore("--key-file", self.home / "other.pem", status=3)

    def test_keystore_is_gone(self):
        key = self.export()
        (self.home / "ks").rename(self.home / "gone")
        for command in ("list", "verify", "refresh"):
            self.home.run(command, "repo", status=5)
        self.home.run("backup", "repo", "-", status=5)
        done = self.restore(status=5)
        self.assertIn("cannot be reached", done.err)
        self.restore("--password-file", "wrong", status=5)
        self.assertIn("warning: keystore lab", self.restore(*key).err)

    def test_a_wrong_passphrase_does_not_stop_another_key(self):
        self.restore(*self.export(), "--passphrase-file", "wrong")

    def test_no_passphrase_is_asked_where_keys_are_given(self):
        key = self.export()
        (self.home / "pass").unlink()
        self.restore(status=2)
        self.restore(*key)
        text = self.home.config.read_text()
        self.home.config.write_text("".join(line for line in text.splitlines(True)
                                            if "passphrase-file" not in line))
        self.restore(status=2)
        self.restore(*key)

    def test_damaged_keystore(self):
        key = self.export()
        store = self.home / "ks/keystore"
        kit.flip(store, store.stat().st_size - 40)
        self.restore(status=4)
        self.restore(*key)

    def test_key_file_that_is_none(self):
        self.home.secret("text", "hello\n")
        self.restore("--key-file", "text", status=2)
        self.home.secret("broken", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        self.restore("--key-file", "broken", status=2)
        key = self.export()
        (self.home / "vm.pem").chmod(0o644)
        self.restore(*key, status=2)

    def test_a_broken_configuration_can_be_left_out(self):
        key = self.export()
        self.home.config.write_text("nonsense\n")
        self.restore(*key, status=2)
        self.restore(*key, "--config", "/dev/null")
        self.restore("--config", "/dev/null", status=2)

    def test_key_file_with_a_colon_in_its_name(self):
        key = self.export()
        (self.home / "vm.pem").rename(self.home / "a:b")
        self.home.config.unlink()
        self.restore(key[0], self.home / "a:b")

    def test_payload_damaged(self):
        point = self.point()
        kit.flip(point, 2 * header_size(point) + 56 + kit.CHUNK + 16 + 100)
        done = self.restore(status=4)
        self.assertTrue(self.data.startswith(done.raw))
        self.assertLess(len(done.raw), len(self.data))
        done = self.home.run("verify", "repo", status=4)
        self.assertIn(point.name, done.out)
        self.home.run("verify", "repo", "--headers-only")

    def test_one_copy_of_the_header_damaged(self):
        point = self.point()
        for where in (100, header_size(point) + 100):
            with self.subTest(where=where):
                kit.flip(point, where)
                self.assertIn("warning: ", self.restore().err)
                done = self.home.run("verify", "repo", status=4)
                self.assertIn(point.name, done.out)
                kit.flip(point, where)
        self.home.run("verify", "repo")

    def test_both_copies_damaged_served_by_the_catalogue(self):
        point = self.point()
        kit.flip(point, 100)
        kit.flip(point, header_size(point) + 100)
        self.assertIn("warning: ", self.restore().err)
        self.assertIn(point.name, self.home.run("verify", "repo", status=4).out)

    def test_truncated(self):
        point = self.point()
        data = point.read_bytes()
        for size in (0, 10, header_size(point) * 2 + 1000, len(data) - 1):
            with self.subTest(size=size):
                point.write_bytes(data[:size])
                self.home.run("restore", "repo", "-o", "-", status=None)
                done = self.home.run("verify", "repo", status=4)
                self.assertIn(point.name, done.out)
        point.unlink()
        self.home.run("verify", "repo", status=4)

    def test_verify_goes_on_after_damage(self):
        self.home.backup(b"two")
        points = [p for p in self.home.objects("points") if "-full-" in p.name]
        for point in points:
            kit.flip(point, point.stat().st_size - 80)
        found = self.home.json("verify", "repo", status=4)["findings"]
        named = {os.path.basename(f["object"]) for f in found}
        self.assertLessEqual({p.name for p in points}, named)

    def test_verify_one_point(self):
        self.home.backup(b"two")
        point = self.point()
        kit.flip(point, point.stat().st_size - 80)
        by_number = [self.home.run("verify", "repo", "--point", n, status=None).status
                     for n in ("1", "2")]
        self.assertEqual(sorted(by_number), [0, 4])
        self.home.run("verify", "repo", "--point", "3", status=1)

    def test_chain_of_another_key_under_the_same_name(self):
        """A KMS that answers and cannot open what names its key: tampered."""
        shutil.rmtree(self.home / "ks")
        self.home.run("keystore", "create", "ks", "--key", "vm", "--passphrase-file", "pass")
        self.restore(status=3)


if __name__ == "__main__":
    kit.main()
