"""Section 3: header copies, ID, LINK."""

from functools import lru_cache
from types import SimpleNamespace

from . import derive, slots
from .data import Cursor, Short, crc32c, p32, u32, u64, zero
from .rules import E_FORMAT, E_UNSUPPORTED, Reject, need

MAGIC = bytes.fromhex("89454e560d0a1a0a")
MINOR = 0
FOREIGN, ROLE_A, ROLE_B = 0, 1, 2
FULL, INCREMENT, METADATA, FOREIGN_KIND = 1, 2, 3, 4
ATTESTED, DETACHED = 0, 1
NONE, STREAM, IMAGE = 0, 1, 2
CAPACITIES = (16384, 32768, 65536, 131072)
END = 36
NUMBER_LIMIT = 2**48
GENERATION_LIMIT = 2**31


def split_id(b):
    return SimpleNamespace(
        bytes=bytes(b), short=bytes(b[:56]), format=b[0], kind=b[1], standing=b[2], content=b[3],
        chain_id=bytes(b[4:36]), object_id=bytes(b[36:52]), generation=u32(b, 52),
        serial=u64(b, 56), number=u64(b, 64), parent=bytes(b[72:104]))


def _check_metadata(i):
    need(i.standing == 0 and i.content == 0, "R-ID-04", E_FORMAT, "metadata: standing, content")
    need(i.number and i.generation, "R-ID-05", E_FORMAT, "metadata without number or generation")
    need(i.number != 1 or zero(i.parent), "R-ID-06", E_FORMAT, "the first metadata has a parent")


def _check_point(i):
    need(i.content in (STREAM, IMAGE), "R-ID-07", E_FORMAT, f"content {i.content}")
    need(zero(i.parent) == (i.kind == FULL), "R-ID-08", E_FORMAT, "parent and kind")
    need(i.standing in (ATTESTED, DETACHED), "R-ID-09", E_FORMAT, f"standing {i.standing}")
    if i.standing == ATTESTED:
        need(i.generation, "R-ID-10", E_FORMAT, "attested without a generation")
        return
    need(i.kind == FULL and not i.generation, "R-ID-11", E_FORMAT, "detached: kind, generation")


def check_id(i):
    """Section 3.4; what is said of foreign objects is in section 13."""
    need(i.format == 1, "R-ID-01", E_UNSUPPORTED, f"format {i.format}")
    need(i.serial < NUMBER_LIMIT and i.number < NUMBER_LIMIT and i.generation < GENERATION_LIMIT,
         "R-ID-02", E_FORMAT, "a number beyond its limit")
    need(1 <= i.kind <= 4, "R-ID-03", E_FORMAT, f"kind {i.kind}")
    if i.kind == METADATA:
        _check_metadata(i)
    if i.kind in (FULL, INCREMENT):
        _check_point(i)


def pre(b, role, place=0):
    """Section 3.2, in its order. b may be longer than the copy."""
    need(len(b) >= 32, "R-PRE-01", E_FORMAT, "fewer than 32 bytes")
    need(b[:8] == MAGIC, "R-PRE-02", E_FORMAT, "no header is there")
    c = u32(b, 20)
    need(END <= c <= 131072, "R-PRE-03", E_FORMAT, f"capacity {c}")
    need(len(b) >= c, "R-PRE-04", E_FORMAT, "the header is cut")
    need(u32(b, c - 4) == crc32c(b[:c - 4]), "R-PRE-05", E_FORMAT, "CRC")
    copy = SimpleNamespace(whole=bytes(b[:c]), capacity=c, minor=b[9], role=b[10],
                           pre=bytes(b[:10] + b[11:32]), core_len=u32(b, 24), mut_len=u32(b, 28),
                           newer=b[9] > MINOR, ro_compat=u32(b, 16))
    try:
        _check_pre(copy, b, role, place)
    except Reject as r:
        r.copy = copy
        raise
    return copy


def _check_pre(copy, b, role, place):
    c = copy.capacity
    need(b[8] == 1, "R-PRE-06", E_UNSUPPORTED, f"major version {b[8]}")
    need(u32(b, 12) == 0, "R-PRE-07", E_UNSUPPORTED, "needs features that are not known")
    need(copy.role == role, "R-PRE-08", E_FORMAT, f"role {copy.role}")
    need(b[11] == 0, "R-PRE-09", E_FORMAT, "byte 11 is not zero")
    if role != FOREIGN:
        need(c in CAPACITIES, "R-PRE-10", E_FORMAT, f"capacity {c}")
    if role == ROLE_B:
        need(c == place, "R-PRE-11", E_FORMAT, f"capacity {c} at offset {place}")
    need(32 + copy.core_len + 32 + copy.mut_len + END <= c, "R-PRE-12", E_FORMAT,
         "its parts are larger than its capacity")


def split(copy):
    """Section 3.1: the parts as they lie."""
    w = copy.whole
    at = 32 + copy.core_len
    copy.core = w[32:at]
    copy.att = w[at:at + 32]
    copy.mut = w[at + 32:at + 32 + copy.mut_len]
    copy.gap = w[at + 32 + copy.mut_len:copy.capacity - END]
    copy.tag = w[copy.capacity - END:copy.capacity - 4]


def split_core(copy, foreign):
    c = Cursor(copy.core)
    try:
        copy.id = split_id(c.take(104))
        copy.P = c.take(56)
        copy.box = c.block()
        copy.context = c.block() if foreign else b""
    except Short:
        raise Reject("R-HDR-02", E_FORMAT, "CORE is cut") from None
    need(c.left() == 0, "R-HDR-02", E_FORMAT, "CORE is too long")


def split_mut(copy):
    c = Cursor(copy.mut)
    try:
        copy.revision = c.u64()
        copy.slot_bytes = c.block()
    except Short:
        raise Reject("R-HDR-03", E_FORMAT, "MUT is cut") from None
    need(c.left() == 0, "R-HDR-03", E_FORMAT, "MUT is too long")
    need(copy.revision >= 1, "R-HDR-04", E_FORMAT, "revision 0")


def _rest(copy):
    split(copy)
    need(zero(copy.gap), "R-HDR-01", E_FORMAT, "zeros are not zero")
    split_core(copy, False)
    check_id(copy.id)
    need(copy.id.kind != FOREIGN_KIND, "R-HDR-05", E_FORMAT, "a foreign object in two copies")
    split_mut(copy)
    need(copy.id.standing == ATTESTED or zero(copy.att), "R-HDR-06", E_FORMAT,
         "ATT in a detached object")
    copy.slots = slots.parse(copy.slot_bytes, copy.newer)
    copy.link = derive.link(copy.core, copy.att)


@lru_cache(maxsize=8)
def parse(b, role, place=0):
    """A whole copy (3.7, last paragraph), or Reject; Reject.copy where the CRC was right."""
    copy = pre(b, role, place)
    try:
        _rest(copy)
    except Reject as r:
        r.copy = copy
        raise
    return copy


def parse_at(source, at, role):
    """The copy at this offset. A campaign changes one copy and leaves the other: hence the cache."""
    b = source.read(at, 32)
    c = u32(b, 20)
    return parse(source.read(at, c) if 32 < c <= 131072 else b, role, at)


def tag_good(copy, dek):
    """Section 3.7: over the bytes as stored."""
    mac = derive.MAC(derive.K_hdr(dek), "header", copy.whole[:copy.capacity - END])
    return derive.equal(mac, copy.tag)


def att_of(gs, chain, g, core):
    return derive.MAC(derive.AK(gs, chain, g), "attest", core)


def row_id(row, chain):
    """Section 10.4: ID[0..55] of a point that a row lists."""
    return (bytes([row.format, row.kind, row.standing, row.content]) + chain + row.object_id
            + p32(row.generation))
