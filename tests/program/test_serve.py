"""A restore point served as a disk by nbdkit: the same bytes, also with the KMS gone."""
import os
import shutil
import signal
import subprocess
import time
import unittest

import kit

PLUGIN = os.environ.get("ENVELOPE_NBDKIT_PLUGIN", "")
MIB = 1 << 20


class Serve(kit.Case):
    def setUp(self):
        super().setUp()
        for name in ("nbdkit", "nbdcopy", "nbdinfo"):
            if not shutil.which(name):
                raise unittest.SkipTest(f"{name} is not installed")
        if not PLUGIN:
            raise unittest.SkipTest("the plugin was not built")
        self.home.env["ENVELOPE_NBDKIT_PLUGIN"] = PLUGIN
        self.home.chain()
        self.server = None
        self.addCleanup(self.stop)

    def start(self, *more):
        begun = time.monotonic()
        self.server = subprocess.Popen([kit.PROGRAM, "serve", "repo", "--socket", "sock", *more],
                                       cwd=self.home.path, env=self.home.env,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while not (self.home / "sock").exists():
            if self.server.poll() is not None or time.monotonic() - begun > 60:
                raise AssertionError(self.server.stderr.read())
            time.sleep(0.02)

    def stop(self, sign=signal.SIGTERM):
        if self.server:
            self.server.send_signal(sign)
            self.server.wait()
            self.server.stderr.close()
            self.server = None
            (self.home / "sock").unlink(missing_ok=True)

    def uri(self):
        return f"nbd+unix:///?socket={self.home / 'sock'}"

    def tool(self, *args):
        done = subprocess.run([str(a) for a in args], cwd=self.home.path, capture_output=True,
                              timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def disk(self):
        data = bytearray(24 * MIB)
        for at in range(0, len(data), 3 * MIB):
            data[at:at + 200000] = kit.sample(200000, at)
        self.home.file("disk", bytes(data))
        self.home.run("backup", "repo", "disk")
        data[5 * MIB:5 * MIB + 10] = b"0123456789"
        self.home.file("disk", bytes(data))
        self.home.run("backup", "repo", "disk")
        return bytes(data)

    def test_the_same_bytes_without_a_kms(self):
        data = self.disk()
        self.start()
        shutil.rmtree(self.home / "ks")
        self.tool("nbdcopy", self.uri(), "out")
        self.assertEqual((self.home / "out").read_bytes(), data)
        self.assertLess((self.home / "out").stat().st_blocks * 512, 8 * MIB)  # holes are told
        info = self.tool("nbdinfo", "--map", "--totals", self.uri()).decode()
        self.assertIn("hole,zero", info)

    def test_killed_and_started_again(self):
        data = self.disk()
        self.start("--point", "2")
        self.stop(signal.SIGKILL)
        self.start("--point", "1")
        self.tool("nbdcopy", self.uri(), "out")
        out = (self.home / "out").read_bytes()
        self.assertEqual(out[:5 * MIB], data[:5 * MIB])
        self.assertEqual(out[5 * MIB:5 * MIB + 10], bytes(10))

    def test_random_reads(self):
        try:
            import nbd
        except ImportError as e:
            raise unittest.SkipTest("python3-libnbd is not installed") from e
        data = self.disk()
        self.start()
        handle = nbd.NBD()
        handle.connect_uri(self.uri())
        self.assertEqual(handle.get_size(), len(data))
        self.assertTrue(handle.is_read_only())
        seed = 7
        for _ in range(300):
            seed = (seed * 1103515245 + 12345) % (1 << 31)
            at = seed % (len(data) - 70000)
            length = 1 + seed % 70000
            self.assertEqual(handle.pread(length, at), data[at:at + length])
        handle.shutdown()

    def test_damage_is_an_error(self):
        self.disk()
        full = next(p for p in self.home.objects("points") if "-full-" in p.name)
        kit.flip(full, 32768 + 56 + 20000)
        self.start()
        done = subprocess.run(["nbdcopy", self.uri(), "out"], cwd=self.home.path,
                              capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_what_is_wrong_is_said_before(self):
        self.disk()
        self.home.run("serve", "repo", "--socket", "sock", "--point", "7", status=1)
        self.home.run("serve", "repo", "--socket", "sock", "--point", "x", status=2)
        self.home.run("serve", "repo", status=2)
        shutil.rmtree(self.home / "ks")
        self.home.run("serve", "repo", "--socket", "sock", status=5)


if __name__ == "__main__":
    kit.main()
