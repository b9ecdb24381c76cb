#!/usr/bin/python3
"""The flips and lengths that the library's campaign tried on a small chain, tried on the second
reader: part, status, and what is still served must be the same, and no data may be wrong.

    campaign.py CAMPAIGN_EXPORT

CAMPAIGN_EXPORT writes the chain, and what the library said of each damage; the plan is its own
(ENVELOPE_SEED, ENVELOPE_THOROUGH). Which rules were hit is printed; that every rule is hit by one case
or another is test_reader.py's to show.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    from second_reader import verdict
    from second_reader.chain import Repository
    from second_reader.data import Memory, crc32c, p32
    from second_reader.keys import Keys
    from support import documented, private
except ImportError as e:
    print(f"skipped: {e.name} is missing (python3-cryptography, python3-argon2)")
    sys.exit(77)

HEADER, PAYLOAD, TAIL, CUT = range(4)
TAIL_BYTES = 64
NOTHING, ALL_BUT_ONE = 3, 4
BOTH = "header copies A and B"
NEWER = ("R-PRE-06", "R-PRE-07", "R-ID-01")
SIZES = {1: 57344, 2: 100}

# Rules that the sample must meet, or the campaign has lost its teeth.
MUST_HIT = """R-PRE-01 R-PRE-02 R-PRE-03 R-PRE-04 R-PRE-05 R-PRE-06 R-PRE-07 R-PRE-08 R-PRE-09
    R-PRE-12 R-HDR-01 R-HDR-02 R-HDR-03 R-ID-01 R-ID-02 R-ID-03 R-ID-04 R-ID-07
    R-ID-08 R-ID-09 R-ID-11 R-WIRE-01 R-OPEN-01 R-OPEN-02 R-OPEN-03 R-OPEN-04 R-OPEN-07
    R-OPEN-08 R-OPEN-10 R-PAY-02 R-PAY-04 R-PAY-05 R-TAIL-01 R-TAIL-02 R-TAIL-03 R-TAIL-04
    R-TAIL-05 R-TAIL-06 R-TAIL-07 R-META-13 R-META-14""".split()


class Kms:
    """The campaign's KMS: the version is what stands behind the last slash of the key id."""

    def private(self, _name, key_id, _fingerprint):
        digits = key_id.rpartition("/")[2]
        return private(int(digits)) if digits in ("1", "2") else None


def keys():
    k = Keys().add_keystore(Kms(), "lab")
    k.scope = {("lab", "vm")}
    return k


def fill(seed, size):
    """The data of the points (splitmix64)."""
    mask = 2**64 - 1
    out = bytearray()
    for i in range(-(-size // 8)):
        z = seed + (i + 1) * 0x9E3779B97F4A7C15 & mask
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        out += (z ^ z >> 31).to_bytes(8, "little")
    return bytes(out[:size])


class Line:
    """One damage and what the library said of it."""

    def __init__(self, text):
        self.name, how, served, said = text.rstrip("\n").split("\t")
        self.what, self.copies, self.mend, self.at, self.bit = map(int, how.split())
        self.served = int(served)
        self.said = {tuple(s.split("=")) for s in said.split(";") if s}

    def damaged(self, good):
        if self.what == CUT:
            return good[:self.at]
        bad = bytearray(good)
        if self.what != HEADER:
            bad[self.at] ^= 1 << self.bit
            if self.mend:
                bad[-4:] = p32(crc32c(bytes(bad[-TAIL_BYTES:-4])))
            return bytes(bad)
        c = int.from_bytes(good[20:24], "big")
        for i in (0, 1):
            if self.copies & 1 << i:
                bad[i * c + self.at] ^= 1 << self.bit
                if self.mend:
                    bad[i * c + c - 4:i * c + c] = p32(crc32c(bytes(bad[i * c:i * c + c - 4])))
        return bytes(bad)


def part_of(r):
    """The library's name of the part. It has fewer."""
    if r.rule in ("R-META-13", "R-TAIL-01"):
        return "object"
    if r.rule in NEWER:
        return BOTH
    return {"copy A": "header copy A", "copy B": "header copy B", "header": BOTH, "box": BOTH,
            "tail": "tail"}.get(r.part, "payload")


def misplaced(result, chain):
    """Both copies name another chain: whoever reads this chain does not count the object in it."""
    headers = result.opened.headers if result.opened else None
    ids = {c.id.chain_id for c in headers.copy if c} if headers else set()
    return len(ids) == 1 and ids != {chain} and not result.opened.by_catalogue


def findings_of(result, chain):
    """As the library tells them: of a cut object nothing else, and of the copies nothing where the
    header as a whole is refused."""
    found = result.findings + ([result.fatal] if result.fatal else [])
    if misplaced(result, chain):
        return {("object", "E_FORMAT")}
    said = {(part_of(r), r.status) for r in found}
    if any(r.rule == "R-META-13" for r in found):
        return {("object", "E_FORMAT")}
    if any(part == BOTH for part, _ in said):
        return {(part, status) for part, status in said if not part.startswith("header copy ")}
    return said


class Campaign(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="campaign-")
        self.addCleanup(shutil.rmtree, self.dir)
        env = dict(os.environ, ENVELOPE_EXPORT=self.dir)
        done = subprocess.run([PROGRAM], env=env, stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout.decode() + done.stderr.decode())
        self.keys = keys()
        self.chain = Repository(self.dir).chain()
        self.assertTrue(self.chain.load(self.keys))
        self.assertEqual(self.chain.findings + self.chain.repository.findings, [])
        self.rows = {self.chain.object_of(r).path: r for r in self.chain.meta.rows}
        self.data = {n: fill(n, size) for n, size in SIZES.items()}
        self.bytes = {}

    def good(self, path):
        if path not in self.bytes:
            with open(path, "rb") as f:
                self.bytes[path] = f.read()
        return self.bytes[path]

    def examine(self, path, b):
        row = self.rows.get(path)
        if row is None:
            return verdict.examine(Memory(b), self.keys)
        out = Checked(self.data[row.number])
        result = verdict.examine_listed(Memory(b), row, self.chain.id, self.chain.meta.secrets, out)
        self.assertTrue(out.right, "wrong data")
        self.assertEqual(out.at == len(out.want), result.fatal is None, "data, or none")
        return result

    def wrong(self, line, result):
        """None, or in what the two differ."""
        mine = findings_of(result, self.chain.id)
        # out of the keyring's scope, and no key: one to the reader, which has no policy
        theirs = {(p, "E_NO_KEY" if s == "E_REFUSED" else s) for p, s in line.said}
        if mine != theirs:
            return f"{sorted(mine)}, the library {sorted(theirs)}"
        served = line.served not in (NOTHING, ALL_BUT_ONE)
        if served != (result.fatal is None):
            return f"fatal {result.fatal}, the library {'served' if served else 'did not serve'} it"
        return None

    def test_control(self):
        for item in self.chain.candidates + self.chain.points:
            result = self.examine(item.path, self.good(item.path))
            self.assertEqual(result.verdict(), ("OK", "", ""))

    def test_damage(self):
        rules, wrong, tried = Counter(), [], 0
        with open(os.path.join(self.dir, "verdicts"), encoding="ascii") as f:
            for text in f:
                line = Line(text)
                path = os.path.join(self.dir, line.name)
                result = self.examine(path, line.damaged(self.good(path)))
                rules.update(set(result.rules()))
                difference = self.wrong(line, result)
                if difference:
                    wrong.append(f"{text.rstrip()}: {result.rules()} {difference}")
                tried += 1
        print(f"{tried} tried:", *(f"{r}:{n}" for r, n in sorted(rules.items())))
        self.assertEqual(len(wrong), 0, f"{len(wrong)}:\n" + "\n".join(wrong[:20]))
        self.assertEqual(set(rules) - set(documented()), set(), "not in docs/format.md")
        self.assertEqual(set(MUST_HIT) - set(rules), set(), "not hit")


class Checked:
    """Takes what is written, if it is what it must be."""

    def __init__(self, want):
        self.want, self.at, self.right = want, 0, True

    def write(self, piece):
        self.right = self.right and self.want[self.at:self.at + len(piece)] == piece
        self.at += len(piece)


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
