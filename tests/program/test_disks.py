"""Disk images: what is stored is what changed, whatever the size; what is restored is the disk and nothing that
lay in its place."""
import hashlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import kit

BLOCK = 65536
MIB = 1 << 20


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Disks(kit.Case):
    def setUp(self):
        super().setUp()
        self.home.chain()
        self.random = random.Random(5)
        self.disk = self.home / "disk"

    def backup(self, *more):
        return self.home.json("backup", "repo", "disk", *more)["point"]

    def check(self, number, wanted):
        out = self.home / "out"
        self.home.run("restore", "repo", "--point", number, "-o", "out", "--force")
        self.assertEqual(digest(out), wanted, f"point {number}")
        return out

    def write(self, offset, length):
        with open(self.disk, "r+b") as file:
            file.seek(offset)
            file.write(self.random.randbytes(length))

    def ext4(self, size):
        kit.need("mkfs.ext4")
        self.home.tool("truncate", "-s", size, "disk")
        self.home.tool("mkfs.ext4", "-q", "-d", os.environ["ENVELOPE_ROOT"] + "/docs", "disk")

    def test_nothing_changed(self):
        self.ext4(256 * MIB)
        full = self.backup()
        same = self.backup()
        self.assertLess(same["stored_bytes"], 100000)
        self.home.rotate()
        rotated = self.backup()
        self.assertEqual(rotated["kind"], "increment")
        # an index for each of two segments, and no block
        self.assertLess(rotated["stored_bytes"], 32768 + 2 * 49152 + 4 * 16400 + 1000)
        self.check(3, digest(self.disk))
        self.assertLess(full["stored_bytes"], self.disk.stat().st_blocks * 512 + 16 * MIB)

    def test_one_percent(self):
        """storage.md's arithmetic: the blocks, an index for each segment touched, and little else."""
        size = 256 * MIB
        with open(self.disk, "wb") as file:
            for _ in range(size // MIB):
                file.write(self.random.randbytes(MIB))
        self.backup()
        blocks = self.random.sample(range(size // BLOCK), size // BLOCK // 100)
        for block in blocks:
            self.write(block * BLOCK + self.random.randrange(BLOCK - 8), 8)
        stored = self.backup()["stored_bytes"]
        plain = len(blocks) * BLOCK + 2 * 49152
        self.assertGreater(stored, plain)
        self.assertLess(stored, plain * 16400 // 16384 + 32768 + 6 * 16400)
        self.check(2, digest(self.disk))

    def test_xfs_and_partitions(self):
        kit.need("mkfs.xfs", "sfdisk")
        self.home.tool("truncate", "-s", 400 * MIB, "disk")
        self.home.tool("mkfs.xfs", "-q", "disk")
        self.backup()
        first = digest(self.disk)
        table = "label: gpt\nsize=100MiB\nsize=200MiB\n"
        self.home.tool("sfdisk", "-q", "--force", "disk", data=table.encode())
        self.home.tool("mkfs.ext4", "-q", "-F", "-E", f"offset={MIB}", "disk", "100000")
        self.backup()
        self.check(1, first)
        self.check(2, digest(self.disk))

    def test_changed_extents(self):
        self.ext4(64 * MIB)
        self.backup()
        self.write(20 * MIB + 5, 300000)
        (self.home / "changed").write_text(f"# of a tracker\n{20 * MIB + 5} 300000\n\n0 512 # twice\n")
        point = self.backup("--changed-extents", "changed")
        self.assertLess(point["stored_bytes"], 700000)
        self.check(2, digest(self.disk))
        before = digest(self.disk)
        self.write(40 * MIB, 100)  # what the tracker does not name is not seen
        self.backup("--changed-extents", "changed")
        self.check(3, before)
        for wrong in ("5\n", "5 x\n", "-1 5\n", "18446744073709551615 1\n", "1 2 3\n"):
            (self.home / "changed").write_text("0 512\n" + wrong)
            answer = self.home.run("backup", "repo", "disk", "--changed-extents", "changed", status=2)
            self.assertIn("changed:2:", answer.err, wrong)

    def test_grown_and_shrunk(self):
        self.ext4(8 * MIB)
        wanted = []
        for size in (8 * MIB, 9 * MIB + 777, 5 * MIB + 1, 0, 3 * MIB):
            os.truncate(self.disk, size)
            if size > MIB:
                self.write(size - 100000, 100000)
            self.backup()
            wanted.append(digest(self.disk))
        for number, one in enumerate(wanted, 1):
            self.check(number, one)

    def test_direct_and_range(self):
        self.ext4(32 * MIB)
        os.truncate(self.disk, 32 * MIB + 1234)
        self.backup("--direct")
        self.check(1, digest(self.disk))
        data = self.disk.read_bytes()
        part = self.home.run("restore", "repo", "--range", f"{MIB - 7}:{2 * BLOCK}", "-o", "-").raw
        self.assertEqual(part, data[MIB - 7:MIB - 7 + 2 * BLOCK])
        for wrong in ("5", "5:", f"0:{len(data) + 1}", "x:1", f"{len(data) + 1}:0"):
            self.home.run("restore", "repo", "--range", wrong, "-o", "-", status=2)

    def test_sixteen_tebibytes(self):
        """Sparse, end to end, where the file system takes such a file: the map costs 2 MiB, memory little."""
        size = 16 << 40
        folder = pathlib.Path(tempfile.mkdtemp(prefix="envelope-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, folder)
        disk, out = folder / "disk", folder / "out"
        try:
            with open(disk, "wb") as file:
                file.truncate(size)
                for at in (0, 5 << 40, size - 4096):
                    file.seek(at)
                    file.write(kit.sample(4096, at + 1))
        except OSError as e:
            raise unittest.SkipTest(f"no sparse file of 16 TiB in /dev/shm: {e}") from e
        peaks = [self.peak("backup", "repo", disk)]
        with open(disk, "r+b") as file:
            file.seek(9 << 40)
            file.write(b"changed")
        peaks += [self.peak("backup", "repo", disk), self.peak("restore", "repo", "-o", out)]
        points = self.home.json("list", "repo")["points"]
        self.assertEqual([p["bytes"] for p in points], [size, size])
        self.assertLess(points[1]["stored_bytes"], (2 << 20) + 4 * BLOCK)
        with open(disk, "rb") as a, open(out, "rb") as b:
            self.assertEqual(os.fstat(b.fileno()).st_size, size)
            for at in (0, 5 << 40, 9 << 40, size - 65536, 3 << 40):
                a.seek(at)
                b.seek(at)
                self.assertEqual(a.read(65536), b.read(65536), at)
        self.assertLess(max(peaks), 64 * 1024, f"KiB: {peaks}")
        print(f"# 16 TiB: KiB in memory {peaks}, stored {[p['stored_bytes'] for p in points]}")

    def peak(self, *args):
        """Of a run: its greatest resident memory, in KiB."""
        probe = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
                 "stdout=subprocess.DEVNULL); "
                 "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", probe, kit.PROGRAM, *map(str, args)],
                              cwd=self.home.path, env=self.home.env, capture_output=True, check=True)
        return int(done.stdout)

    def test_over_what_was_there(self):
        """Zeros are an instruction: what lay in a file that is replaced does not shine through."""
        self.ext4(16 * MIB)
        self.backup()
        (self.home / "out").write_bytes(b"\xff" * (20 * MIB))
        self.check(1, digest(self.disk))

    def test_lost_full(self):
        self.ext4(16 * MIB)
        self.backup()
        next(p for p in self.home.objects("points") if "-full-" in p.name).unlink()
        answer = self.home.json("backup", "repo", "disk")
        self.assertEqual(answer["point"]["kind"], "full")
        self.assertTrue([w for w in answer["warnings"] if "full point" in w["message"]])
        self.check(2, digest(self.disk))


class Forget(kit.Case):
    def setUp(self):
        super().setUp()
        self.home.chain()

    def points(self):
        return [p["number"] for p in self.home.json("list", "repo")["points"]]

    def backup(self, *more):
        self.home.file("disk", kit.sample(200000, self.home.json("list", "repo")["points"].__len__()))
        self.home.run("backup", "repo", "disk", *more)

    def test_what_goes_and_what_waits(self):
        for more in ((), (), ("--full",), (), ()):
            self.backup(*more)
        tree = self.home.run("list", "repo", "--tree").out
        self.assertRegex(tree, r"(?m)^1  .*\n  \+ 2  .*\n3  .*\n  \+ 4  .*\n    \+ 5  ")
        answer = self.home.json("forget", "repo", "--keep-last", "1", "--dry-run")
        self.assertEqual([(p["number"], p["waits_for"]) for p in answer["points"]],
                         [(1, None), (2, None), (3, 5), (4, 5)])
        self.assertEqual(self.points(), [1, 2, 3, 4, 5])
        before = sum(p.stat().st_size for p in self.home.objects("points"))
        answer = self.home.json("forget", "repo", "--keep-last", "1")
        after = sum(p.stat().st_size for p in self.home.objects("points"))
        self.assertEqual(self.points(), [3, 4, 5])
        self.assertGreater(answer["freed_bytes"], 200000)
        self.assertGreater(before - after, 200000)
        self.home.run("forget", "repo", "--point", "9", status=1)
        self.home.run("forget", "repo", status=2)
        self.home.run("forget", "repo", "--point", "5", "--keep-last", "1", status=2)
        out = self.home.run("forget", "repo", "--point", "3").out
        self.assertIn("waits for point 4", out)
        self.assertEqual(self.points(), [3, 4, 5])
        self.home.run("forget", "repo", "--keep-days", "1")
        self.assertEqual(self.points(), [3, 4, 5])
        self.home.run("verify", "repo")

    def test_points_that_are_not_listed_take_nobodys_place(self):
        """Whoever once had a key makes points of his generation, as many as he likes."""
        self.backup("--full")
        self.backup("--full")
        aside = self.home / "aside"
        shutil.copytree(self.home / "repo", aside)
        shutil.copytree(self.home.state, self.home / "other")
        self.home.run("refresh", "repo", "--new-generation")
        self.home.run("backup", "aside", "disk", "--full", "--state", self.home / "other")
        for made in aside.glob("chains/*/points/*-full-*"):
            there = self.home / "repo" / made.relative_to(aside)
            if not there.exists():
                shutil.copy(made, there)
        self.assertEqual(self.points(), [1, 2, 3])
        answer = self.home.run("forget", "repo", "--point", "3", status=1)
        self.assertIn("not in the catalogue", answer.err)
        answer = self.home.json("forget", "repo", "--keep-last", "1")
        self.assertEqual([p["number"] for p in answer["points"]], [1])
        self.assertEqual(self.points(), [2, 3])
        self.home.run("restore", "repo", "--point", "2", "-o", "out")

    def test_second_run_is_refused(self):
        self.backup()
        with subprocess.Popen([kit.PROGRAM, "backup", "repo", "-"], cwd=self.home.path,
                              env=self.home.env, stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
            first.stdin.write(b"x" * 3000000)
            first.stdin.flush()
            while not list(self.home.path.glob("repo/chains/*/tmp/*")):
                self.assertIsNone(first.poll())
                time.sleep(0.05)
            time.sleep(0.5)  # its headers, too
            # Another host: another place for the pin, so that nothing but the repository is shared.
            other = ("backup", "repo", "disk", "--state", self.home / "other")
            answer = self.home.run(*other, status=1)
            self.assertRegex(answer.err, f"another run .* [0-9a-f]{{8}}-{first.pid}")
            self.home.run(*other, "--beside")
            first.stdin.close()
            self.assertEqual(first.wait(), 0)
        self.assertEqual(self.points(), [1, 2, 3])
        self.home.run("verify", "repo")


if __name__ == "__main__":
    kit.main()
