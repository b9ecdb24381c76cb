#!/usr/bin/python3
"""A KMS that is away, or goes away: exit status 5 with words, and nothing lost."""
import subprocess

import base
import kit
import servers

KMS = servers.Server("B", extended=True, pairs=range(1, 13))


class Outage(base.Case):
    server = KMS

    def setUp(self):
        super().setUp()
        with self.user() as user:
            user.create_pair(self.key_name(), "inside")

    def test_down(self):
        self.init()
        self.backup(b"one")
        before = self.home.objects("points") + self.home.objects("meta")
        self.server.stop()
        try:
            for line in (["backup", "repo", "-"], ["restore", "repo", "-o", "out"],
                         ["list", "repo"], ["refresh", "repo"], ["verify", "repo"],
                         ["kms", "test", "lab"], ["kms", "keys", "lab"]):
                done = self.home.run(*line, status=5)
                self.assertIn(self.server.endpoint(), done.err, line)
                self.assertIn("lab", done.err, line)
            self.assertEqual(self.home.json("list", "repo", status=5)["exit"], 5)
        finally:
            self.server.start()
        self.assertEqual(self.home.objects("points") + self.home.objects("meta"), before)
        self.assertFalse((self.home / "out").exists())
        self.assertEqual(self.backup(b"two"), 2)
        self.assert_points(b"one", b"two")

    def test_restarted_in_the_middle_of_a_backup(self):
        self.init()
        data = kit.sample(3 << 20)
        job = subprocess.Popen([kit.PROGRAM, "backup", "repo", "-"], cwd=self.home.path,
                               env=self.home.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # More than the pipe holds: once this returns the job has begun, and asked the KMS.
        job.stdin.write(data[:1 << 20])
        job.stdin.flush()
        self.server.restart()
        job.stdin.write(data[1 << 20:])
        job.stdin.close()
        self.assertEqual(job.wait(), 0)
        job.stdout.close()
        self.assert_points(data)

    def test_down_when_a_backup_ends(self):
        """The point is there, unlisted or not, and nothing is lost: the next job goes on."""
        self.init()
        self.backup(b"one")
        job = subprocess.Popen([kit.PROGRAM, "backup", "repo", "-"], cwd=self.home.path,
                               env=self.home.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        job.stdin.write(bytes(1 << 20))
        job.stdin.flush()
        self.server.stop()
        try:
            out, err = job.communicate()
            self.assertIn(job.returncode, (0, 5), (out, err))
        finally:
            self.server.start()
        self.assertEqual(self.backup(b"three"), 3)
        self.assert_points(b"one", bytes(1 << 20), b"three")


if __name__ == "__main__":
    base.main(KMS)
