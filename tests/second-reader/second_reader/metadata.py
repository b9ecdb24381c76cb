"""Section 10: metadata payload."""

import re
from types import SimpleNamespace

from . import attributes, derive, header, payload, slots
from .data import i64, text, u16, u32, u64, zero
from .rules import E_AUTH, E_FORMAT, Reject, need
from .wire import BOOL, BYTES, I64, STRING, U32, U64, Field, Message, decode

HEAD_MAX = 16777216
CHAIN_NAME = re.compile(r"(?!\.)[a-z0-9._-]{1,64}\Z")

RECIPIENT = Message("Recipient", {1: Field("kind", U32), 2: Field("kms_id", STRING),
                                  3: Field("name", STRING), 4: Field("fingerprint", BYTES)})
KEY = Message("Key", {1: Field("kind", U32), 2: Field("kms_id", STRING), 3: Field("name", STRING),
                      4: Field("key_id", STRING), 5: Field("version", U32),
                      6: Field("fingerprint", BYTES), 7: Field("superseded", BOOL),
                      8: Field("spki", BYTES)})
KEY_SET = Message("KeySet", {1: Field("key", U32, many=True)})
TOMBSTONE = Message("Tombstone", {1: Field("object_id", BYTES), 2: Field("number", U64),
                                  3: Field("time_ms", I64)})
PAST = Message("Past", {1: Field("number", U64), 2: Field("link", BYTES)})
HEAD = Message("Head", {1: Field("chain_name", STRING), 2: Field("serial", U64),
                        3: Field("recipient", RECIPIENT, many=True), 4: Field("key", KEY, many=True),
                        5: Field("key_set", KEY_SET, many=True), 6: Field("rebuilt", BOOL),
                        7: Field("tombstone", TOMBSTONE, many=True),
                        9: Field("past", PAST, many=True)})


class Secrets:
    """10.2. gs: generation to GS_g; raw: SECRETS as stored, for prefixes."""

    def __init__(self, b):
        x, rest = divmod(len(b) - 32, 36)
        need(rest == 0 and 1 <= x <= 4096, "R-SEC-01", E_FORMAT, f"{len(b)} bytes", "SECRETS")
        self.raw = b
        self.root = b[:32]
        self.gs = {}
        self.newest = 0
        for at in range(32, len(b), 36):
            g = u32(b, at)
            need(self.newest < g < header.GENERATION_LIMIT, "R-SEC-02", E_FORMAT,
                 f"generation {g}", "SECRETS")
            self.gs[g] = b[at + 4:at + 36]
            self.newest = g


def _names_valid(kind, kms_id, name):
    kms = slots.kms_id_valid(kms_id) if kind == slots.KMS else kms_id == ""
    return kind in (1, 2, 3) and kms and slots.name_valid(name)


def recipient_valid(r):
    n = 32 if r.kind == slots.ESCROW else 0
    return _names_valid(r.kind, r.kms_id, r.name) and len(r.fingerprint) == n


def recipient_key(r):
    return {slots.KMS: (1, r.kms_id, r.name), slots.PASSWORD: (2, r.name)}.get(
        r.kind, (r.kind, r.fingerprint))


def key_valid(k):
    """All but spki."""
    if not _names_valid(k.kind, k.kms_id, k.name):
        return False
    if k.kind == slots.KMS:
        return slots.name_valid(k.key_id) and k.version >= 1 and len(k.fingerprint) in (0, 32)
    n = 32 if k.kind == slots.ESCROW else 0
    return k.key_id == "" and k.version == 0 and len(k.fingerprint) == n


def recipients_fault(recipients):
    """None, or which of R-HEAD-03 to R-HEAD-05."""
    if not 1 <= len(recipients) <= 16:
        return "R-HEAD-03"
    if not all(recipient_valid(r) for r in recipients):
        return "R-HEAD-04"
    equal = len({recipient_key(r) for r in recipients}) != len(recipients)
    return "R-HEAD-05" if equal else None


def _check_lists(head):
    need(len(head.key) <= 65536 and len(head.key_set) <= 65536 and len(head.tombstone) <= 2**20
         and len(head.past) <= 1024, "R-HEAD-06", E_FORMAT, "too many of something")
    need(all(key_valid(k) and k.spki == b"" for k in head.key), "R-HEAD-07", E_FORMAT, "a key")
    for s in head.key_set:
        rising = all(a < b for a, b in zip(s.key, s.key[1:]))
        need(s.key and rising and s.key[-1] < len(head.key), "R-HEAD-08", E_FORMAT, "a key set")
    stones = head.tombstone
    need(all(len(t.object_id) == 16 and t.number < header.NUMBER_LIMIT for t in stones)
         and len({t.object_id for t in stones}) == len(stones), "R-HEAD-09", E_FORMAT,
         "a tombstone")
    last = 0
    for p in head.past:
        need(len(p.link) == 32 and last < p.number < header.NUMBER_LIMIT, "R-HEAD-10", E_FORMAT,
             "past")
        last = p.number


def parse_head(b, newer=False):
    head = decode(HEAD, b, newer)
    need(CHAIN_NAME.match(head.chain_name), "R-HEAD-01", E_FORMAT, "chain name")
    need(0 < head.serial < header.NUMBER_LIMIT, "R-HEAD-02", E_FORMAT, "serial")
    fault = recipients_fault(head.recipient)
    need(fault is None, fault, E_FORMAT, "recipients")
    _check_lists(head)
    return head


def split_row(b):
    return SimpleNamespace(
        object_id=b[:16], link=b[16:48], dek=b[48:80], number=u64(b, 80), parent=u64(b, 88),
        metadata_number=u64(b, 96), serial=u64(b, 104), revision=u64(b, 112), begun=i64(b, 120),
        ended=i64(b, 128), size=u64(b, 136), stored=u64(b, 144), generation=u32(b, 152),
        key_set=u32(b, 156), label_at=u32(b, 160), attributes_at=u32(b, 164),
        label_len=u16(b, 168), attributes_len=u16(b, 170), format=b[172], kind=b[173],
        standing=b[174], content=b[175], k=b[176], provenance=b[177], flags=u16(b, 178))


def _id_possible(r):
    """R-ID-01 to R-ID-11, as far as a row has what they speak of."""
    attested = r.standing == 0 and r.generation >= 1
    detached = r.standing == 1 and r.generation == 0 and r.kind == header.FULL
    return (r.format == 1 and r.kind in (1, 2) and r.content in (1, 2) and (attested or detached)
            and r.generation < header.GENERATION_LIMIT and r.serial < header.NUMBER_LIMIT
            and r.metadata_number < header.NUMBER_LIMIT)


def _inside(at, n, most, strings):
    if n == 0:
        return at == 0
    return n <= most and at + n <= len(strings)


def parse_row(b, before, strings, key_sets):
    r = split_row(b)
    need(zero(b[180:]), "R-ROW-01", E_FORMAT, "zeros are not zero")
    need(before < r.number < header.NUMBER_LIMIT, "R-ROW-02", E_FORMAT, f"number {r.number}")
    need(r.parent < r.number and (r.kind != header.FULL or r.parent == 0), "R-ROW-03", E_FORMAT,
         f"parent {r.parent}")
    need(_id_possible(r), "R-ROW-04", E_FORMAT, "no such point is possible")
    need(_inside(r.label_at, r.label_len, 255, strings)
         and _inside(r.attributes_at, r.attributes_len, attributes.MAX, strings), "R-ROW-05",
         E_FORMAT, "label or attributes")
    need(r.key_set < key_sets, "R-ROW-06", E_FORMAT, f"key set {r.key_set}")
    need(r.revision >= 1, "R-ROW-07", E_FORMAT, "revision 0")
    need(r.k <= 3, "R-ROW-08", E_FORMAT, f"k {r.k}")
    need(1 <= r.provenance <= 5, "R-ROW-09", E_FORMAT, f"provenance {r.provenance}")
    need(r.flags & ~3 == 0, "R-ROW-10", E_FORMAT, f"flags {r.flags}")
    need(zero(r.dek) == bool(r.flags & 1), "R-ROW-11", E_FORMAT, "DEK and its flag")
    r.label = text(strings[r.label_at:r.label_at + r.label_len])
    need(r.label is not None, "R-ROW-12", E_FORMAT, "the label is not text")
    try:
        r.named = attributes.parse(strings[r.attributes_at:r.attributes_at + r.attributes_len])
    except Reject as e:
        raise Reject("R-ROW-12", E_FORMAT, e.text) from None
    return r


def parse_rows(b, strings, key_sets):
    rows = []
    before = 0
    for at in range(0, len(b), payload.ROW):
        try:
            rows.append(parse_row(b[at:at + payload.ROW], before, strings, key_sets))
        except Reject as r:
            raise r.at("rows")
        before = rows[-1].number
    return rows


def _split(p, f):
    """R-META-01: SECRETS, head, and where the head ends."""
    limit = p.length - payload.FOOTER
    cut = Reject("R-META-01", E_FORMAT, "a length runs over the footer", "metadata")
    if limit < 4:
        raise cut
    n = u32(p.read(0, 4))
    if n > limit - 8:
        raise cut
    m = u32(p.read(4 + n, 4))
    if m > limit - 8 - n:
        raise cut
    need(n + m <= HEAD_MAX, "R-META-01", E_FORMAT, "SECRETS and head are too long", "metadata")
    secrets = Secrets(p.read(4, n))
    end = 8 + n + m
    begin = f.rows_at if f.rows else f.strings_at if f.strings else limit
    need(begin == end, "R-META-02", E_FORMAT, "a gap behind the head", "metadata")
    return secrets, p.read(8 + n, m)


def _prove(copy, secrets):
    need(derive.equal(derive.chain_id(secrets.root), copy.id.chain_id), "R-META-03", E_AUTH,
         "the root is that of another chain", "metadata")
    need(secrets.newest == copy.id.generation, "R-META-04", E_AUTH,
         "its generation is not the last of SECRETS", "metadata")
    att = header.att_of(secrets.gs[secrets.newest], copy.id.chain_id, secrets.newest, copy.core)
    need(derive.equal(att, copy.att), "R-META-05", E_AUTH, "ATT does not verify", "metadata")


def read(opened):
    """Section 10 of an object that open_payload took up."""
    p = opened.payload
    f = payload.footer(p, header.NONE)
    secrets, head = _split(p, f)
    _prove(opened.copy, secrets)
    try:
        head = parse_head(head, opened.copy.newer)
    except Reject as r:
        raise r.at("head")
    strings = p.read(f.strings_at, f.strings)
    rows = parse_rows(p.read(f.rows_at, f.rows * payload.ROW), strings, len(head.key_set))
    opened.metadata = SimpleNamespace(secrets=secrets, head=head, rows=rows, footer=f)
    return opened
