"""Clients of a served restore point: fio, a mount, many connections at once, and some that go away."""
import errno
import filecmp
import itertools
import os
import pathlib
import random
import shutil
import unittest

import kit
import serving
from serving import MIB

ROOT = pathlib.Path(os.environ["ENVELOPE_ROOT"])
THOROUGH = bool(os.environ.get("ENVELOPE_THOROUGH"))


class Fio(serving.Case):
    """fio writes the disk, a checksum and the place in every 4 KiB, and looks at them again through NBD."""

    HEADERS = ("--verify=crc32c", "--verify_interval=4k")
    READS = (("4k", 1, 1), ("16k", 8, 2), ("64k", 16, 4), ("1m", 4, 8))
    if THOROUGH:
        READS = itertools.product(("4k", "16k", "64k", "128k", "1m"), (1, 4, 32), (1, 2, 8))

    def setUp(self):
        super().setUp()
        kit.need("fio")
        if "nbd" not in self.tool("fio", "--enghelp"):
            raise unittest.SkipTest("fio was built without nbd")

    def write(self, *more):
        self.tool("fio", "--name=w", "--filename=disk", "--rw=write", "--bs=64k", *self.HEADERS,
                  "--do_verify=0", "--ioengine=psync", *more)
        self.home.run("backup", "repo", "disk")

    def read(self, size, depth, jobs, status=0):
        return self.tool("fio", "--name=r", "--minimal", "--readonly", "--ioengine=nbd", f"--uri={self.uri()}",
                         "--rw=randread", "--size=32m", f"--bs={size}", f"--iodepth={depth}",
                         f"--numjobs={jobs}", "--thread", *self.HEADERS, "--verify_fatal=1",
                         status=status)

    def test_every_read_is_verified(self):
        self.write("--size=32m")
        self.home.rotate()
        self.write("--size=4m", "--offset=8m")
        self.start()
        for read in self.READS:
            with self.subTest(read=read):
                self.read(*read)
        self.stop()
        with open(self.home / "disk", "r+b") as file:  # and it would see one wrong byte
            file.seek(20 * MIB + 1000)
            file.write(bytes([1 + file.read(1)[0] & 255]))
        self.home.run("backup", "repo", "disk")
        self.start()
        self.assertIn("verify", self.read("4k", 8, 1, status=1))


class Files(serving.Case):
    """A file system whose disk is served: the files in it are those that were put there."""

    def setUp(self):
        super().setUp()
        kit.need("mkfs.ext4", "debugfs", "e2fsck", "nbdfuse")
        self.wanted = self.home / "wanted"
        shutil.copytree(ROOT / "docs", self.wanted / "docs")
        self.tool("truncate", "-s", "48M", "disk")
        self.tool("mkfs.ext4", "-q", "-d", "wanted", "disk")
        self.home.run("backup", "repo", "disk")
        later = self.home.file("wanted/later", kit.sample(3 * MIB))
        self.tool("debugfs", "-w", "-R", f"write {later} later", "disk")
        self.tool("debugfs", "-w", "-R", "rm docs/format.md", "disk")
        (self.wanted / "docs/format.md").unlink()
        self.home.run("backup", "repo", "disk")
        self.start()

    def same(self, found):
        names = sorted(p.relative_to(self.wanted) for p in self.wanted.rglob("*"))
        there = sorted(p.relative_to(found) for p in found.rglob("*") if p.name != "lost+found")
        self.assertEqual(there, names)
        for name in names:
            if (self.wanted / name).is_file():
                self.assertTrue(filecmp.cmp(self.wanted / name, found / name, shallow=False), name)

    def test_looked_at_as_a_file(self):
        with self.home.exposed(self.uri(), how=["-r"]) as image:
            self.assertEqual(image.stat().st_mode & 0o222, 0)
            self.assertTrue(filecmp.cmp(self.home / "disk", image, shallow=False))
            self.tool("e2fsck", "-f", "-n", image)
            (self.home / "found").mkdir()
            self.tool("debugfs", "-R", "rdump / found", image)
        self.same(self.home / "found")

    def test_mounted(self):
        kit.need("losetup", "mount", "umount")
        place = self.home / "mounted"
        place.mkdir()
        with self.home.exposed(self.uri(), how=["-r"]) as image:
            loop = self.home.allowed("losetup", "--find", "--show", "--read-only", image).strip()
            try:
                self.home.allowed("mount", "-t", "ext4", "-o", "ro", loop, place)
                try:
                    self.same(place)
                finally:
                    self.tool("umount", place)
            finally:
                self.tool("losetup", "--detach", loop)


class Many(serving.Case):
    CLIENTS, EACH = 8, 16

    def setUp(self):
        super().setUp()
        self.nbd = serving.libnbd()
        self.random = random.Random(3)
        self.data = self.disk()

    def connect(self):
        handle = self.nbd.NBD()
        handle.connect_uri(self.uri())
        return handle

    def ask(self, handle, length):
        """Of places with data, mostly: of every 3 MiB the beginning has some."""
        at = min(self.random.randrange(8) * 3 * MIB + self.random.randrange(210000),
                 len(self.data) - length)
        buffer = self.nbd.Buffer(length)
        return handle, handle.aio_pread(buffer, at), buffer, at, length

    def finish(self, request):
        """The bytes, or None where the server said that they cannot be read."""
        handle, cookie, buffer, at, length = request
        try:
            while not handle.aio_command_completed(cookie):
                handle.poll(-1)
        except self.nbd.Error as e:
            self.assertEqual(e.errnum, errno.EIO)
            return None
        found = bytes(buffer.to_bytearray())
        self.assertEqual(found, self.data[at:at + length], (at, length))
        return found

    def round(self, handles):
        """All requests are on their way before the first answer is looked at."""
        asked = [self.ask(handle, 1 + self.random.randrange(70000))
                 for _ in range(self.EACH) for handle in handles]
        return [(request, self.finish(request)) for request in asked]

    def test_eight_at_once(self):
        self.start()
        handles = [self.connect() for _ in range(self.CLIENTS)]
        for _ in range(4):
            for _, found in self.round(handles):
                self.assertIsNotNone(found)
        for handle in handles:
            handle.shutdown()
        self.stop()

    def test_eight_at_once_meet_damage(self):
        """Each gets the right bytes or an error, and none gets an error for what is whole. All of them
        meet it first, since what is told is told once."""
        full = self.point("full")
        with open(full, "r+b") as file:
            for block in range(32):  # the second chunk of each
                file.seek(32768 + 56 + block * 4 * 16400 + 20000)
                file.write(b"damage")
        self.start()
        handles = [self.connect() for _ in range(self.CLIENTS)]
        answers = [answer for _ in range(4) for answer in self.round(handles)]
        bad = [at for at in range(0, len(self.data), 16384) if self.is_bad(handles[0], at)]
        self.assertEqual(len(bad), 32)
        for (_, _, _, at, length), found in answers:
            touched = any(b < at + length and at < b + 16384 for b in bad)
            self.assertEqual(found is None, touched, (at, length))
        self.assertIn("take the object from another copy", self.said.read_text())
        for handle in handles:
            handle.shutdown()
        self.stop()

    def is_bad(self, handle, at):
        try:
            handle.pread(16384, at)
        except self.nbd.Error:
            return True
        return False

    def test_clients_that_go_away(self):
        """In the middle of their answers, without a word: the others are served, and nothing is kept."""
        self.start()
        stays = self.connect()
        self.round([stays])  # both objects are open
        descriptors = pathlib.Path(f"/proc/{self.server.pid}/fd")
        before = len(list(descriptors.iterdir()))
        for _ in range(20):
            goes = [self.connect() for _ in range(4)]
            for handle in goes:
                for _ in range(4):
                    self.ask(handle, MIB)
            del goes, handle
            for _, found in self.round([stays]):
                self.assertIsNotNone(found)
        kit.soon(lambda: len(list(descriptors.iterdir())) <= before,
                     lambda: f"descriptors: {before} before, {len(list(descriptors.iterdir()))} now")
        stays.shutdown()
        self.stop()


if __name__ == "__main__":
    kit.main()
