#!/usr/bin/python3
"""Whole jobs with stock PyKMIP. It decrypts nothing with RSA, so the private key is fetched, where
the operator allows that. It has no links: a rotation is believed only where names are exclusive."""
import base
import servers

STOCK = servers.Server("A")


class Stock(base.Case):
    server = STOCK
    settings = {"private_key": "get", "names": "exclusive"}


class Pairs(Stock):
    def register(self, user, number, policy="fetch"):
        return user.register_pair(self.key_name(), number, policy)

    def test_main_job(self):
        """Backup, rotation at the server, refresh, backup, metadata gone, old key destroyed: all
        points."""
        with self.user() as user:
            old = self.register(user, 1)
            self.init()
            self.assertEqual(self.backup(b"one"), 1)
            base.next_second()
            self.register(user, 2)
            user.revoke(old.public)
            self.assertEqual(self.refresh(), 1)
            self.assertEqual(self.refresh(), 0)
            self.assertEqual(self.backup(b"two"), 2)
            self.assert_points(b"one", b"two")
            self.drop_metadata()
            self.supersede(user, old)
        self.assert_points(b"one", b"two")
        self.assertEqual(self.backup(b"three"), 3)
        self.assert_points(b"one", b"two", b"three")

    def test_newest_key_alone_opens_all(self):
        """Without the KMS and its configuration: the newest private key, taken from the pool that
        it came from, and what lies in the repository."""
        with self.user() as user:
            self.register(user, 3)
            self.init()
            self.backup(b"one")
            for number in (11, 4):  # two rotations between two jobs
                base.next_second()
                self.register(user, number)
        self.assertEqual(self.backup(b"two"), 2)
        self.drop_metadata()
        alone = ["--config", "/dev/null", "--state", "nowhere", "--key-file"]
        for name, number in (("old", 3), ("new", 4)):
            self.home.secret(f"{name}.pem", servers.admin.pool_file(number).read_text())
        self.assertEqual(self.restore(1, *alone, "new.pem"), b"one")
        self.assertEqual(self.restore(2, *alone, "new.pem"), b"two")
        self.restore(2, *alone, "old.pem", status=3)

    def test_owner_rotates_with_the_program(self):
        """The pair is made by the server; the policy "default" lets the owner alone fetch it."""
        self.who = "admin"
        self.home.run("kms", "create-key", f"lab/{self.key_name()}", "--kms", self.kms())
        self.init()
        self.backup(b"one")
        self.home.run("kms", "rotate", f"lab/{self.key_name()}")
        self.assertEqual(self.refresh(), 1)
        self.backup(b"two")
        self.drop_metadata()
        self.assert_points(b"one", b"two")
        with self.user() as user:
            states = [user.state(uid) for uid in user.locate(self.key_name(), 3)]
        self.assertEqual(sorted(states), [2, 3])
        found = self.home.json("kms", "keys", "lab")["keys"]
        mine = [k for k in found if k["key_name"] == self.key_name()]
        self.assertEqual([k["newest"] for k in mine].count(True), 1)

    def test_export_is_told(self):
        with self.user() as user:
            self.register(user, 1)
        self.init()
        self.backup(b"one")
        done = self.home.run("restore", "repo", "-o", "-")
        self.assertEqual(done.raw, b"one")
        self.assertRegex(done.err, "private key|left the KMS|fetched|exported")

    def test_no_permission_no_fetching(self):
        """The default asks the KMS to decrypt. What it cannot do is said, with the way out."""
        with self.user() as user:
            self.register(user, 1)
        done = self.init(private_key="inside", status=None)
        self.assertNotEqual(done.status, 0)
        self.assertIn("private-key", done.err)
        self.assertFalse(self.home.objects("points"))
        self.init(private_key="inside-or-get")
        self.backup(b"one")
        self.assert_points(b"one")

    def test_another_identity_may_not_fetch(self):
        """A neighbour sees the public half, and cannot make a chain that he could not read."""
        with self.user() as user:
            user.register_pair(self.key_name(), 5)
        done = self.init(who="tenant2", status=None)
        self.assertNotEqual(done.status, 0)
        self.assertFalse(self.home.objects("points"))

    def test_without_links_and_exclusive_names_a_rotation_is_refused(self):
        self.settings = {"private_key": "get"}
        with self.user() as user:
            old = self.register(user, 6)
            self.init()
            self.backup(b"one")
            base.next_second()
            self.register(user, 7)
            # Both are there: the one in use goes on, and somebody is told.
            self.assertIn("passed over", self.home.run("backup", "repo", "-", data=b"two").err)
            user.revoke(old.public)
            self.assertIn("exclusive", self.backup(b"three", status=1).err)
        self.assert_points(b"one", b"two")
        self.configured("", "names = exclusive")
        self.assertEqual(self.backup(b"three"), 3)

    def test_a_server_that_goes_back_to_the_superseded_version(self):
        """As a replica does that is behind: nothing is sealed for it any more."""
        with self.user() as user:
            self.register(user, 9)
            self.init()
            self.backup(b"one")
            base.next_second()
            new = self.register(user, 10)
            self.backup(b"two")
            user.revoke(new.public)
        done = self.backup(b"three", status=5)
        self.assertIn("superseded", done.err)
        self.assert_points(b"one", b"two")

    def test_deactivated_and_compromised(self):
        """Nothing is sealed for them; Get opens what was."""
        with self.user() as user:
            pair = self.register(user, 8)
            self.init()
            self.backup(b"one")
            for code, word in ((5, "deactivated"), (2, "compromised")):
                for uid in (pair.public, pair.private):
                    user.revoke(uid, code)
                self.assertIn(word, self.backup(b"two", status=1).err)
                self.assert_points(b"one")


class Symmetric(Stock):
    """AES-256: the server gives it out, to the one who wraps and unwraps."""
    settings = {"private_key": "get", "names": "exclusive"}

    def test_main_job(self):
        with self.user() as user:
            old = user.create_aes(self.key_name(), "fetch")
            self.init()
            self.backup(b"one")
            base.next_second()
            user.create_aes(self.key_name(), "fetch")
            user.revoke(old)
            self.assertEqual(self.refresh(), 1)
            self.backup(b"two")
            self.drop_metadata()
            self.assert_points(b"one", b"two")
            user.destroy(old)
        self.assert_points(b"one", b"two")

    def test_with_the_program(self):
        self.who = "admin"
        self.home.run("kms", "create-key", f"lab/{self.key_name()}", "--aes", "--kms", self.kms())
        self.init()
        self.backup(b"one")
        base.next_second()
        self.home.run("kms", "rotate", f"lab/{self.key_name()}")
        self.backup(b"two")
        self.drop_metadata()
        self.assert_points(b"one", b"two")

    def test_no_permission_no_fetching(self):
        with self.user() as user:
            user.create_aes(self.key_name(), "fetch")
        done = self.init(private_key="inside", status=None)
        self.assertNotEqual(done.status, 0)
        self.assertFalse(self.home.objects("points"))

    def test_the_key_is_in_no_file(self):
        with self.user() as user:
            secret = user.get(user.create_aes(self.key_name(), "fetch"))
        self.init()
        self.backup(b"one")
        self.assert_points(b"one")
        for path in self.home.path.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                self.assertNotIn(secret, data, path)
                self.assertNotIn(secret.hex().encode(), data, path)


if __name__ == "__main__":
    base.main(STOCK)
