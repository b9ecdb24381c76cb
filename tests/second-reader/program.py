#!/usr/bin/python3
"""Chains that the program wrote, read by the second reader; damaged in one place, both must say the
same of the object.

    program.py ENVELOPE [--damage N] [--seed S]

The seed is also taken from ENVELOPE_SEED; ENVELOPE_THOROUGH damages more often.
"""

import argparse
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import builder as b
    from second_reader import opening, pin, verdict
    from second_reader.chain import Repository
    from second_reader.data import source
    from second_reader.header import FULL
    from second_reader.keys import Keys, load_private
    from second_reader.keystore import Keystore
    from second_reader.rules import Reject
    from support import POOL, SEED, THOROUGH, private
except ImportError as e:
    print(f"skipped: {e.name} is missing (python3-cryptography, python3-argon2)")
    sys.exit(77)

ARGS = None
BLOCK = 65536


class World:
    """One chain over two generations, and what was put into it: streams, and a disk of which 3 is a
    full, 4 an increment, 5 one after the rotation, 6 one more."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="second-reader-")
        self.env = dict(os.environ, XDG_CONFIG_HOME=self.at("config"),
                        XDG_STATE_HOME=self.at("state"))
        for name, content in (("pf", b"open sesame\n"), ("pw", b"correct horse\n"),
                              ("board.pem", public_pem()), ("escrow.pem", private_pem())):
            self.put(name, content)
        self.repo = self.at("repo")
        self.data = {}
        run = self.run
        run("keystore", "create", self.at("ks"), "--key", "vm", "--passphrase-file", self.at("pf"))
        run("init", self.repo, "--chain", "web01", "--kms",
            f"lab=keystore:{self.at('ks')},passphrase-file={self.at('pf')}", "--key", "lab/vm",
            "--escrow", f"board={self.at('board.pem')}", "--password", f"ops={self.at('pw')}")
        self.backup(1, 57344, "--stream", "--label", "erste Sicherung, \u00e4lter")
        self.backup(2, 0, "--stream")
        self.disk = bytearray(random.Random(3).randbytes(9 * BLOCK + 4097))
        self.disk[BLOCK:4 * BLOCK + 5] = bytes(3 * BLOCK + 5)
        self.keep(3)
        self.disk += random.Random(4).randbytes(BLOCK)
        self.change(4, 5, 100)
        run("keystore", "rotate", self.at("ks"), "--key", "vm", "--passphrase-file", self.at("pf"))
        run("refresh", self.repo)
        self.change(5, 9, 10)
        self.change(6, 2, 3)
        self.backup(7, 16384 * 2 - 128, "--stream")
        run("keystore", "export", self.at("ks"), "--key", "vm", "--passphrase-file", self.at("pf"),
            "-o", self.at("new.pem"))

    def at(self, name):
        return os.path.join(self.dir, name)

    def put(self, name, content):
        fd = os.open(self.at(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as f:
            f.write(content)

    def run(self, *args, ok=True, config="config"):
        env = dict(self.env, XDG_CONFIG_HOME=self.at(config))
        done = subprocess.run([ARGS.envelope, *args], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True)
        if ok and done.returncode:
            raise AssertionError(f"{args}: {done.returncode}: {done.stderr.decode()}")
        return done

    def backup(self, number, size, *more):
        self.store(number, random.Random(number).randbytes(size), *more)

    def keep(self, number):
        """The disk as it is."""
        self.store(number, bytes(self.disk))

    def change(self, number, block, at):
        self.disk[block * BLOCK + at] ^= 1
        self.keep(number)

    def store(self, number, data, *more):
        self.data[number] = data
        self.put(f"d{number}", self.data[number])
        self.run("backup", self.repo, self.at(f"d{number}"), *more)

    def copy(self):
        to = self.at(f"copy{len(os.listdir(self.dir))}")
        shutil.copytree(self.repo, to)
        return to

    def pin(self):
        for folder, _, names in os.walk(self.at("state")):
            for name in names:
                if name.endswith(".pin"):
                    with open(os.path.join(folder, name), "rb") as f:
                        return pin.parse(f.read())
        raise AssertionError("no pin was saved")


def private_pem():
    with open(os.path.join(POOL, "pool-01.pem"), "rb") as f:
        return f.read()


def public_pem():
    return private(1).public_key().public_bytes(
        b.serialization.Encoding.PEM, b.serialization.PublicFormat.SubjectPublicKeyInfo)


WORLD = None
FATAL = ("R-OPEN-09", "R-META-12", "R-META-13")


def setUpModule():
    global WORLD
    WORLD = World()


def tearDownModule():
    shutil.rmtree(WORLD.dir)


def escrow():
    return Keys().add_private(private(1))


def parts(repo, part):
    chains = os.path.join(repo, "chains")
    folder = os.path.join(chains, os.listdir(chains)[0], part)
    return [os.path.join(folder, n) for n in sorted(os.listdir(folder))]


class Reads(unittest.TestCase):
    def chain(self, repo, keys, host_pin=None):
        chain = Repository(repo).chain("web01")
        self.found = chain.load(keys, host_pin)
        return chain

    def points(self, chain, keys):
        """Numbers of the points that come back byte for byte."""
        got = []
        for number, data in WORLD.data.items():
            out = io.BytesIO()
            try:
                result = chain.restore(number, keys, out)
            except (LookupError, Reject):
                continue
            if result.verdict().status == "OK":
                self.assertEqual(out.getvalue(), data)
                got.append(number)
        return got

    def test_every_key(self):
        store = Keystore.load(WORLD.at("ks"), b"open sesame")
        for keys in (escrow(), Keys().add_password(b"correct horse", "ops"),
                     Keys().add_password(b"correct horse"), Keys().add_keystore(store, "lab")):
            chain = self.chain(WORLD.repo, keys, WORLD.pin())
            self.assertEqual([str(r) for _, r in chain.findings], [])
            self.assertEqual(self.points(chain, keys), list(WORLD.data))
        row = chain.meta.rows[0]
        self.assertEqual((row.label, row.size, row.provenance),
                         ("erste Sicherung, \u00e4lter", 57344, 1))

    def test_newest_key_alone(self):
        keys = Keys().add_private(load_private(WORLD.at("new.pem")))
        repo = WORLD.copy()
        self.assertEqual(self.points(self.chain(repo, keys), keys), list(WORLD.data))
        for path in parts(repo, "meta"):
            os.unlink(path)
        self.assertEqual(self.points(self.chain(repo, keys), keys), list(WORLD.data))
        for path in parts(repo, "points"):
            if "-keys-" in path:
                os.unlink(path)
        self.assertEqual(self.points(self.chain(repo, keys), keys), [5, 6, 7])
        self.assertFalse(self.found)
        self.assertEqual(self.points(self.chain(repo, escrow()), escrow()), list(WORLD.data))

    def test_disks(self):
        """What the points of the disk are, and that little of it was stored again."""
        chain = self.chain(WORLD.repo, escrow())
        rows = {r.number: r for r in chain.meta.rows}
        self.assertEqual([(r.kind, r.content, r.parent) for n, r in rows.items() if n > 2],
                         [(1, 2, 0), (2, 2, 3), (2, 2, 4), (2, 2, 5), (1, 1, 0)])
        results = {n: chain.examine_row(rows[n], escrow()) for n in (3, 4, 5, 6)}
        stored = {n: r.opened.stream.footer.stored_blocks for n, r in results.items()}
        self.assertEqual(stored, {3: 7, 4: 3, 5: 1, 6: 1})
        self.assertEqual({n: len(r.opened.stream.own.table) for n, r in results.items()},
                         {3: 0, 4: 1, 5: 2, 6: 3})
        self.assertEqual([r.opened.copy.id.generation for r in results.values()], [1, 1, 2, 2])

    def test_every_object(self):
        """Names (section 2), pin (12), and what the head says of the past (10.3)."""
        chain = self.chain(WORLD.repo, escrow())
        self.assertEqual(chain.repository.findings, [])
        for item in chain.candidates + chain.points:
            result = verdict.examine(item.source, escrow(), find=chain.inherited)
            self.assertEqual(result.verdict(), ("OK", "", ""), item.path)
            name = os.path.basename(item.path)
            if "/meta/" in item.path:
                self.assertEqual(name, f"{item.id.number:020}.env")
                continue
            if result.opened.metadata:
                word, ms = "keys", result.opened.metadata.footer.begun
            else:
                word = "full" if item.id.kind == FULL else "incr"
                ms = b.i64_of(result.opened.box.named[".begun"])
            self.assertEqual(name, f"{b.utc(ms)}-{word}-{item.id.object_id.hex()}.env")
        host = WORLD.pin()
        self.assertEqual((host.number, host.link, host.chain_id),
                         (chain.item.id.number, chain.item.link, chain.id))
        links = {i.id.number: i.link for i in chain.candidates}
        for p in chain.meta.head.past:
            self.assertEqual(links.get(p.number, p.link), p.link)
        self.assertEqual([p.number for p in chain.meta.head.past],
                         list(range(1, chain.item.id.number)))
        parents = {i.id.number: i.id.parent for i in chain.candidates}
        for n, parent in parents.items():  # the oldest are not kept
            self.assertEqual(parent, links.get(n - 1, parent if n > 1 else bytes(32)))
        self.assertGreater(len(parents), 4)


class Damaged(unittest.TestCase):
    """One change in one object of a copy of the repository."""

    def setUp(self):
        self.repo = WORLD.copy()
        self.addCleanup(shutil.rmtree, self.repo)
        chain = Repository(self.repo).chain()
        chain.load(escrow())
        self.rows = {r.number: r for r in chain.meta.rows}
        self.numbers = {n: chain.object_of(r).path for n, r in self.rows.items()}

    def test_replaced(self):
        """By somebody who has the DEK of a listed point: whole under it, another LINK."""
        row = self.rows[1]
        with open(self.numbers[1], "rb") as f:
            o = opening.read_headers(source(f.read()))
        i = o.headers.copy[0].id
        box = b.box(b.EMPTY, b.EMPTY)
        evil = b.build(id=i.bytes, dek=row.dek, gs=b"\1" * 32, box_plain=box,
                       plain=b.stream(bytes(row.size), begun=row.begun, ended=row.ended))
        self.assertEqual(len(evil.bytes), row.stored)
        with open(self.numbers[1], "wb") as f:
            f.write(evil.bytes)
        self.assertIn("R-OPEN-09", [x.rule for x in self.reader(self.numbers[1])])
        self.assertIsNone(self.restored(1))

    def program(self, path):
        """Statuses that the program reports of this object, and whether it ends with 0 or 4."""
        done = WORLD.run("verify", self.repo, "--json", "--key-file", WORLD.at("escrow.pem"),
                         "--state", WORLD.at("no-state"), ok=False, config="none")
        said = json.loads(done.stdout)
        name = os.path.relpath(path, self.repo)
        found = [f for f in said["findings"] if f["object"] == name]
        if not found and said["error"]:
            found = [said["error"]]
        return done.returncode, {f["status"] for f in found}, said

    def restored(self, number):
        """What the program restores, None: nothing."""
        out = os.path.join(self.repo, "out")
        done = WORLD.run("restore", self.repo, "--point", str(number), "-o", out, "--key-file",
                         WORLD.at("escrow.pem"), "--state", WORLD.at("no-state"), ok=False,
                         config="none")
        if done.returncode:
            return None
        with open(out, "rb") as f:
            data = f.read()
        os.unlink(out)
        return data

    def served(self, path, findings):
        """What is wrong with what the program restores of a point, None: nothing is."""
        if kind_of(path) != "point":
            return None
        number = next(n for n, p in self.numbers.items() if p == path)
        got = self.restored(number)
        fatal = any(x.rule in FATAL or x.rule.startswith("R-PAY") for x in findings)
        if got is None:
            return None if fatal else "NOT SERVED"
        return "SERVED" if fatal else None if got == WORLD.data[number] else "WRONG DATA"

    def reader(self, path):
        """Verdicts on this object, in place."""
        chain = Repository(self.repo).chain()
        try:
            chain.load(escrow())
        except Reject as r:
            return [r]
        found = [r for p, r in chain.findings + chain.repository.findings if p == path]
        for row in chain.meta.rows:
            item = chain.object_of(row)
            if item is not None and item.path == path:
                result = chain.examine_row(row, escrow())
                return found + result.findings + ([result.fatal] if result.fatal else [])
        for item in chain.repository.items:
            if item.path == path and item.reject:
                return found + [item.reject]
            if item.path == path and item in chain.candidates:
                return found + item.metadata(escrow()).findings
        return found

    def test_one_change(self):
        r = random.Random(ARGS.seed)
        counts, wrong = {}, []
        for i in range(ARGS.damage):
            path = r.choice(parts(self.repo, "points") + parts(self.repo, "meta"))
            with open(path, "rb") as f:
                good = f.read()
            how, bad = change(r, good)
            with open(path, "wb") as f:
                f.write(bad)
            mine = self.reader(path)
            code, theirs, said = self.program(path)
            served = self.served(path, mine)
            with open(path, "wb") as f:
                f.write(good)
            key = (kind_of(path), how, tuple(sorted({x.rule for x in mine})),
                   tuple(sorted(theirs)))
            counts[key] = counts.get(key, 0) + 1
            if kind_of(path) != "point":  # metadata of former keys is no finding of the program
                mine = [x for x in mine if x.status != "E_NO_KEY"]
            if {x.status for x in mine} != theirs or (code == 0) != (not mine) or served:
                wrong.append(f"{served} seed {ARGS.seed}, {i}: {key}, exit {code}: "
                             f"{[str(x) for x in mine]} {said['error']}"
                             f" {[f['message'] for f in said['findings']]}")
        for key, n in sorted(counts.items()):
            print(n, *key)
        self.assertEqual(len(wrong), 0, "\n".join(wrong))


def kind_of(path):
    return "meta" if "/meta/" in path else "keys" if "-keys-" in path else "point"


def change(r, good):
    """(how, bytes)"""
    o = opening.read_headers(source(good))
    opening.unlock(o, escrow())
    c, dek = o.copy.capacity, o.dek
    used = 64 + o.copy.core_len + o.copy.mut_len
    how = r.choice(("flip", "header, CRC", "header, CRC and TAG", "both, CRC", "both, CRC and TAG",
                    "cut", "longer", "payload", "tail", "tail, CRC", "front", "empty"))
    bad = bytearray(good)
    if how == "flip":
        at = r.choice((r.randrange(used), c + r.randrange(used), r.randrange(len(bad))))
        bad[at] ^= 1 << r.randrange(8)
    elif how == "payload":
        bad[r.randrange(2 * c, len(bad) - 64)] ^= 1
    elif how in ("tail", "tail, CRC"):
        bad[r.randrange(len(bad) - 64, len(bad) - 4)] ^= 1
        if how == "tail, CRC":
            bad[-4:] = b.p32(b.crc32c(bytes(bad[-64:-4])))
    elif how == "cut":
        del bad[r.choice((r.randrange(len(bad)), len(bad) - r.randrange(1, 200))):]
    elif how == "longer":
        bad += bytes(r.choice((1, 64, 16400)))
    elif how == "front":
        bad[:2 * c] = bytes(2 * c)
    elif how == "empty":
        bad = bytearray()
    else:
        at = r.choice((r.randrange(used), r.randrange(c - 36, c - 4), r.randrange(32),
                       r.randrange(used, c)))
        bit = 1 << r.randrange(8)
        for base in (0, c) if how.startswith("both") else (r.choice((0, c)),):
            bad[base + at] ^= bit
            bad[base:base + c] = b.finish(bytes(bad[base:base + c]),
                                          dek if how.endswith("TAG") else None)
    return how, bytes(bad)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("envelope")
    p.add_argument("--damage", type=int, default=1000 if THOROUGH else 25)
    p.add_argument("--seed", type=int, default=SEED)
    ARGS = p.parse_args()
    print(f"seed {ARGS.seed}")
    unittest.main(argv=sys.argv[:1])
