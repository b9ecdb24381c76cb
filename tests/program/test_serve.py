"""A restore point served as a disk by nbdkit: the same bytes, also with the KMS gone; errors where it is
damaged; nothing left behind."""
import os
import pathlib
import shutil
import socket
import tempfile
import time
import unittest

import kit
import serving
from serving import MIB

DEPTH = 100 if os.environ.get("ENVELOPE_THOROUGH") else 20


class Serve(serving.Case):
    def test_the_same_bytes_without_a_kms(self):
        data = self.disk()
        self.start()
        shutil.rmtree(self.home / "ks")
        self.assertEqual(self.copy(), data)
        self.assertLess((self.home / "out").stat().st_blocks * 512, 8 * MIB)  # holes are told
        self.assertIn("hole,zero", self.tool("nbdinfo", "--map", "--totals", self.uri()))

    def test_killed_and_started_again(self):
        data = self.disk()
        self.start("--point", "2")
        self.kill()
        self.assertTrue((self.home / "sock").exists())
        self.start("--point", "1")
        out = self.copy()
        self.assertEqual(out[:5 * MIB], data[:5 * MIB])
        self.assertEqual(out[5 * MIB:5 * MIB + 10], bytes(10))

    def test_from_the_shell_of_nbd(self):
        kit.need("nbdsh")
        serving.libnbd()
        data = self.disk()
        self.start()
        more = (f"assert h.get_size() == {len(data)}", "assert h.is_read_only()",
                "assert h.can_multi_conn()", f"print(bytes(h.pread(12, {5 * MIB - 1})))")
        lines = [part for line in more for part in ("-c", line)]
        self.assertEqual(self.tool("nbdsh", "-u", self.uri(), *lines).strip(),
                         repr(data[5 * MIB - 1:5 * MIB + 11]))

    def test_what_is_wrong_is_said_before(self):
        self.disk()
        self.home.run("serve", "repo", "--socket", "sock", "--point", "7", status=1)
        self.home.run("serve", "repo", "--socket", "sock", "--point", "x", status=2)
        self.home.run("serve", "repo", status=2)
        shutil.rmtree(self.home / "ks")
        self.home.run("serve", "repo", "--socket", "sock", status=5)


class Socket(serving.Case):
    def setUp(self):
        super().setUp()
        self.home.run("backup", "repo", "-", data=b"x" * 5000)
        self.sock = self.home / "sock"

    def refused(self, path, status=1):
        other = self.launch(socket=path, said="refused")
        self.addCleanup(other.kill)
        self.assertEqual(other.wait(60), status)
        return (self.home / "refused").read_text()

    def test_for_nobody_else_and_gone_at_the_end(self):
        self.start()
        self.assertEqual(self.sock.stat().st_mode & 0o777, 0o600)
        self.stop()
        self.assertFalse(self.sock.exists())

    def test_gone_though_somebody_was_connected(self):
        """nbdkit may wait for him, and refuses what he asks meanwhile."""
        nbd = serving.libnbd()
        self.start()
        handle = nbd.NBD()
        handle.connect_uri(self.uri())
        self.assertEqual(handle.pread(100, 0), b"x" * 100)
        self.server.terminate()
        with self.assertRaises(nbd.Error):
            while True:
                handle.pread(100, 10)
        del handle
        self.stop()
        self.assertFalse(self.sock.exists())

    def test_that_of_another_server_stays(self):
        self.start()
        first = self.server
        self.sock.unlink()
        self.start()
        first.terminate()
        first.wait(60)
        self.assertTrue(self.connects())
        self.stop()

    def test_a_place_that_is_taken(self):
        self.start()
        self.assertIn("in use", self.refused("sock"))
        self.assertTrue(self.connects())
        self.home.file("file", b"mine")
        self.assertIn("no socket", self.refused("file"))
        self.assertEqual((self.home / "file").read_bytes(), b"mine")
        self.assertIn("longer", self.refused("x" * 108, status=2))

    def test_a_socket_that_nobody_listens_at(self):
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(self.sock))
        left.close()
        self.start()
        self.assertEqual(self.copy(), b"x" * 5000)


class Damage(serving.Case):
    """What happens to the repository while a point of it is served."""

    def setUp(self):
        super().setUp()
        self.nbd = serving.libnbd()
        self.data = self.disk()

    def connect(self):
        handle = self.nbd.NBD()
        handle.connect_uri(self.uri())
        return handle

    def fails(self, handle, at):
        with self.assertRaises(self.nbd.Error) as caught:
            handle.pread(512, at)
        self.assertEqual(caught.exception.errno, "EIO")

    def reads(self, handle, at, length=10):
        self.assertEqual(handle.pread(length, at), self.data[at:at + length])

    def told(self, path, *more):
        text = self.said.read_text()
        for part in (path.relative_to(self.home / "repo"), "from another copy of the repository", *more):
            self.assertIn(str(part), text)

    def test_damaged(self):
        full = self.point("full")
        self.start()
        handle = self.connect()
        self.reads(handle, 100)
        with open(full, "r+b") as file:
            file.seek(full.stat().st_size // 2)
            file.write(b"damage")
        bad = [at for at in range(0, len(self.data), 4096) if not self.can_read(handle, at)]
        self.assertEqual(len(bad), 4, bad)  # one chunk: both points are of one generation
        self.told(full, "take the object")
        self.reads(handle, 5 * MIB)
        again = self.connect()
        self.fails(again, bad[0])
        self.reads(again, 0, 200000)

    def can_read(self, handle, at):
        try:
            return handle.pread(4096, at) == self.data[at:at + 4096]
        except self.nbd.Error as e:
            self.assertEqual(e.errno, "EIO")
            return False

    def test_damaged_before(self):
        kit.flip(self.point("full"), 32768 + 56 + 20000)
        self.start()
        self.tool("nbdcopy", self.uri(), "out", status=1)

    def test_cut_short(self):
        full = self.point("full")
        self.start()
        handle = self.connect()
        self.reads(handle, 0)
        os.truncate(full, full.stat().st_size // 2)
        self.fails(handle, 21 * MIB)
        self.told(full, "it ended at byte")
        self.reads(handle, 5 * MIB)

    def test_forgotten(self):
        """What is open stays readable; what was not yet is an error, until it is brought back."""
        full = self.point("full")
        kept = self.home / "kept"
        shutil.copy(full, kept)
        self.home.run("backup", "repo", "disk", "--full")
        self.start("--point", "2")
        handle = self.connect()
        self.reads(handle, 5 * MIB)
        self.home.run("forget", "repo", "--keep-last", "1")
        self.assertFalse(full.exists())
        self.reads(handle, 5 * MIB)
        self.fails(handle, 0)
        self.told(full, "it was forgotten or lost: bring it back")
        shutil.copy(kept, full)
        self.reads(handle, 0, 200000)
        full.unlink()
        self.reads(handle, 3 * MIB, 200000)


class Opening(serving.Case):
    """Less than a second, whatever the size and the depth: counted in what is read until clients can
    connect, by both processes that open the point."""

    def setUp(self):
        super().setUp()
        if not os.path.exists("/proc/self/io"):
            self.skipTest("this kernel does not count what a process reads")

    def cost(self):
        (self.home / "sock").unlink(missing_ok=True)
        begun = time.monotonic()
        self.server = self.launch()
        kit.soon(lambda: (self.home / "sock").exists() or self.server.poll() is not None,
                     self.said.read_text)
        seconds = time.monotonic() - begun
        counts = dict(line.split(": ") for line in
                      pathlib.Path(f"/proc/{self.server.pid}/io").read_text().splitlines())
        self.stop()
        return int(counts["rchar"]), seconds

    def sparse(self, size):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="envelope-test-", dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, folder)
        try:
            with open(folder / "disk", "wb") as file:
                file.truncate(size)
                file.write(b"first")
        except OSError as e:
            raise unittest.SkipTest(f"no sparse file of 16 TiB in /dev/shm: {e}") from e
        return folder / "disk"

    def test_what_is_read(self):
        small = self.sparse(MIB)
        self.home.run("backup", "repo", small)
        least = self.cost()
        for folder in ("repo", ".config", "ks"):
            shutil.rmtree(self.home / folder)
        self.home.chain()
        size = 16 << 40
        large = self.sparse(size)
        self.home.run("backup", "repo", large)
        one = self.cost()
        self.assertLess(abs(one[0] - least[0]), 20000)  # a chunk, that of the footer
        for n in range(1, DEPTH):
            at = size // DEPTH * n
            with open(large, "r+b") as file:
                file.seek(at)
                file.write(b"changed")
            (self.home / "changed").write_text(f"{at} 7\n")
            self.home.run("backup", "repo", large, "--changed-extents", "changed",
                          "--full-every", "1000")
        self.assertEqual(len(self.home.json("list", "repo")["points"]), DEPTH)
        deep = self.cost()
        print(f"# bytes read until ready: 1 MiB {least[0]}, 16 TiB {one[0]}, and {DEPTH} deep {deep[0]}; "
              f"seconds {least[1]:.2f}, {one[1]:.2f}, {deep[1]:.2f}")
        # two openings of a chain, each with at most 8 metadata objects and two keys copies
        self.assertLess(deep[0], 2 * MIB)


if __name__ == "__main__":
    kit.main()
