#!/usr/bin/python3
"""Whole jobs with a KMS that decrypts and keeps its keys. Nothing fetched, links are evidence."""
import base
import servers

KMS = servers.Server("B", extended=True, pairs=range(1, 13), env={"KMIP_POLICY": "inside"})


class Extended(base.Case):
    server = KMS

    def create(self, user):
        return user.create_pair(self.key_name())

    def refused_by_the_server(self, uid):
        """Nobody is given the private half, by the server's own word."""
        for who in ("admin", "backup"):
            with self.user(who) as user, self.assertRaises(servers.admin.Refused) as refused:
                user.get(uid)
            self.assertEqual(refused.exception.reason, servers.admin.DENIED)

    def test_main_job(self):
        with self.user() as user:
            old = self.create(user)
            self.refused_by_the_server(old.private)
            self.init()
            self.assertEqual(self.backup(b"one"), 1)
            new = user.rekey_pair(old)
            self.refused_by_the_server(new.private)
            self.assertEqual(self.refresh(), 1)
            self.assertEqual(self.refresh(), 0)
            self.assertEqual(self.backup(b"two"), 2)
            self.assert_points(b"one", b"two")
            self.drop_metadata()
            self.supersede(user, old)
        self.assert_points(b"one", b"two")
        self.assertEqual(self.backup(b"three"), 3)
        self.assert_points(b"one", b"two", b"three")

    def test_with_the_program(self):
        self.home.run("kms", "create-key", f"lab/{self.key_name()}", "--kms", self.kms("admin"))
        self.init()
        self.backup(b"one")
        self.home.run("kms", "rotate", f"lab/{self.key_name()}", "--kms",
                      self.server.option("admin", "admin").replace("admin=", "lab=", 1),
                      "--config", "/dev/null")
        self.assertEqual(self.backup(b"two"), 2)
        with self.user() as user:
            (public,) = user.locate(self.key_name(), 3)
            self.assertIn(0x107, user.links(public))
        self.drop_metadata()
        self.assert_points(b"one", b"two")

    def test_twice_between_two_jobs(self):
        """The link of the newest names a version that this host never saw."""
        with self.user() as user:
            pair = self.create(user)
            self.init()
            self.backup(b"one")
            user.rekey_pair(user.rekey_pair(pair))
        self.assertEqual(self.backup(b"two"), 2)
        self.drop_metadata()
        self.assert_points(b"one", b"two")

    def test_a_server_that_is_behind(self):
        """A replica without the newest key cannot open what is newest: nothing is written."""
        with self.user() as user:
            pair = self.create(user)
            self.init()
            self.backup(b"one")
            replica = self.server.replica()
            user.rekey_pair(pair)
        self.assertEqual(self.backup(b"two"), 2)
        before = self.home.objects("points") + self.home.objects("meta")
        with servers.running(replica):
            behind = self.home.config.read_text().replace(self.server.endpoint(),
                                                          replica.endpoint())
            self.home.file("behind.ini", behind.encode())
            done = self.backup(b"three", "--config", "behind.ini", status=3)
            self.assertIn(self.key_name(), done.err)
        self.assertEqual(self.home.objects("points") + self.home.objects("meta"), before)
        self.assert_points(b"one", b"two")

    def test_deactivated_by_rekey(self):
        """Some products do: PYKMIP_REKEY_DEACTIVATE. The old version still decrypts."""
        self.server.env["PYKMIP_REKEY_DEACTIVATE"] = "1"
        self.server.restart()
        self.addCleanup(self.server.restart)
        self.addCleanup(self.server.env.pop, "PYKMIP_REKEY_DEACTIVATE")
        with self.user() as user:
            pair = self.create(user)
            self.init()
            self.backup(b"one")
            user.rekey_pair(pair)
            self.assertEqual(user.state(pair.private), servers.admin.DEACTIVATED)
            self.assert_points(b"one")
            self.assertEqual(self.backup(b"two"), 2)
            self.assert_points(b"one", b"two")

    def test_compromised(self):
        with self.user() as user:
            pair = self.create(user)
            self.init()
            self.backup(b"one")
            for uid in (pair.public, pair.private):
                user.revoke(uid, servers.admin.COMPROMISE)
        self.assertIn("compromised", self.backup(b"two", status=1).err)
        self.assert_points(b"one")

    def test_not_active_yet(self):
        with self.user() as user:
            pair = user.create_pair(self.key_name(), activate=False)
            self.assertIn("not active", self.init(status=1).err)
            user.activate(pair.private)
            user.activate(pair.public)
        self.init()


if __name__ == "__main__":
    base.main(KMS)
