"""Section 9.1: a disk, merged over the objects that its blocks lie in."""

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from . import derive
from .data import u16, u32, u64
from .header import ATTESTED, IMAGE
from .payload import ALIGN, DIRECTORY_ENTRY, LINK, SEGMENT_LOG2, final_attributes, footer
from .rules import E_AUTH, E_FORMAT, Reject, need

NOWHERE, HERE, ELSEWHERE = range(3)
SEGMENT = 1 << SEGMENT_LOG2
LOCATION, HASH = 8, 16
LOCATIONS = SEGMENT * LOCATION
INDEX = SEGMENT * (LOCATION + HASH)
UNIT = 4096


def block_hash(key, block, length):
    """Section 1.3"""
    return AESGCM(key).encrypt(bytes(12), b"", block + bytes(length - len(block)))


def hash_key(dek, i, box, secrets):
    """BK_g, or a detached point's own; None: nothing in hand has it."""
    if i.standing != ATTESTED:
        return derive.X(dek, "block hash")
    gs = secrets.gs.get(i.generation) if secrets else None
    if gs:
        return derive.BK(gs, i.chain_id, i.generation)
    return box.bk if box else None


def _possible(kind, number, offset, entries):
    if kind == NOWHERE:
        return number == 0 and offset == 0
    if kind == HERE:
        return number == 0
    return kind == ELSEWHERE and number < entries


def location(v, entries):
    """kind, object, offset"""
    at = v >> 62, v >> 48 & 0x3fff, (v & 2**48 - 1) * UNIT
    need(_possible(*at, entries), "R-IMG-03", E_FORMAT, f"location {v:016x}", "index")
    return at


def entry(b, entries):
    at = b[0], u16(b, 2), u64(b, 8)
    need(b[1] == 0 and u32(b, 4) == 0 and at[2] % ALIGN == 0 and _possible(*at, entries),
         "R-IMG-02", E_FORMAT, f"directory entry {b.hex()}", "directory")
    return at


class Object:
    """One that blocks lie in. believed: attested under the generation of the point that is read."""

    def __init__(self, payload, f, believed):
        self.payload = payload
        self.footer = f
        self.believed = believed
        raw = payload.read(f.strings_at, f.strings * LINK)
        self.table = [raw[i:i + LINK] for i in range(0, len(raw), LINK)]

    def within(self, at, n, what):
        need(at + n <= self.payload.length, "R-IMG-05", E_FORMAT, f"{what} lies nowhere", what)

    def read(self, at, n, what):
        self.within(at, n, what)
        return self.payload.read(at, n)


class Image:
    """find(LINK) gives (payload, generation or None of a detached one) of an object of the table."""

    def __init__(self, payload, box_attributes, i, key, find):
        self.footer = f = footer(payload, IMAGE)
        self.named = final_attributes(payload, f, box_attributes)
        self.generation = i.generation if i.standing == ATTESTED else None
        self.key = key
        self.find = find
        self.block_bytes = 1 << f.block_log2
        self.own = Object(payload, f, True)
        self.opened = {}
        need(len(set(self.own.table)) == len(self.own.table), "R-IMG-01", E_FORMAT,
             "the object table names an object twice", "object table")

    def object(self, link):
        """None: the point itself."""
        if link is None:
            return self.own
        if link not in self.opened:
            payload, generation = self.find(link)
            try:
                f = footer(payload, IMAGE)
            except Reject as r:
                need(r.rule != "R-FTR-03", "R-IMG-06", E_FORMAT, "it is no image", "object table")
                raise
            need(f.block_log2 == self.footer.block_log2, "R-IMG-06", E_FORMAT,
                 "its blocks have another length", "object table")
            believed = generation is not None and generation == self.generation
            self.opened[link] = Object(payload, f, believed)
        return self.opened[link]

    def linked(self, where, kind, number):
        """LINK of the object that `kind` and `number` name where they stand."""
        if kind == HERE:
            return where
        link = self.object(where).table[number]
        need(link in self.own.table, "R-IMG-04", E_FORMAT,
             "it lies in an object that the point does not name", "index")
        return link

    def index(self, segment):
        """(LINK of the object that it lies in, its bytes); None: all of the segment is zero."""
        at = self.footer.rows_at + segment * DIRECTORY_ENTRY
        kind, number, offset = entry(self.own.payload.read(at, DIRECTORY_ENTRY),
                                     len(self.own.table))
        if kind == NOWHERE:
            return None
        where = self.linked(None, kind, number)
        o = self.object(where)
        need(o.believed, "R-IMG-07", E_AUTH, "the index lies in another generation", "index")
        return where, o.read(offset, INDEX, "index")

    def place(self, index, n):
        """(object, offset, hash) of block n of a segment; None: it is zero."""
        where, b = index
        kind, number, offset = location(u64(b, n * LOCATION), len(self.object(where).table))
        if kind == NOWHERE:
            return None
        at = LOCATIONS + n * HASH
        return self.object(self.linked(where, kind, number)), offset, b[at:at + HASH]

    def block(self, index, n, length):
        """The first bytes of it, as many as belong to the disk; None: zeros."""
        found = index and self.place(index, n)
        if not found:
            return None
        o, offset, want = found
        o.within(offset, self.block_bytes, "block")
        got = o.read(offset, length, "block")
        need(derive.equal(block_hash(self.key, got, self.block_bytes), want), "R-IMG-08", E_AUTH,
             "a block is another than was recorded", "block")
        return got

    def segments(self):
        """(offset, length, index) of each."""
        step = SEGMENT * self.block_bytes
        for segment in range(self.footer.rows):
            at = segment * step
            yield at, min(step, self.footer.size - at), self.index(segment)

    def data(self):
        for _, length, index in self.segments():
            for n in range(-(-length // self.block_bytes)):
                part = min(self.block_bytes, length - n * self.block_bytes)
                yield self.block(index, n, part) or bytes(part)
