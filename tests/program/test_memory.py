"""What the program needs of memory: the same for a large point as for a small one, and none of it
locked where that is not allowed."""
import ctypes
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import kit

MIB = 1 << 20
SMALL = 64 * MIB
# The whole comparison needs as much room as the point; the suite shows a sample.
LARGE = (4096 if os.environ.get("ENVELOPE_THOROUGH") else 512) * MIB
WITHIN_KIB = 2048
FLOWS = 16 * MIB  # from here on
BLOCK = bytes(range(256)) * 4096
PR_CAPBSET_DROP = 24
CAP_IPC_LOCK = 14


class Watched:
    """The program with a pipe at its standard input and output. Opening a keystore takes 19 MiB for
    a moment, below which other growth would not show: so the peak is taken twice, of everything,
    and from the time on when data flow. wait4 is no help: it counts what the parent had when it
    forked, too."""

    def __init__(self, home, *args):
        self.process = subprocess.Popen([kit.PROGRAM, *map(str, args)], cwd=home.path, env=home.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.opening = 0
        self.flowing = 0

    def peak(self):
        """KiB; 0 when the program has ended."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            found = re.search(r"^VmHWM:\s*(\d+) kB", f.read(), re.M)
        return int(found[1]) if found else 0

    def data_flow(self):
        self.opening = self.peak()
        with open(f"/proc/{self.process.pid}/clear_refs", "w", encoding="ascii") as f:
            f.write("5")

    def look(self):
        now = self.peak()
        self.flowing = now or self.flowing
        return now

    def end(self):
        """(while data flow, all in all); what it does behind the last byte counts."""
        while self.look():
            time.sleep(0.0005)
        if self.process.wait():
            raise AssertionError(f"status {self.process.returncode}")
        return self.flowing, max(self.flowing, self.opening)


def backup(home, size):
    w = Watched(home, "backup", "repo", "-")
    pipe = w.process.stdin
    for at in range(0, size, MIB):
        if at == FLOWS:
            w.data_flow()
        left = memoryview(BLOCK)
        while left:
            left = left[pipe.write(left):]
    pipe.close()
    peaks = w.end()
    w.process.stdout.close()
    return peaks


def restore(home, point, size):
    w = Watched(home, "restore", "repo", "--point", point, "-o", "-")
    w.process.stdin.close()
    pipe = w.process.stdout
    done = 0
    while done < size:
        if size - done <= MIB:  # more than a pipe holds: it cannot have ended
            w.look()
        piece = pipe.read(min(MIB, size - done, FLOWS - done if done < FLOWS else MIB))
        start = done % 256
        if not piece or not (BLOCK[start:] + BLOCK[:start]).startswith(piece):
            raise AssertionError(f"other bytes behind {done}")
        done += len(piece)
        if done == FLOWS:
            w.data_flow()
    peaks = w.end()
    if pipe.read(1):
        raise AssertionError(f"more than {size} bytes")
    pipe.close()
    return peaks


def place_with_room(size):
    for place in ("/dev/shm", tempfile.gettempdir()):
        if os.path.isdir(place) and shutil.disk_usage(place).free > size + size // 8:
            return place
    return None


class Peak(kit.Case):
    def setUp(self):
        place = place_with_room(SMALL + LARGE)
        if not place:
            self.skipTest(f"no room for {LARGE // MIB} MiB")
        before, tempfile.tempdir = tempfile.tempdir, place
        try:
            super().setUp()
        finally:
            tempfile.tempdir = before
        self.home.chain()

    def compare(self, what, small, large):
        for when, a, b in zip(("while data flow", "all in all"), small, large):
            print(f"# {what}, {when}: {a} KiB for {SMALL // MIB} MiB, {b} KiB for "
                  f"{LARGE // MIB} MiB", flush=True)
            self.assertGreater(min(a, b), 0)
            self.assertLessEqual(abs(a - b), WITHIN_KIB, f"{what}, {when}")

    def test_peak(self):
        small, large = backup(self.home, SMALL), backup(self.home, LARGE)
        self.compare("backup", small, large)
        self.compare("restore", restore(self.home, 1, SMALL), restore(self.home, 2, LARGE))


def limited(kib):
    """For the child, before it becomes the program: root keeps the right to lock whatever the limit
    is, unless it can no longer be had."""
    libc = ctypes.CDLL(None)

    def apply():
        libc.prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)
        resource.setrlimit(resource.RLIMIT_MEMLOCK,
                           (kib * 1024, resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]))
    return apply


PROBE = """
import ctypes, mmap, sys
m = mmap.mmap(-1, 256 * 1024)
at = ctypes.addressof(ctypes.c_char.from_buffer(m))
sys.exit(ctypes.CDLL(None).mlock(ctypes.c_void_p(at), ctypes.c_size_t(len(m))) == 0)
"""


class Unlocked(kit.Case):
    def run_limited(self, kib, *args, data=b""):
        done = subprocess.run([kit.PROGRAM, *args], cwd=self.home.path, env=self.home.env,
                              input=data, capture_output=True, preexec_fn=limited(kib),
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = done.stderr.decode().count("memory for secrets is not locked")
        self.assertEqual(said, 1, done.stderr)
        return done.stdout

    def job(self, kib):
        probe = subprocess.run([sys.executable, "-c", PROBE], preexec_fn=limited(kib), check=False)
        self.assertEqual(probe.returncode, 0, "memory can be locked all the same: a void test")
        self.home.chain()
        data = kit.sample(3 * kit.CHUNK + 7, kib + 1)
        self.run_limited(kib, "backup", "repo", "-", data=data)
        self.assertEqual(self.run_limited(kib, "restore", "repo", "-o", "-"), data)
        self.assertIn(b"1", self.run_limited(kib, "list", "repo"))

    def test_nothing_may_be_locked(self):
        self.job(0)

    def test_64_kib_may_be_locked(self):
        self.job(64)


if __name__ == "__main__":
    kit.main()
