#!/usr/bin/python3
"""Neighbours under one name, identities that may only read, certificates that are refused."""
import base
import servers

KMS = servers.Server("B", extended=True, pairs=range(1, 11), env={"KMIP_POLICY": "inside"})


class Identities(base.Case):
    server = KMS

    def neighbour(self, policy):
        base.next_second()
        with self.user("tenant2") as other:
            return other.register_pair(self.key_name(), 12, policy)

    def test_neighbour_with_a_newer_key_of_our_name(self):
        """Names are not unique: whoever may make keys there may take ours. It is not believed."""
        with self.user() as user:
            pair = user.create_pair(self.key_name())
            self.init()
            self.backup(b"one")
            theirs = self.neighbour("inside")
            # It stops nobody, and it is told.
            self.assertIn("passed over", self.home.run("backup", "repo", "-", data=b"two").err)
            # The only active one under the name, even: still nothing shows that it replaces ours.
            user.revoke(pair.public)
            self.assertIn("exclusive", self.backup(b"three", status=1).err)
        self.assert_points(b"one", b"two")
        self.assertNotIn(theirs.private, self.home.run("keys", "repo").out.split())

    def test_neighbour_where_names_are_said_to_be_exclusive(self):
        """That was the operator's word. A key that this identity cannot use is refused even so."""
        with self.user() as user:
            user.create_pair(self.key_name())
        self.init(names="exclusive")
        self.backup(b"one")
        self.neighbour("locked")
        self.assertIn("PERMISSION_DENIED", self.backup(b"two", status=3).err)
        self.assert_points(b"one")
        self.neighbour("inside")
        self.assertEqual(self.backup(b"two"), 2)
        self.assert_points(b"one", b"two")

    def test_identity_that_may_only_read_public_keys(self):
        """It makes no chain, since it cannot prove the key, and it opens and adds nothing."""
        with self.user() as user:
            user.register_pair(self.key_name(), 11)
            done = self.init(who="writer", status=None)
            self.assertNotEqual(done.status, 0)
            self.assertFalse(self.home.objects("meta"))
        self.home.config.unlink(missing_ok=True)
        self.init(who="admin", private_key="get")
        self.backup(b"one")
        before = self.home.objects("points") + self.home.objects("meta")
        self.configured("/admin.", "/writer.")
        for line in (["restore", "repo", "-o", "out"], ["backup", "repo", "-"], ["list", "repo"]):
            done = self.home.run(*line, status=3)
            self.assertIn(self.key_name(), done.err)
        self.assertFalse((self.home / "out").exists())
        self.assertEqual(self.home.objects("points") + self.home.objects("meta"), before)

    def test_bad_certificates(self):
        """Told apart from an outage where the server says so; never a hang."""
        with self.user() as user:
            user.create_pair(self.key_name())
        for who in ("expired", "foreign", "no-usage"):
            done = self.init(who=who, status=None)
            self.assertIn(done.status, (1, 2, 3, 5), who)
            self.assertRegex(done.err, "certificate|identity|authenticat", who)
        self.init()


if __name__ == "__main__":
    base.main(KMS)
