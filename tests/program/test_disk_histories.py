"""Disks made and changed by the tools that own them, over many points with rotations in between: every point
restores bit for bit, and again sparse, and an increment stores what changed and little else."""
import hashlib
import itertools
import os
import random
import shutil
import subprocess
import unittest

import kit

BLOCK = 65536
MIB = 1 << 20
THOROUGH = bool(os.environ.get("ENVELOPE_THOROUGH"))
POINTS = 40
FEW = 40 if THOROUGH else 4
ZEROS = bytes(BLOCK)


class Survey:
    """A disk as it was at one point: its digest, and a mark for each block, None where it is zeros."""

    def __init__(self, path):
        whole = hashlib.sha256()
        self.blocks = []
        with open(path, "rb") as file:
            while data := file.read(BLOCK):
                whole.update(data)
                self.blocks.append(None if data == ZEROS[:len(data)] else hash(data))
        self.digest = whole.hexdigest()

    def data(self):
        """Bytes of the blocks that are not zeros."""
        return sum(b is not None for b in self.blocks) * BLOCK

    def changed_from(self, before):
        pairs = itertools.zip_longest(self.blocks, before.blocks)
        return sum(new is not None and new != old for new, old in pairs)


class Case(kit.Case):
    EVERY = 8  # points, of which the first is a full

    def setUp(self):
        super().setUp()
        self.home.chain()
        self.random = random.Random(5)
        self.disk = self.home / "disk"

    def content(self):
        """A file to be put into a file system; every tenth is of zeros."""
        size = self.random.randrange(1, 400000)
        data = bytes(size) if self.random.randrange(10) == 0 else self.random.randbytes(size)
        return self.home.file("content", data)

    def history(self, points, change):
        """change(n) makes of the disk what point n shows."""
        seen = {}
        for n in range(1, points + 1):
            if n in (points // 3 + 1, points * 2 // 3 + 1):
                self.home.rotate(versions=2 if n <= points // 2 else 3)
                self.home.run("refresh", "repo")
            change(n)
            seen[n] = Survey(self.disk)
            point = self.home.json("backup", "repo", "disk", "--full-every", self.EVERY)["point"]
            kind = "full" if n % self.EVERY == 1 else "increment"
            self.assertEqual((point["number"], point["kind"]), (n, kind))
            if kind == "increment":
                self.assertLess(point["stored_bytes"], self.most(seen[n], seen[n - 1]), n)
        for n, then in seen.items():
            self.restored(n, then)
        self.home.run("verify", "repo")
        return seen

    def most(self, now, before):
        """Of an increment: the blocks, an index of each segment, and a chunk for each of the other parts."""
        segments = -(-len(now.blocks) // 2048)
        plain = now.changed_from(before) * BLOCK + segments * 49152 + 5 * 16384
        return plain * 16400 // 16384 + 2 * 16384 + 200

    def restored(self, number, then, *more):
        self.home.run("restore", "repo", "--point", number, "-o", "out", "--force", *more)
        out = self.home / "out"
        self.assertEqual(Survey(out).digest, then.digest, f"point {number}")
        self.assertLess(out.stat().st_blocks * 512, then.data() + MIB, f"point {number} is not sparse")


class Ext4(Case):
    def write(self, device):
        """A file comes, one changes in its middle, one goes, a folder comes."""
        n = self.random.randrange(1 << 30)
        names = [line.split("/")[5] for line in self.look(device, "ls -p /").splitlines()
                 if line.startswith("/") and line.split("/")[2].startswith("100")]
        lines = [f"write {self.content()} f{n}", f"mkdir d{n}"]
        if len(names) > 6:
            lines += [f"rm {name}" for name in self.random.sample(names, 2)]
        self.home.file("script", "\n".join(lines).encode())
        self.home.tool("debugfs", "-w", "-f", "script", device)

    def look(self, device, command):
        return self.home.tool("debugfs", "-R", command, device)

    def test_ext4(self):
        kit.need("mkfs.ext4", "debugfs", "e2fsck")
        self.home.tool("truncate", "-s", 24 * MIB, "disk")
        self.home.tool("mkfs.ext4", "-q", "-d", os.environ["ENVELOPE_ROOT"] + "/docs", "disk")
        seen = self.history(POINTS, lambda n: self.write("disk") if n > 1 else None)
        self.home.tool("e2fsck", "-f", "-n", "out")
        # the newest key alone, on a host without a configuration, the metadata gone
        for folder in self.home.path.glob("repo/chains/*/meta"):
            shutil.rmtree(folder)
        self.home.run("keystore", "export", "ks", "--key", "vm", "-o", "key.pem", "--passphrase-file",
                      "pass")
        shutil.rmtree(self.home / "ks")
        shutil.rmtree(self.home.path / ".config")
        for number in (1, POINTS // 2, POINTS):
            self.restored(number, seen[number], "--key-file", "key.pem")

    def test_partitions(self):
        """A table that is written anew now and then, two file systems behind it."""
        kit.need("mkfs.ext4", "debugfs", "sfdisk", "e2fsck")
        self.home.tool("truncate", "-s", 64 * MIB, "disk")

        def change(n):
            if n % 10 == 1:
                table = f"label: gpt\nsize=24MiB, name=p{n}\nsize=30MiB, name=q{n}\n"
                self.home.tool("sfdisk", "-q", "--force", "disk", data=table.encode())
            if n == 1:
                for first, size in ((1, 24), (25, 30)):
                    self.home.tool("mkfs.ext4", "-q", "-F", "-E", f"offset={first * MIB}", "disk",
                                   f"{size}M")
            self.write(f"disk?offset={(1, 25)[n % 2] * MIB}")

        self.history(FEW, change)
        for first in (1, 25):
            self.home.tool("e2fsck", "-f", "-n", f"out?offset={first * MIB}")

    def test_qcow2_made_raw(self):
        """The disk of a virtual machine: written through qemu, converted for each point."""
        kit.need("mkfs.ext4", "debugfs", "qemu-img", "qemu-nbd", "nbdfuse", "e2fsck")
        self.home.tool("truncate", "-s", 48 * MIB, "raw")
        self.home.tool("mkfs.ext4", "-q", "raw")
        self.home.tool("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "raw", "disk.qcow2")

        def change(_):
            with self.home.exposed("[", "qemu-nbd", "-f", "qcow2", "disk.qcow2", "]") as file:
                self.write(file)
            self.home.tool("qemu-img", "convert", "-f", "qcow2", "-O", "raw", "disk.qcow2", "disk")

        self.history(FEW, change)
        self.home.tool("e2fsck", "-f", "-n", "out")


class Mounted(Case):
    """File systems that only the kernel writes."""

    def mount(self, kind):
        place = self.home / "mounted"
        place.mkdir(exist_ok=True)
        loop = self.home.allowed("losetup", "--find", "--show", "disk").strip()
        try:
            self.home.allowed("mount", "-t", kind, loop, place)
        except unittest.SkipTest:
            self.home.tool("losetup", "--detach", loop)
            raise
        return place, loop

    def unmount(self, place, loop):
        self.home.tool("umount", place)
        self.home.tool("losetup", "--detach", loop)

    def write(self, kind):
        place, loop = self.mount(kind)
        try:
            self.write_files(place)
        finally:
            self.unmount(place, loop)

    def write_files(self, place):
        names = sorted(p for p in place.iterdir() if p.is_file())
        shutil.copy(self.content(), place / f"f{self.random.randrange(1 << 30)}")
        if len(names) < 6:
            return
        changed, shorter, gone = self.random.sample(names, 3)
        with open(changed, "r+b") as file:
            file.seek(self.random.randrange(100000))
            file.write(self.random.randbytes(5000))
        os.truncate(shorter, self.random.randrange(50000))
        gone.unlink()
        subprocess.run(["fstrim", place], env=self.home.env, capture_output=True, check=False)

    def test_xfs(self):
        kit.need("mkfs.xfs", "losetup", "mount", "umount", "xfs_repair")
        self.home.tool("truncate", "-s", 320 * MIB, "disk")
        self.home.tool("mkfs.xfs", "-q", "disk")
        self.history(FEW, lambda n: self.write("xfs"))
        self.home.tool("xfs_repair", "-n", "out")


if __name__ == "__main__":
    kit.main()
