"""A restore point that nbdkit serves, and clients of it."""
import os
import signal
import subprocess
import unittest

import kit

PLUGIN = os.environ.get("ENVELOPE_NBDKIT_PLUGIN", "")
PRELOAD = os.environ.get("ENVELOPE_PRELOAD")  # TSan's, which nbdkit is not built with
MIB = 1 << 20


def libnbd():
    try:
        import nbd
    except ImportError as e:
        raise unittest.SkipTest("python3-libnbd is not installed") from e
    return nbd


class Case(kit.Case):
    def setUp(self):
        super().setUp()
        kit.need("nbdkit", "nbdcopy", "nbdinfo")
        if not PLUGIN:
            raise unittest.SkipTest("the plugin was not built")
        self.home.env["ENVELOPE_NBDKIT_PLUGIN"] = PLUGIN
        self.tool = self.home.tool
        self.home.chain()
        self.server = None
        self.said = self.home / "said"  # what the server says, on standard error
        self.addCleanup(self.kill)

    def launch(self, *more, socket="sock", said="said"):
        env = dict(self.home.env)
        if PRELOAD:
            env["LD_PRELOAD"] = PRELOAD
        with open(self.home / said, "wb") as file:
            return subprocess.Popen([kit.PROGRAM, "serve", "repo", "--socket", socket, *more],
                                    cwd=self.home.path, env=env, stdout=subprocess.DEVNULL,
                                    stderr=file)

    def start(self, *more):
        """Returns when clients can connect."""
        self.server = self.launch(*more)
        kit.soon(lambda: self.server.poll() is not None or self.connects(), self.said.read_text)
        if self.server.poll() is not None:
            raise AssertionError(self.said.read_text())

    def connects(self):
        return subprocess.run(["nbdinfo", "--size", self.uri()], capture_output=True,
                              check=False).returncode == 0

    def stop(self):
        """As an administrator ends it. Under TSan it may not come to an end, whatever the plugin: a
        library of nbdkit's waits at exit for a lock of glibc."""
        if PRELOAD:
            self.assertNotIn("ThreadSanitizer", self.said.read_text())
            self.kill()
            return
        self.server.terminate()
        status = self.server.wait(60)
        self.server = None
        self.assertEqual(status, 0, self.said.read_text())

    def kill(self):
        if self.server:
            self.server.send_signal(signal.SIGKILL)
            self.server.wait()
            self.server = None

    def uri(self):
        return f"nbd+unix:///?socket={self.home / 'sock'}"

    def copy(self):
        """The whole disk, by nbdcopy."""
        self.tool("nbdcopy", self.uri(), "out")
        return (self.home / "out").read_bytes()

    def disk(self):
        """Two points of a disk of 24 MiB with holes: a full, and an increment of one block."""
        data = bytearray(24 * MIB)
        for at in range(0, len(data), 3 * MIB):
            data[at:at + 200000] = kit.sample(200000, at)
        self.home.file("disk", bytes(data))
        self.home.run("backup", "repo", "disk")
        data[5 * MIB:5 * MIB + 10] = b"0123456789"
        self.home.file("disk", bytes(data))
        self.home.run("backup", "repo", "disk")
        return bytes(data)

    def point(self, kind):
        return next(p for p in self.home.objects("points") if f"-{kind}-" in p.name)
