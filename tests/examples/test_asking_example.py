#!/usr/bin/python3
"""test_asking_example.py ASKING.PY KEYS: the example run twice on one chain, then opened with the
key alone; and what the binding promises of questions."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import libenvelope as env

SCRIPT, KEYS = map(os.path.abspath, sys.argv[1:3])
PEM = os.path.join(KEYS, "pool-01.pem")


class Asking(unittest.TestCase):
    def setUp(self):
        tmp = tempfile.TemporaryDirectory(prefix="envelope-test-")
        self.addCleanup(tmp.cleanup)
        self.dir = Path(tmp.name)

    @unittest.skipUnless(shutil.which("openssl"), "the openssl command is missing")
    def test_1_example(self):
        for number, size in ((1, 100000), (2, 5)):
            (self.dir / "source").write_bytes(b"x" * size)
            done = subprocess.run([sys.executable, SCRIPT, "repo", PEM, "source"], cwd=self.dir,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stdout, f"point {number}: {size} bytes\n")
        with env.Context() as ctx:
            keys = ctx.keyring()
            keys.add_key("exported", bytearray(Path(PEM).read_bytes()))
            chain = ctx.directory(self.dir / "repo").open_chain(keys, "vm-42", readonly=True)
            self.assertEqual([p.bytes for p in chain], [100000, 5])
            chain.verify()

    def test_2_failures(self):
        with env.Context() as ctx:
            kms = ctx.asking()
            keys = ctx.keyring()
            keys.add_kms("own", kms, env.USE_WRAP | env.USE_UNWRAP)
            keys.wrap_for("own", "vm")
            store = ctx.directory(self.dir / "repo", create=True)
            for _again in range(3):
                with self.assertRaises(env.AgainError):
                    store.create_chain(keys, "vm")
            question, = kms.questions()
            self.assertEqual(list(kms.questions()), [])
            self.assertEqual((question.kind, question.key.kms_id, question.key.name),
                             (env.ASK_NEWEST, "own", "vm"))
            with self.assertRaises(env.InvalidError):
                kms.answer(question, b"no key", key_id="x")
            kms.fail(question, env.KmsUnreachedError, "the line is dead")
            with self.assertRaises(env.ExistsError):
                kms.fail(question, env.RefusedError, "too late")
            with self.assertRaisesRegex(env.KmsUnreachedError, "the line is dead"):
                store.create_chain(keys, "vm")
            with self.assertRaises(env.NotFoundError):
                kms.fail(question, env.RefusedError, "far too late")
            self.assertEqual([p.name for p in (self.dir / "repo").iterdir() if p.is_file()], [])

            def refuse(asked):
                kms.fail(asked, env.RefusedError, "not today")
            with self.assertRaisesRegex(env.RefusedError, "not today"):
                kms.serve(refuse, store.create_chain, keys, "vm")


if __name__ == "__main__":
    os.umask(0o077)
    unittest.main(argv=sys.argv[:1], verbosity=2)
