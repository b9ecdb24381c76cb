#!/usr/bin/python3
"""The second reader of TTLV: every rule of docs/kmip.md, section 1, is hit, and it agrees with the
library about content and rule: on messages of its own with every bit flipped and cut at every byte,
and on recorded exchanges where there are some.

    test_ttlv.py [TTLV_VERDICT]

TTLV_VERDICT says what the library says. KMIP_CAPTURES names the folder of the recorded exchanges;
ENVELOPE_SEED, ENVELOPE_THOROUGH: how their flips are drawn, and how many.
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

from second_reader import ttlv  # noqa: E402
from second_reader.rules import Reject  # noqa: E402

DOCUMENT = os.path.join(HERE, "..", "..", "docs", "kmip.md")
MESSAGES = os.path.join(HERE, "ttlv_messages.txt")
RULE = re.compile(r"^- \*\*(K-(?:TTLV|FIELD|FRAME)-\d+)\*\* ((?:.+\n)(?:  .*\n)*)", re.M)
EXAMPLE = re.compile(r"### 1\.3 Worked example\n.*?```\n(.*?)```\n", re.S)
THOROUGH = bool(os.environ.get("ENVELOPE_THOROUGH"))
SEED = int(os.environ.get("ENVELOPE_SEED") or (secrets.randbelow(2**31) if THOROUGH else 1))
FLIPS = 200 if THOROUGH else 10  # of each recorded message
THREE = [ttlv.Field(0x42000A, ttlv.INTEGER, required=True), ttlv.Field(0x42000B, repeated=True),
         ttlv.Field(0x42000C, ttlv.ENUMERATION)]
MOST = 1 << 20
VERDICT = None
hit = set()


def document():
    with open(DOCUMENT, encoding="utf-8") as f:
        return f.read()


def documented():
    """Each rule number, and its status: that which its text names, or E_FORMAT."""
    found = RULE.findall(document())
    assert len(dict(found)) == len(found), "a number is given twice"
    return {rule: "E_LIMIT" if "E_LIMIT" in words else "E_FORMAT" for rule, words in found}


def hexed(words):
    return bytes.fromhex(re.sub(r"\s", "", words))


def example():
    """The message of the worked example: hex, then words, two spaces or more between them."""
    lines = EXAMPLE.search(document())[1].splitlines()
    return hexed("".join(re.split(r"(?<=\S) {2,}", line, maxsplit=1)[0] for line in lines))


def own():
    with open(MESSAGES, encoding="utf-8") as f:
        pairs = [line.split(maxsplit=1) for line in f if line.strip() and line[0] != "#"]
    return {"example": example(), **{name: hexed(words) for name, words in pairs}}


def captures():
    """{name: bytes}, sorted; empty where there are none."""
    folder = os.environ.get("KMIP_CAPTURES")
    out = {}
    for name in sorted(os.listdir(folder)) if folder else ():
        if name.endswith(".hex"):
            with open(os.path.join(folder, name), encoding="ascii") as f:
                out[name[:-4]] = hexed(f.read())
    return out


def flips(b):
    for i in range(8 * len(b)):
        bad = bytearray(b)
        bad[i // 8] ^= 1 << i % 8
        yield bytes(bad)


def cuts(b):
    for n in range(len(b)):
        yield b[:n]


def damaged(b, rand):
    """A bit flipped, and now and then cut."""
    bad = bytearray(b)
    bad[rand.randrange(len(b))] ^= 1 << rand.randrange(8)
    return bad[:rand.randrange(len(b))] if rand.random() < .1 else bad


# -- what the second reader says, in the words of ttlv_verdict.c


def shown(items):
    out = []
    for item in items:
        head = f" {item.tag:06x}:{item.type}:"
        if item.type == ttlv.STRUCTURE:
            out.append(f"{head}({shown(item.value)} )")
        elif item.type == ttlv.TEXT:
            out.append(head + item.value.encode().hex())
        elif item.type == ttlv.BYTES:
            out.append(head + item.value.hex())
        elif item.type == ttlv.BIG:
            out.append(head + item.raw.hex())
        else:
            out.append(f"{head}{int(item.value)}")
    return "".join(out)


def say(question):
    kind, *rest, digits = question.split(" ")
    b = bytes.fromhex(digits)
    try:
        if kind == "M":
            return "OK" + shown([ttlv.decode(b)])
        if kind == "S":
            outer = ttlv.decode(b)
            items = outer.value if outer.type == ttlv.STRUCTURE else []
            found = ttlv.fields(items, THREE)
            return "OK" + "".join(f" {i.tag:06x}" for f in THREE for i in found.get(f.tag, ()))
        count, left = ttlv.messages(b, int(rest[0]), rest[1] == "1")
        return f"OK {len(count)} {left}"
    except Reject as e:
        hit.add(e.rule)
        return e.rule


class Rules(unittest.TestCase):
    """One case and more for each, and what is at its border."""

    def refused(self, rule, work):
        with self.assertRaises(Reject) as caught:
            work()
        self.assertEqual((caught.exception.rule, caught.exception.status),
                         (rule, documented()[rule]), str(caught.exception))
        hit.add(rule)

    def message(self, rule, words):
        self.refused(rule, lambda: ttlv.decode(hexed(words)))

    def test_heads(self):
        self.message("K-TTLV-01", "")
        self.message("K-TTLV-01", "420020 08 000000")
        for tag in ("000000", "420000", "430000", "53ffff", "550000"):
            self.message("K-TTLV-02", f"{tag} 08 00000000")
        for tag in ("420001", "42ffff", "540000", "54ffff"):
            ttlv.decode(hexed(f"{tag} 08 00000000"))
        for kind in ("00", "0b", "ff"):
            self.message("K-TTLV-03", f"420020 {kind} 00000000")

    def test_lengths(self):
        for kind, right in ttlv.FIXED.items():
            for n in {0, 1, 3, 4, 5, 7, 8, 16} - {right}:
                self.message("K-TTLV-04", f"420020 {kind:02x} {n:08x}" + "00" * 16)
        for n in (0, 1, 7, 9):
            self.message("K-TTLV-05", f"420020 04 {n:08x}" + "00" * 16)
        self.message("K-TTLV-05", "420020 01 00000004 00000000 00000000")
        self.message("K-TTLV-06", "420020 08 00000001 00 000000000000")
        for n in ("ffffffff", "fffffff9", "fffffff8", "80000000"):
            self.message("K-TTLV-06", f"420020 08 {n} 0000000000000000")
        self.message("K-TTLV-06", "420020 01 00000018 420021 01 00000008 420022 08 00000008" +
                     "00" * 8)
        self.message("K-TTLV-10", "420020 08 00000000 00")

    def test_depth(self):
        for levels in range(1, 20):
            b = b""
            for _ in range(levels):
                b = hexed("420020 01") + len(b).to_bytes(4, "big") + b
            if levels <= ttlv.DEPTH:
                self.assertEqual(ttlv.encode(ttlv.decode(b)), b)
            else:
                self.refused("K-TTLV-07", lambda b=b: ttlv.decode(b))

    def test_values(self):
        for v in ("0000000000000002", "0100000000000000", "ffffffffffffffff"):
            self.message("K-TTLV-08", f"420020 06 00000008 {v}")
        for v in ("00", "ff", "c080", "eda080", "f4908080"):
            self.message("K-TTLV-09", f"420020 07 {len(v) // 2:08x} {v:0<16}")
        padded = ttlv.decode(hexed("420020 02 00000004 00000001 ffffffff"))
        self.assertEqual(padded.value, 1)

    def test_fields(self):
        a, b, c, other = (hexed(w) for w in ("42000a 02 00000004 00000001 00000000",
                                             "42000b 08 00000000",
                                             "42000c 05 00000004 00000003 00000000",
                                             "540001 08 00000000"))

        def structure(*parts):
            inner = b"".join(parts)
            return ttlv.decode(hexed("42007b 01") + len(inner).to_bytes(4, "big") + inner).value

        for parts in ((a,), (a, b, b, c), (other, a, other, b, other, b, c)):
            ttlv.fields(structure(*parts), THREE)
        for rule, parts in (("K-FIELD-01", (a[:3] + b"\5" + a[4:],)), ("K-FIELD-02", (b, a)),
                            ("K-FIELD-02", (a, b, c, b)), ("K-FIELD-03", (a, other, a)),
                            ("K-FIELD-04", (b,)), ("K-FIELD-04", ())):
            self.refused(rule, lambda parts=parts: ttlv.fields(structure(*parts), THREE))

    def test_frames(self):
        def head(words, secret=False, most=MOST):
            return ttlv.announced(hexed(words), most, secret)

        self.assertEqual(head("42007b01 000ffff8"), MOST)
        self.assertEqual(head("42007b01 0000fff8", secret=True), 65536)
        self.refused("K-FRAME-01", lambda: head("42007801 00000008"))
        self.refused("K-FRAME-01", lambda: head("15030300 02022800"))
        self.refused("K-FRAME-02", lambda: head("42007b01 00000009"))
        for words in ("42007b01 00100000", "42007b01 fffffff8"):
            self.refused("K-FRAME-03", lambda words=words: head(words))
        self.refused("K-FRAME-03", lambda: head("42007b01 00010000", secret=True))

    def test_own(self):
        for name, b in own().items():
            again = ttlv.encode(ttlv.decode(b))
            self.assertEqual(again == b, name != "padding", name)

    def test_example(self):
        """What the document says of its example."""
        b = example()
        ttlv.decode(b)
        self.message("K-TTLV-06", b[:-1].hex())
        self.message("K-TTLV-03", b.hex().replace("42009209", "4200920b"))
        self.message("K-TTLV-09", b.hex().replace("6e6f", "6e00"))
        for i in range(1, 7):
            bad = b[:-i] + b"\xff" + b[len(b) - i + 1:]
            self.assertEqual(ttlv.decode(bad), ttlv.decode(b))


class Agreement(unittest.TestCase):
    def setUp(self):
        if not VERDICT:
            print("skipped: no ttlv_verdict was named")
            self.skipTest("no ttlv_verdict was named")

    def ask(self, questions):
        """Both; how often each answer was given."""
        done = subprocess.run([VERDICT], input="\n".join(questions) + "\n", text=True, check=True,
                              stdout=subprocess.PIPE)
        theirs = done.stdout.splitlines()
        self.assertEqual(len(theirs), len(questions))
        seen = Counter()
        for question, answer in zip(questions, theirs):
            ours = say(question)
            self.assertEqual(answer, ours, question)
            seen[ours.split(" ")[0]] += 1
        return seen

    def report(self, what, seen):
        print(f"{what}: {sum(seen.values())} the same: " +
              ", ".join(f"{k} {n}" for k, n in sorted(seen.items())))

    def test_messages(self):
        seen = Counter()
        for b in own().values():
            seen += self.ask([f"M {x.hex()}" for x in (b, *flips(b), *cuts(b))])
        self.report("messages", seen)
        self.assertTrue(seen["OK"] and len(seen) >= 9, seen)

    def test_structures(self):
        seen = Counter()
        for name, b in own().items():
            if name.startswith("fields"):
                seen += self.ask([f"S {x.hex()}" for x in (b, *flips(b), *cuts(b))])
        self.report("structures", seen)
        for rule in documented():
            self.assertTrue(seen[rule] or not rule.startswith("K-FIELD"), rule)

    def test_streams(self):
        seen = Counter()
        one = own()["example"]
        for secret in (0, 1):
            for most in (len(one), len(one) - 8, MOST):
                seen += self.ask([f"R {most} {secret} {x.hex()}"
                                  for x in (one + one, *flips(one + one[:9]), *cuts(one + one))])
        self.report("streams", seen)
        for rule in documented():
            self.assertTrue(seen[rule] or not rule.startswith("K-FRAME"), rule)

    def test_captures(self):
        all_of_them = captures()
        if not all_of_them:
            print("skipped: no recorded exchanges (option kmip_captures)")
            self.skipTest("no recorded exchanges")
        whole = self.ask([f"M {b.hex()}" for b in all_of_them.values()])
        self.report("recorded messages", whole)
        self.assertEqual(sum(whole.values()) - whole["OK"], 2)
        rand = random.Random(SEED)
        changed = [f"M {damaged(b, rand).hex()}" for b in all_of_them.values() for _ in range(FLIPS)]
        self.report(f"recorded messages, changed (ENVELOPE_SEED={SEED})", self.ask(changed))


class EveryRule(unittest.TestCase):
    """Last: what the others have seen."""

    def test_every_number_was_hit(self):
        known = set(documented())
        self.assertEqual(hit - known, set(), "rules that docs/kmip.md does not have")
        self.assertEqual(known - hit, set(), "rules that nothing has hit")
        print(f"{len(known)} rules of docs/kmip.md, section 1, all hit")


def load_tests(loader, _own, _pattern):
    """The numbers that were hit are looked at last."""
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, (Rules, Agreement, EveryRule)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        VERDICT = sys.argv.pop(1)
    unittest.main()
