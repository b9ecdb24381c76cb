#!/usr/bin/python3
"""The second reader of answers of a KMS: every rule of docs/kmip.md, sections 2 and 3, is hit, and it
agrees with the library about every field and rule: on the samples of the fuzz corpora with every bit
flipped, every byte cut off, every field cut, doubled, retyped, moved, made longer, and on recorded
answers.

    test_kmip.py [RESPONSE_VIEWS]

RESPONSE_VIEWS says what the library reads. KMIP_CAPTURES names the folder of the recorded exchanges;
ENVELOPE_SEED, ENVELOPE_THOROUGH: how their changes are drawn, and how many.
"""

import os
import random
import re
import secrets
import subprocess
import sys
import unittest
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from second_reader import kmip, ttlv  # noqa: E402
from second_reader.rules import Reject  # noqa: E402
from second_reader.ttlv import (BIG, BYTES, DATE, ENUMERATION, INTEGER, LONG,  # noqa: E402
                                STRUCTURE, TEXT, Item)

DOCUMENT = os.path.join(HERE, "..", "..", "docs", "kmip.md")
CORPUS = os.path.join(HERE, "..", "..", "fuzz", "corpus")
RULE = re.compile(r"^- \*\*(K-(?:MSG|OP)-\d+)\*\* ((?:.+\n)(?:  .*\n)*)", re.M)
THOROUGH = bool(os.environ.get("ENVELOPE_THOROUGH"))
SEED = int(os.environ.get("ENVELOPE_SEED") or (secrets.randbelow(2**31) if THOROUGH else 1))
CHANGES = 300 if THOROUGH else 20  # of each recorded answer
READERS = {"discover": kmip.DISCOVER, "query": kmip.QUERY, "locate": kmip.LOCATE, "get": kmip.GET,
           "attributes": kmip.GET_ATTRIBUTES, "pair": kmip.CREATE_PAIR, "create": kmip.CREATE,
           "register": kmip.REGISTER, "done": kmip.ACTIVATE, "data": kmip.DECRYPT}
VIEWS = None
hit = set()


def documented():
    """Each rule number, and its status: that which its text names, or E_FORMAT."""
    with open(DOCUMENT, encoding="utf-8") as f:
        found = RULE.findall(f.read())
    assert len(dict(found)) == len(found), "a number is given twice"
    return {rule: next((s for s in ("E_LIMIT", "E_UNSUPPORTED") if s in words), "E_FORMAT")
            for rule, words in found}


def view(operation, uid, number, asked, b):
    """In the words of the library."""
    try:
        pairs = kmip.read(ttlv.decode(b), operation, uid, number, asked)
        return b"".join(k.encode() + b"=" + (v if isinstance(v, bytes) else str(v).encode()) + b"\n"
                        for k, v in pairs)
    except Reject as e:
        hit.add(e.rule)
        return f"{e.status} {e.rule}".encode()


# -- messages


def S(tag, *inside):
    return Item(tag, STRUCTURE, list(inside))


def I(tag, n):
    return Item(tag, INTEGER, n)


def E(tag, n):
    return Item(tag, ENUMERATION, n)


def T(tag, s):
    return Item(tag, TEXT, s)


def Y(tag, b):
    return Item(tag, BYTES, b)


def response(*items, version=(1, 4), count=None):
    header = S(0x42007A, S(0x420069, I(0x42006A, version[0]), I(0x42006B, version[1])),
               I(0x42000D, len(items) if count is None else count))
    return S(0x42007B, header, *items)


def item(operation, *payload, number=None, status=0):
    parts = [E(0x42005C, operation)] if operation else []
    parts += [Y(0x420093, number)] if number is not None else []
    parts += [E(0x42007F, status)]
    return S(0x42000F, *parts, *([S(0x42007C, *payload)] if payload else []))


def key(kind, tag, form, *value, more=()):
    return (E(0x420057, kind), T(0x420094, "41"),
            S(tag, S(0x420040, E(0x420042, form), *value, *more)))


def material(inner):
    return S(0x420045, inner)


def attribute(name, *value):
    return S(0x420008, T(0x42000A, name), *value)


def named(name):
    return attribute("Name", S(0x42000B, T(0x420055, name), E(0x420054, 1)))


def link(kind, to):
    return attribute("Link", S(0x42000B, E(0x42004B, kind), to))


def rsa(modulus, exponent):
    return S(0x420043, Item(0x420052, BIG, modulus, 8), Item(0x42006C, BIG, exponent, 8))


UID = T(0x420094, "41")
RAW = material(Y(0x420043, b"0"))

# rule, operation, number, asked, message
CASES = [
    ("K-MSG-01", kmip.GET, 0, 1, S(0x420078)),
    ("K-MSG-02", kmip.GET, 0, 1, response(item(10, status=1), version=(1, -1))),
    ("K-MSG-02", kmip.DISCOVER, 0, 1,
     response(item(30, S(0x420069, I(0x42006A, -1), I(0x42006B, 0))))),
    ("K-MSG-03", kmip.GET, 0, 1, response(item(10, status=1), version=(2, 0))),
    ("K-MSG-03", kmip.GET, 0, 1, response(item(10, status=1), version=(1, 5))),
    ("K-MSG-04", kmip.GET, 0, 1, response(item(10, status=1), count=2)),
    ("K-MSG-04", kmip.GET, 0, 1, response(*[item(10, status=1)] * 257)),
    ("K-MSG-05", kmip.GET, 0, 1, response(*[item(10, status=1)] * 2)),
    ("K-MSG-06", kmip.GET, 0, 2, response(*[item(10, status=1)] * 2)),
    ("K-MSG-06", kmip.GET, 0, 2, response(item(10, status=1, number=b"\0\0\0\2"))),
    ("K-MSG-06", kmip.GET, 0, 2, response(item(10, status=1, number=b"\1"))),
    ("K-MSG-07", kmip.GET, 1, 2, response(*[item(10, status=1, number=b"\0\0\0\1")] * 2)),
    ("K-MSG-08", kmip.GET, 0, 1, response(item(11, status=1))),
    ("K-MSG-08", kmip.REGISTER, 0, 1, response(item(0, UID))),
    ("K-MSG-09", kmip.GET, 0, 1, response(item(10, status=4))),
    ("K-MSG-10", kmip.GET, 0, 1, response(item(10))),
    ("K-MSG-11", kmip.DECRYPT, 1, 2, response(item(32, UID, Y(0x4200C2, b"x")))),
    ("K-OP-01", kmip.REGISTER, 0, 1, response(item(3, T(0x420094, "")))),
    ("K-OP-01", kmip.REGISTER, 0, 1, response(item(3, T(0x420094, "x" * 256)))),
    ("K-OP-02", kmip.ACTIVATE, 0, 1, response(item(18, T(0x420094, "4")))),
    ("K-OP-02", kmip.DECRYPT, 0, 1, response(item(32, T(0x420094, "411"), Y(0x4200C2, b"x")))),
    ("K-OP-03", kmip.DISCOVER, 0, 1,
     response(item(30, *[S(0x420069, I(0x42006A, 1), I(0x42006B, 0))] * 17))),
    ("K-OP-04", kmip.LOCATE, 0, 1, response(item(8, UID, UID))),
    ("K-OP-05", kmip.LOCATE, 0, 1, response(item(8, I(0x4200D5, 0), UID))),
    ("K-OP-06", kmip.LOCATE, 0, 1,
     response(item(8, *[T(0x420094, str(n)) for n in range(1025)]))),
    ("K-OP-07", kmip.GET, 0, 1, response(item(10, E(0x420057, 1), UID))),
    ("K-OP-08", kmip.GET, 0, 1, response(item(10, *key(3, 0x420064, 3, RAW)))),
    ("K-OP-08", kmip.GET, 0, 1, response(item(10, *key(3, 0x42006D, 3, RAW), S(0x420064)))),
    ("K-OP-09", kmip.GET, 0, 1,
     response(item(10, *key(2, 0x42008F, 1, RAW, more=(S(0x420046),))))),
    ("K-OP-10", kmip.GET, 0, 1, response(item(10, *key(3, 0x42006D, 1, RAW)))),
    ("K-OP-11", kmip.GET, 0, 1, response(item(10, *key(3, 0x42006D, 3, Y(0x420045, b"0"))))),
    ("K-OP-11", kmip.GET, 0, 1, response(item(10, *key(2, 0x42008F, 7, RAW)))),
    ("K-OP-12", kmip.GET, 0, 1,
     response(item(10, *key(3, 0x42006D, 3, material(Y(0x420043, b"")))))),
    ("K-OP-12", kmip.GET, 0, 1, response(item(10, *key(3, 0x42006D, 11, material(rsa(-3, 3)))))),
    ("K-OP-12", kmip.GET, 0, 1, response(item(10, *key(3, 0x42006D, 11, material(rsa(3, 0)))))),
    ("K-OP-13", kmip.GET, 0, 1,
     response(item(10, *key(2, 0x42008F, 1, RAW, more=(I(0x42002A, 16),))))),
    ("K-OP-14", kmip.GET, 0, 1,
     response(item(10, *key(3, 0x42006D, 3, RAW, more=(I(0x42002A, 0),))))),
    ("K-OP-14", kmip.GET_ATTRIBUTES, 0, 1,
     response(item(11, UID, attribute("State", E(0x42000B, 0))))),
    ("K-OP-15", kmip.GET_ATTRIBUTES, 0, 1,
     response(item(11, UID, attribute("State", I(0x42000B, 2))))),
    ("K-OP-16", kmip.GET_ATTRIBUTES, 0, 1,
     response(item(11, UID, *[attribute("Initial Date", Item(0x42000B, DATE, 5))] * 2))),
    ("K-OP-16", kmip.GET_ATTRIBUTES, 0, 1,
     response(item(11, UID, *[attribute("x-rotate-generation", Item(0x42000B, LONG, 5))] * 2))),
    ("K-OP-17", kmip.GET_ATTRIBUTES, 0, 1, response(item(11, UID, *[named("vm")] * 9))),
    ("K-OP-18", kmip.GET_ATTRIBUTES, 0, 1,
     response(item(11, UID, *[link(0x106, T(0x42004C, "42"))] * 2))),
    ("K-OP-19", kmip.GET_ATTRIBUTES, 0, 1, response(item(11, UID, link(0x106, I(0x42004C, 42))))),
    ("K-OP-20", kmip.CREATE_PAIR, 0, 1,
     response(item(2, T(0x420066, "41"), T(0x42006F, "41")))),
    ("K-OP-21", kmip.CREATE, 0, 1, response(item(1, E(0x420057, 3), UID))),
]


# -- changes


def flips(b):
    for i in range(8 * len(b)):
        bad = bytearray(b)
        bad[i // 8] ^= 1 << i % 8
        yield bytes(bad)


def cuts(b):
    for n in range(len(b)):
        yield b[:n]


LIKE = {INTEGER: 1, LONG: 1, BIG: 1, ENUMERATION: 1, ttlv.BOOLEAN: True, TEXT: "x", BYTES: b"x",
        DATE: 1, ttlv.INTERVAL: 1, STRUCTURE: []}


def instead(node):
    """What may stand in an item's place, as lists of items."""
    yield []
    yield [node, node]
    for kind, value in LIKE.items():
        if kind != node.type:
            yield [Item(node.tag, kind, value, 8)]
    if node.type in (TEXT, BYTES):
        more = "A" if node.type == TEXT else b"A"
        for n in (1, 8, 300):
            yield [Item(node.tag, node.type, node.value + n * more)]
        yield [Item(node.tag, node.type, node.value[:0])]
    if node.type in (INTEGER, ENUMERATION):
        for n in (0, 1, 2, 3, 4, 5, 7, 11, 2**31 - 1):
            yield [Item(node.tag, node.type, n)]


def changed(node):
    """The node with one of the items within it changed."""
    for i, inner in enumerate(node.value):
        before, behind = node.value[:i], node.value[i + 1:]
        for items in instead(inner):
            yield S(node.tag, *before, *items, *behind)
        for k in range(len(behind)):
            yield S(node.tag, *before, *behind[:k + 1], inner, *behind[k + 1:])
        if inner.type == STRUCTURE:
            for other in changed(inner):
                yield S(node.tag, *before, other, *behind)


def lengths(b, rand):
    """Some of the heads' lengths, or what looks like one, set to what is not there."""
    for at in range(4, len(b) - 3, 8):
        for n in (0xFFFFFFFF, 0xFFFFFFF8, 0x80000000, rand.randrange(64)):
            yield b[:at] + n.to_bytes(4, "big") + b[at + 4:]


def corpus():
    """(reader, name, bytes)"""
    for reader in (*READERS, "batch"):
        folder = os.path.join(CORPUS, f"kmip_{reader}")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                yield reader, name, f.read()


def captures():
    """(operation, uid, answer) of the recorded exchanges with one item of 1.x."""
    folder = os.environ.get("KMIP_CAPTURES")
    for name in sorted(os.listdir(folder)) if folder else ():
        if name.endswith(".req.hex") and "malformed" not in name:
            asked = ttlv.decode(hexed(folder, name))
            items = [i for i in asked.value if i.tag == 0x42000F]
            operation = items[0].value[0].value
            if len(items) == 1 and operation in kmip.READERS:
                payload = items[0].value[-1].value
                uid = next((i.value for i in payload if i.tag == 0x420094), "")
                yield operation, uid.encode(), hexed(folder, name.replace(".req.", ".resp."))


def hexed(folder, name):
    with open(os.path.join(folder, name), encoding="ascii") as f:
        return bytes.fromhex(re.sub(r"\s", "", f.read()))


class Rules(unittest.TestCase):
    def test_cases(self):
        for rule, operation, number, asked, message in CASES:
            with self.subTest(rule):
                seen = view(operation, b"41", number, asked, ttlv.encode(message))
                self.assertEqual(seen.decode(), f"{documented()[rule]} {rule}")

    def test_text(self):
        """2.3"""
        for s, room, expected in (("a\x1b[2J\x7f\x85\xe9", 255, b"a\\x1b[2J\\x7f\\xc2\\x85\xc3\xa9"),
                                  ("\x01" * 70, 255, b"\\x01" * 63), ("b" * 300, 255, b"b" * 251),
                                  ("b" * 126 + "\xe9", 127, b"b" * 126)):
            self.assertEqual(kmip.shown(s, room), expected)


class Agreement(unittest.TestCase):
    def setUp(self):
        if not VIEWS:
            self.skipTest("no response_views was named")

    def ask(self, questions):
        lines = "".join(f"{o} x{u.hex() or '-'} {n} {a} x{b.hex()}\n" for o, u, n, a, b in questions)
        done = subprocess.run([VIEWS], input=lines, text=True, check=True, stdout=subprocess.PIPE)
        theirs = done.stdout.split("\n")[:-1]
        self.assertEqual(len(theirs), len(questions))
        seen = Counter()
        for question, answer in zip(questions, theirs):
            ours = view(*question)
            self.assertEqual(bytes.fromhex(answer), ours, (question[:4], question[4].hex()))
            seen[ours.decode().split(" ")[-1] if ours.startswith(b"E_") else "read"] += 1
        return seen

    def report(self, what, seen):
        print(f"{what}: {sum(seen.values())} the same: " +
              ", ".join(f"{k} {n}" for k, n in sorted(seen.items())))

    def test_cases(self):
        seen = self.ask([(operation, b"41", number, asked, ttlv.encode(message))
                         for _, operation, number, asked, message in CASES])
        self.report("cases", seen)
        self.assertEqual(set(seen), {rule for rule, *_ in CASES})

    def test_samples(self):
        rand = random.Random(SEED)
        seen = Counter()
        for reader, name, b in corpus():
            operation, asked = READERS.get(reader, kmip.DECRYPT), 4 if reader == "batch" else 1
            if name.startswith("rekey"):
                operation = kmip.REKEY_PAIR
            all_of_them = [b, *flips(b), *cuts(b), *lengths(b, rand),
                           *map(ttlv.encode, changed(ttlv.decode(b)))]
            seen += self.ask([(operation, b"41", n, asked, x)
                              for x in all_of_them for n in range(asked)])
        self.report(f"samples, changed (ENVELOPE_SEED={SEED})", seen)
        self.assertTrue(seen["read"] and len(seen) > 25, seen)

    def test_captures(self):
        all_of_them = list(captures())
        if not all_of_them:
            self.skipTest("no recorded exchanges (KMIP_CAPTURES)")
        self.report("recorded", self.ask([(o, u, 0, 1, b) for o, u, b in all_of_them]))
        rand = random.Random(SEED)
        questions = []
        for operation, uid, b in all_of_them:
            every = [ttlv.encode(x) for x in changed(ttlv.decode(b))]
            for x in (*rand.sample(every, min(CHANGES, len(every))),
                      *rand.sample(list(flips(b)), CHANGES)):
                questions.append((operation, uid, 0, 1, x))
        self.report(f"recorded, changed (ENVELOPE_SEED={SEED})", self.ask(questions))


class EveryRule(unittest.TestCase):
    """Last: what the others have seen."""

    def test_every_number_was_hit(self):
        known = set(documented())
        ours = {rule for rule in hit if rule.startswith(("K-MSG", "K-OP"))}
        self.assertEqual(ours - known, set(), "rules that docs/kmip.md does not have")
        self.assertEqual(known - ours, set(), "rules that nothing has hit")
        print(f"{len(known)} rules of docs/kmip.md, sections 2 and 3, all hit")


def load_tests(loader, _own, _pattern):
    """The numbers that were hit are looked at last."""
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, (Rules, Agreement, EveryRule)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        VIEWS = sys.argv.pop(1)
    unittest.main()
