#!/usr/bin/python3
"""test_backup_example.py BACKUP BACKUP.PY: the examples in turn on one chain, across a rotation, and
what the binding promises: every byte back, an exception of one's own out of the call that failed."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import libenvelope as env

PASSPHRASE = "opens the keystore"
PROGRAM, SCRIPT = map(os.path.abspath, sys.argv[1:3])


class Stop(BaseException):
    pass


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix="envelope-test-")
        cls.dir = Path(cls.tmp.name)
        cls.ctx = env.Context()
        cls.kms = cls.ctx.keystore(cls.dir / "ks", bytearray(PASSPHRASE.encode()), create=True)
        cls.kms.create_key("vm")
        (cls.dir / "pass").write_text(PASSPHRASE + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.kms.close()
        cls.ctx.close()
        cls.tmp.cleanup()

    def keys(self, wrap=True):
        keys = self.ctx.keyring()
        keys.add_kms("lab", self.kms, env.USE_WRAP | env.USE_UNWRAP)
        if wrap:
            keys.wrap_for("lab", "vm")
        return keys

    def run_example(self, *command):
        done = subprocess.run([*command, self.dir / "source"], cwd=self.dir, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def source(self, seed, size=(3 << 20) + 17):
        data = bytes([seed]) * size
        (self.dir / "source").write_bytes(data)
        return data

    def test_1_one_chain_from_c_and_python(self):
        first = self.source(1)
        out = self.run_example(PROGRAM, "repo", "ks", PASSPHRASE)
        self.assertEqual(out, [f"   1  full            {len(first)} bytes  lab/vm v1",
                               f"4096 of {len(first)} bytes, first is 01"])
        self.kms.rotate_key("vm")
        second = self.source(2)
        out = self.run_example(sys.executable, SCRIPT, "repo", "ks", "pass")
        self.assertEqual(out[-1], f"{len(second)} bytes; {'02' * 16}")
        third = self.source(3, 5)
        out = self.run_example(PROGRAM, "repo", "ks", PASSPHRASE)
        self.assertEqual([line.split()[-1] for line in out[:3]], ["v1", "v2", "v2"])

        keys = self.ctx.keyring()  # the newest key alone
        keys.add_key("exported", self.kms.export_key("vm"))
        with self.ctx.directory(self.dir / "repo", readonly=True) as store:
            chain = store.open_chain(keys, "vm-42", readonly=True)
            self.assertTrue(chain.provisional)
            self.assertEqual([p.number for p in chain], [1, 2, 3])
            for point, data in zip(chain, (first, second, third)):
                self.assertEqual(point.label, "nightly")
                self.assertEqual(point.bytes, len(data))
                with chain.read(point.number) as reader:
                    self.assertEqual(reader.pread(0, len(reader)), data)
                    self.assertEqual(reader.pread(len(data) - 1, 100), data[-1:])
            chain.verify()

    def chain(self, name, save_pin):
        store = self.ctx.directory(self.dir / "other", create=True)
        return store.create_chain(self.keys(), name, save_pin=save_pin)

    def test_2_own_exception_comes_through(self):
        def save_pin(_data):
            if self.failing:
                raise Stop("no pin today")

        self.failing = False
        chain = self.chain("stops", save_pin)
        self.failing = True
        with self.assertRaisesRegex(Stop, "no pin today"):
            with chain.write() as writer:
                writer.write(b"abc")
        self.failing = False
        self.assertEqual(list(chain), [])
        with chain.write() as writer:
            writer.write(b"abc")
        self.assertEqual([p.number for p in chain], [1])

    def test_3_pins_are_given(self):
        pins = []
        chain = self.chain("pins", pins.append)
        with chain.write() as writer:
            writer.write(memoryview(b"read-only"))
            writer.write(bytearray(b" and not"))
        self.assertEqual(pins[-1][:8], b"\x89ENP\r\n\x1a\n")
        self.assertEqual(chain.pin()[:8], pins[-1][:8])
        with self.ctx.directory(self.dir / "other") as store:
            again = store.open_chain(self.keys(), "pins", pin=chain.pin())
            self.assertFalse(again.provisional)
            self.assertEqual(again.id, chain.id)
            with again.read() as reader:
                self.assertEqual(reader.pread(0, 100), b"read-only and not")

    def test_4_dropped_by_an_exception(self):
        chain = self.chain("drops", None)
        with self.assertRaises(ZeroDivisionError):
            with chain.write() as writer:
                writer.write(b"abc")
                raise ZeroDivisionError
        self.assertEqual(list(chain), [])

    def test_5_a_class_for_each_failure(self):
        with self.assertRaises(env.NotFoundError) as caught:
            self.ctx.directory(self.dir / "nowhere")
        self.assertEqual(caught.exception.status, -15)
        self.assertIn("nowhere", str(caught.exception))
        with self.assertRaises(env.NoKeyError):
            self.ctx.keystore(self.dir / "ks", bytearray(b"wrong"))
        with self.assertRaises(env.ExistsError):
            self.kms.create_key("vm")
        with self.assertRaises(ValueError):
            self.kms.create_key("v\0m")
        with self.assertRaises(TypeError):
            self.ctx.keystore(self.dir / "ks", "text cannot be wiped")

    def test_6_any_order_of_frees(self):
        ctx = env.Context()
        kms = ctx.keystore(self.dir / "ks", bytearray(PASSPHRASE.encode()))
        keys = ctx.keyring()
        keys.add_kms("lab", kms, env.USE_WRAP | env.USE_UNWRAP)
        keys.wrap_for("lab", "vm")
        store = ctx.directory(self.dir / "frees", create=True)
        chain = store.create_chain(keys)
        for handle in (ctx, kms, keys, store, kms):
            handle.close()
        with chain.write() as writer:
            writer.write(b"still here")
        with self.assertRaises(env.InvalidError):
            keys.wrap_for("lab", "vm")
        reader = chain.read()
        chain.close()
        self.assertEqual(reader.pread(0, 99), b"still here")


if __name__ == "__main__":
    os.umask(0o077)
    unittest.main(argv=sys.argv[:1], verbosity=2)
