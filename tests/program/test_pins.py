"""What this host remembers: older than that is seen; it never stops reading."""
import shutil

import kit


class Pins(kit.Case):
    def setUp(self):
        super().setUp()
        self.chain_id = self.home.chain()
        self.home.backup(b"one")
        self.pin = self.home.state / f"{self.chain_id}.pin"

    def set_back(self):
        """The repository as it was before the newest point."""
        shutil.copytree(self.home / "repo", self.home / "older")
        self.home.backup(b"two")
        shutil.rmtree(self.home / "repo")
        (self.home / "older").rename(self.home / "repo")

    def test_place_and_mode(self):
        self.assertEqual(self.pin.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.home.state.stat().st_mode & 0o777, 0o700)
        self.assertEqual([p.name for p in self.home.state.glob("*.pin*") if "lock" not in p.name],
                         [self.pin.name])

    def test_with_a_pin_nothing_is_provisional(self):
        self.assertFalse(self.home.json("list", "repo")["provisional"])
        self.pin.unlink()
        self.assertTrue(self.home.json("list", "repo")["provisional"])
        self.assertIn("no pin", self.home.run("list", "repo").err)
        self.assertFalse(self.pin.exists())
        self.home.backup(b"x")
        self.assertFalse(self.home.json("list", "repo")["provisional"])

    def test_rolled_back(self):
        self.set_back()
        before = self.home.objects("points") + self.home.objects("meta")
        self.home.run("backup", "repo", "-", status=4)
        self.home.run("refresh", "repo", status=4)
        self.assertEqual(self.home.objects("points") + self.home.objects("meta"), before)
        done = self.home.run("restore", "repo", "-o", "-")
        self.assertEqual(done.raw, b"one")
        self.assertRegex(done.err, "warning: .*rollback: ")
        self.home.run("list", "repo")
        self.home.run("verify", "repo", status=4)

    def test_without_the_pin_a_rollback_is_not_seen(self):
        """The control: it is the pin that notices."""
        self.set_back()
        self.home.run("restore", "repo", "-o", "-", "--state", "nowhere")
        self.assertEqual(self.home.backup(b"three", "--state", "other"), 2)

    def test_metadata_deleted_is_made_anew(self):
        for path in self.home.objects("meta"):
            path.unlink()
        self.assertEqual(self.home.backup(b"two"), 2)
        self.assertTrue(self.home.objects("meta"))
        self.assertEqual(self.home.run("restore", "repo", "--point", "1", "-o", "-").raw, b"one")

    def test_fork(self):
        """Two histories of one chain: refused without a pin, the pinned one with it."""
        shutil.copytree(self.home / "repo", self.home / "other")
        shutil.copytree(self.home.state, self.home / "other-state")
        self.home.backup(b"mine")
        self.home.backup(b"theirs", "--state", self.home / "other-state", repo="other")
        theirs = self.home.objects("meta", "other")[-1]
        shutil.copy(theirs, self.home.objects("meta")[-1].with_name(f"{99:020}.env"))
        self.home.run("list", "repo", "--state", "nowhere", status=4)
        self.home.run("restore", "repo", "-o", "out", "--state", "nowhere", status=4)
        done = self.home.run("restore", "repo", "-o", "-")
        self.assertEqual(done.raw, b"mine")
        self.assertIn("warning: ", done.err)
        self.home.run("verify", "repo", status=4)

    def test_state_folder(self):
        self.home.backup(b"two", "--state", self.home / "pins")
        self.assertTrue((self.home / "pins" / self.pin.name).exists())
        self.home.env["XDG_STATE_HOME"] = str(self.home / "xdg")
        self.home.backup(b"three")
        self.assertTrue((self.home / "xdg/envelope" / self.pin.name).exists())

    def test_pin_that_others_can_touch(self):
        for mode in (0o602, 0o620, 0o644):
            with self.subTest(mode=oct(mode)):
                self.pin.chmod(mode)
                self.home.run("backup", "repo", "-", status=1)
                self.assertIn("pin is not used", self.home.run("list", "repo").err)
                self.assertTrue(self.home.json("list", "repo")["provisional"])

    def test_damaged_pin(self):
        kit.flip(self.pin, 20)
        done = self.home.run("restore", "repo", "-o", "-")
        self.assertEqual(done.raw, b"one")
        self.assertIn("pin is not used", done.err)
        self.home.run("backup", "repo", "-", status=4)
        self.pin.write_bytes(b"x" * 70000)
        self.home.run("list", "repo")

    def test_pin_that_cannot_be_saved_stops_writing(self):
        before = self.home.objects("points")
        self.home.file("blocked", b"")
        self.home.run("backup", "repo", "-", "--state", self.home / "blocked", status=1)
        self.home.run("backup", "repo", "-", "--state", "/proc", status=1)
        self.assertEqual(self.home.objects("points"), before)


if __name__ == "__main__":
    kit.main()
