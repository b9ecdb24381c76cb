#!/usr/bin/python3
"""What the library wrote, read by the second reader; what the builder wrote, read by the library; and
both asked about the same damaged bytes: their statuses must be the same.

    interop.py LIBENVELOPE.so [SEED]

The seed is also taken from ENVELOPE_SEED; ENVELOPE_THOROUGH asks more often.
"""

import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import builder as b
    from clib import Failed, Library
    from second_reader import box, foreign, header, keystore
    from second_reader.data import source
    from second_reader.keys import Keys
    from second_reader.rules import Reject
    from support import POOL, SEED, THOROUGH, private
except ImportError as e:
    print(f"skipped: {e.name} is missing (python3-cryptography, python3-argon2)")
    sys.exit(77)

LIB = None
TIMES = 10 if THOROUGH else 1
PASSPHRASE = b"open sesame"


def pem(n, public=False):
    with open(os.path.join(POOL, f"pool-{n:02}.pem"), "rb") as f:
        secret = f.read()
    if not public:
        return secret
    return private(n).public_key().public_bytes(
        b.serialization.Encoding.PEM, b.serialization.PublicFormat.SubjectPublicKeyInfo)


def status(work):
    try:
        work()
    except (Failed, Reject) as e:
        return e.status
    return "OK"


class Foreign(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="second-reader-")
        self.addCleanup(self.dir.cleanup)

    def test_theirs(self):
        kms = LIB.keystore(os.path.join(self.dir.name, "ks"), PASSPHRASE, create=True)
        LIB.create_key(kms, "vm")
        ring = LIB.keyring()
        LIB.add_kms(ring, "lab", kms, "vm")
        LIB.add_password(ring, "ops", b"correct horse")
        LIB.add_key(ring, "board", pem(1, public=True))
        dek = LIB.dek(b.DEK)
        h = LIB.header_new(ring, dek, b"disk 7", b"secret notes")
        stored = LIB.header_bytes(h)
        store = keystore.Keystore.load(os.path.join(self.dir.name, "ks"), PASSPHRASE)
        for keys in (Keys().add_password(b"correct horse", "ops"), Keys().add_private(private(1)),
                     Keys().add_keystore(store, "lab")):
            f = foreign.Foreign(stored, keys)
            self.assertEqual((f.dek, f.context, f.sealed), (b.DEK, b"disk 7", b"secret notes"))
        for n in (0, 1, 16383, 16384, 16385, 50000):
            data = random.Random(n).randbytes(n)
            p = f.payload(source(LIB.payload_seal(h, dek, 9, data)), 9)
            self.assertEqual(b"".join(p.pieces(0, p.length)), data)

    def test_ours(self):
        stored = b.foreign()
        ring = LIB.keyring()
        LIB.add_password(ring, "ops", b"correct horse", 1)
        h = LIB.header_parse(stored)
        dek = LIB.header_open(h, ring)
        self.assertEqual(LIB.header_sealed(h, dek), b"theirs")
        for n in (0, 16384, 50000):
            data = random.Random(n).randbytes(n)
            sealed = b.foreign_payload(stored, data, 3)
            self.assertEqual(LIB.payload_open(h, dek, 3, sealed), data)
            self.assertEqual(status(lambda: LIB.payload_open(h, dek, 4, sealed)), "E_AUTH")

    def theirs(self, what):
        dek = LIB.dek(b.DEK)

        def work():
            h = LIB.header_parse(what)
            LIB.header_verify(h, dek)
            LIB.header_sealed(h, dek)
        return status(work)

    def ours(self, what):
        def work():
            copy = foreign.parse(what)
            if not header.tag_good(copy, b.DEK):
                raise Reject("R-OPEN-07", "E_AUTH", "")
            opened = box.unseal(copy, b.DEK)
            if any(opened.root) or any(opened.bk) or opened.pairs:
                raise Reject("R-FRN-07", "E_FORMAT", "")
        try:
            work()
        except Reject as r:
            return r.status, r.rule
        return "OK", ""

    def alike(self, what, why):
        mine, rule = self.ours(what)
        self.assertEqual(self.theirs(what), mine, f"{rule} {why} {what.hex()}")
        return rule

    def slots(self):
        return [b.rsa_slot(b.DEK, private(1).public_key()),
                b.rsa_slot(b.DEK, private(2).public_key(), kind=3, name="board"),
                b.password_slot(b.DEK), b.password_slot(b.DEK, "a2", algorithm=4),
                b.kwp_slot(b.DEK, bytes(32))]

    def test_flips(self):
        """Every bit of the header's front, CRC right, with TAG right and as it was."""
        good = b.foreign(slot_list=self.slots()[2:])
        seen = set()
        for at in range(8 * len(good)):
            bad = bytearray(good)
            bad[at // 8] ^= 1 << at % 8
            seen.add(self.alike(bytes(bad), f"bit {at}"))
            seen.add(self.alike(b.finish(bytes(bad)), f"bit {at}, CRC"))
            seen.add(self.alike(b.finish(bytes(bad), b.DEK), f"bit {at}, CRC and TAG"))
        print("flips:", *sorted(seen))

    def test_slots(self):
        """Slots with members changed at random."""
        r = random.Random(SEED)
        good = self.slots()
        seen = {}
        for i in range(1500 * TIMES):
            many = [dict(s) for s in r.choices(good, k=r.choice((0, 1, 1, 1, 2, 3, 5, 17)))]
            for s in many:
                if r.random() < .7:
                    self.spoil(r, s)
            body = b.slots([b.message(b.SLOT, s, extra=self.extra(r)) for s in many])
            if r.random() < .2:
                body += self.extra(r)
            minor = r.choice((0, 0, 0, 1))
            rule = self.alike(header_with(body, minor), f"seed {SEED}, {i}")
            seen[rule] = seen.get(rule, 0) + 1
        print("slots:", *(f"{k or 'OK'}:{n}" for k, n in sorted(seen.items())))

    def spoil(self, r, s):
        name = r.choice(b.SLOT)
        s[name] = {"kind": r.randrange(6), "algorithm": r.randrange(7),
                   "version": r.choice((0, 1, 2**32 - 1, 2**32)),
                   "memory_kib": r.choice((0, 7, 8, 262144, 262145)),
                   "passes": r.choice((0, 1, 16, 17, 10_000_000, 10_000_001))}.get(name)
        if name in ("kms_id", "name", "key_id"):
            s[name] = r.choice(("", "a", "a b", "x" * 64, "x" * 65, "x" * 255, "x" * 256, "ä", "\0",
                                b"\xff", b"\xed\xa0\x80", b"a\0"))
        if s[name] is None:
            s[name] = bytes(r.choice((0, 15, 16, 17, 31, 32, 33, 39, 40, 41, 255, 256, 512, 1024,
                                      1025)))

    def extra(self, r):
        if r.random() < .9:
            return b""
        return r.choice((b.field(1, 1), b.field(12, 1), b.field(99, b"x"), b"\0", b"\x08",
                         b"\x08\x80\0", b"\x0a\0", b"\x45\0\0\0\0", b"\xf9\x07" + bytes(8),
                         b"\x63\x64", b"\x80\x80\x80\x80\x10\0", b"\xc0\x06\x05", b"\x30\0"))

    def test_bytes(self):
        """Lengths and bytes changed at random, everything above them made right again."""
        r = random.Random(SEED)
        good = b.foreign(slot_list=self.slots()[2:])
        seen = {}
        for i in range(1500 * TIMES):
            bad = bytearray(good)
            for _ in range(r.choice((1, 1, 2, 3))):
                at = r.choice((r.randrange(len(bad)), r.randrange(32), r.randrange(192, 200)))
                how = r.random()
                if how < .6:
                    bad[at] = r.choice((0, 1, 0x7f, 0x80, 0xff, r.randrange(256)))
                elif how < .8:
                    del bad[at:at + r.choice((1, 4, 40))]
                else:
                    bad[at:at] = bytes(r.choice((1, 4, 40)))
            if r.random() < .7 and len(bad) > 64:
                bad[20:24] = b.p32(len(bad))
            bad = bytes(bad)
            bad = b.finish(bad, b.DEK) if len(bad) > 64 and r.random() < .9 else bad
            rule = self.alike(bad, f"seed {SEED}, {i}")
            seen[rule] = seen.get(rule, 0) + 1
        print("bytes:", *(f"{k or 'OK'}:{n}" for k, n in sorted(seen.items())))


def header_with(body, minor):
    core = CORE
    m = b.mut(body)
    return b.copy(0, core, bytes(32), m, b.DEK, 32 + len(core) + 32 + len(m) + 36, minor=minor)


class Keystore(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="second-reader-")
        self.addCleanup(self.dir.cleanup)

    def theirs(self, what):
        d = os.path.join(self.dir.name, "ks")
        os.makedirs(d, mode=0o700, exist_ok=True)
        fd = os.open(os.path.join(d, "keystore"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(fd, what)
        os.close(fd)
        os.close(os.open(os.path.join(d, "lock"), os.O_WRONLY | os.O_CREAT, 0o600))
        return status(lambda: LIB.keystore(d, PASSPHRASE))

    def alike(self, what, why):
        rule = ""
        mine = "OK"
        try:
            keystore.Keystore(what, PASSPHRASE)
        except Reject as r:
            mine, rule = r.status, r.rule
        self.assertEqual(self.theirs(what), mine, f"{rule} {why}")
        return rule

    def test_ours(self):
        entries = [b.entry(private(1), state=4), b.entry(private(2), version=2, state=2),
                   b.entry(private(3), version=7)]
        self.alike(b.store(entries), "whole")
        d = os.path.join(self.dir.name, "ks")
        kms = LIB.keystore(d, PASSPHRASE)
        ring = LIB.keyring()
        LIB.add_kms(ring, "lab", kms, "vm")
        slots = [b.rsa_slot(b.DEK, private(2).public_key(), version=2)]
        h = LIB.header_parse(b.foreign(slot_list=slots))
        LIB.header_verify(h, LIB.header_open(h, ring))

    def test_damaged(self):
        """Bytes changed at random, the MAC as it was and made right."""
        r = random.Random(SEED)
        good = b.store([b.entry(private(1), state=2), b.entry(private(2), version=2),
                        b.entry(private(3), name="x")])
        places = list(range(88)) + [at for e in entry_starts(good) for at in range(e, e + 52)]
        seen = {}
        for i in range(300 * TIMES):
            bad = bytearray(good)
            at = r.choice(places) if r.random() < .8 else r.randrange(len(bad))
            bad[at] = r.choice((0, 1, 2, 4, 0x80, 0xff, bad[at] ^ 1 << r.randrange(8)))
            if 12 <= at < 20 and not costs_little(bad):
                continue
            if r.random() < .1:
                bad = bad[:r.randrange(len(bad))]
            bad = bytes(bad)
            if r.random() < .8 and len(bad) > 32:
                key = b.derive.X(b.STORE_KEY, "keystore mac")
                bad = bad[:-32] + b.derive.MAC(key, "keystore", bad[:-32])
            rule = self.alike(bad, f"seed {SEED}, {i}, byte {at}")
            seen[rule] = seen.get(rule, 0) + 1
        print("keystore:", *(f"{k or 'OK'}:{n}" for k, n in sorted(seen.items())))


def costs_little(b_):
    memory, passes = int.from_bytes(b_[12:16], "big"), int.from_bytes(b_[16:20], "big")
    return memory * passes < 100000 or memory > 262144 or passes > 16


def entry_starts(good):
    at = 88
    for e in keystore.parse(good).entries:
        yield at
        at += 1 + len(e.name) + 4 + 1 + 8 + 32 + 2 + len(e.spki) + 4 + len(e.sealed)


CORE = b.foreign()[32:32 + int.from_bytes(b.foreign()[24:28], "big")]

if __name__ == "__main__":
    LIB = Library(sys.argv[1])
    SEED = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    print(f"seed {SEED}")
    unittest.main(argv=sys.argv[:1])
