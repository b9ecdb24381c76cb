"""docs/kmip.md, section 1: TTLV, structures, and messages out of a stream."""

from dataclasses import dataclass

from .data import text, u32
from .rules import E_FORMAT, E_LIMIT, need

(STRUCTURE, INTEGER, LONG, BIG, ENUMERATION, BOOLEAN, TEXT, BYTES, DATE,
 INTERVAL) = range(1, 11)
FIXED = {INTEGER: 4, ENUMERATION: 4, INTERVAL: 4, LONG: 8, BOOLEAN: 8, DATE: 8}
SIGNED = (INTEGER, LONG, BIG, DATE)
DEPTH = 16
RESPONSE = 0x42007B
SECRET_MAX = 64 << 10


@dataclass
class Item:
    tag: int
    type: int
    value: object  # a list of items, a number, a bool, a str, or bytes
    length: int = 0  # of a big integer, which may have more bytes than it needs

    @property
    def raw(self):
        """The value's bytes."""
        if self.type == STRUCTURE:
            return b"".join(map(encode, self.value))
        if self.type == TEXT:
            return self.value.encode()
        if self.type == BYTES:
            return self.value
        n = FIXED.get(self.type, self.length)
        return int(self.value).to_bytes(n, "big", signed=self.type in SIGNED)


def known(tag):
    return 0x420001 <= tag <= 0x42FFFF or 0x540000 <= tag <= 0x54FFFF


def _head(b, at, end):
    need(end - at >= 8, "K-TTLV-01", E_FORMAT, "no room for tag, type and length")
    tag, kind, length = u32(b, at) >> 8, b[at + 3], u32(b, at + 4)
    need(known(tag), "K-TTLV-02", E_FORMAT, f"tag {tag:06X}")
    need(STRUCTURE <= kind <= INTERVAL, "K-TTLV-03", E_FORMAT, f"type {kind}")
    need(length == FIXED.get(kind, length), "K-TTLV-04", E_FORMAT, f"length {length}")
    if kind in (STRUCTURE, BIG):
        need(length % 8 == 0 and (length or kind == STRUCTURE), "K-TTLV-05", E_FORMAT,
             f"length {length}")
    padded = (length + 7) // 8 * 8
    need(padded <= end - at - 8, "K-TTLV-06", E_FORMAT, "longer than what it lies in")
    return tag, kind, length, at + 8 + padded


def _value(kind, v):
    if kind == TEXT:
        s = text(v)
        need(s is not None, "K-TTLV-09", E_FORMAT, "not text")
        return s
    if kind == BYTES:
        return bytes(v)
    n = int.from_bytes(v, "big", signed=kind in SIGNED)
    if kind == BOOLEAN:
        need(n in (0, 1), "K-TTLV-08", E_FORMAT, f"boolean {n}")
        return bool(n)
    return n


def _items(b, at, end, around):
    while at < end:
        item, at = _item(b, at, end, around)
        yield item


def _item(b, at, end, around):
    tag, kind, length, behind = _head(b, at, end)
    if kind == STRUCTURE:
        need(around < DEPTH, "K-TTLV-07", E_FORMAT, "too deep")
        return Item(tag, kind, list(_items(b, at + 8, at + 8 + length, around + 1))), behind
    return Item(tag, kind, _value(kind, b[at + 8:at + 8 + length]), length), behind


def decode(b):
    item, behind = _item(b, 0, len(b), 0)
    need(behind == len(b), "K-TTLV-10", E_FORMAT, "bytes behind the message")
    return item


def encode(item):
    v = item.raw
    head = (item.tag << 8 | item.type).to_bytes(4, "big") + len(v).to_bytes(4, "big")
    return head + v + bytes(-len(v) % 8)


# -- 1.1


@dataclass
class Field:
    tag: int
    type: int = 0  # 0: any
    required: bool = False
    repeated: bool = False


def fields(items, wanted):
    """{tag: items}; what is not wanted is passed over."""
    place = {f.tag: i for i, f in enumerate(wanted)}
    found, reached = {}, 0
    for item in items:
        i = place.get(item.tag)
        if i is None:
            continue
        f = wanted[i]
        need(f.type in (0, item.type), "K-FIELD-01", E_FORMAT, f"type of {item.tag:06X}")
        need(i >= reached, "K-FIELD-02", E_FORMAT, f"place of {item.tag:06X}")
        need(f.repeated or item.tag not in found, "K-FIELD-03", E_FORMAT, f"{item.tag:06X} twice")
        found.setdefault(item.tag, []).append(item)
        reached = i
    for f in wanted:
        need(not f.required or f.tag in found, "K-FIELD-04", E_FORMAT, f"{f.tag:06X} is missing")
    return found


# -- 1.2


def announced(head, most, secret):
    """How long the message is that begins with these 8 bytes."""
    need(u32(head) == RESPONSE << 8 | STRUCTURE, "K-FRAME-01", E_FORMAT, "no response message")
    length = u32(head, 4)
    need(length % 8 == 0, "K-FRAME-02", E_FORMAT, f"length {length}")
    most = min(most, SECRET_MAX) if secret else most
    need(length + 8 <= most, "K-FRAME-03", E_LIMIT, f"length {length}")
    return length + 8


def messages(stream, most, secret):
    """The messages that stand one behind the other, and how many bytes of the next are there."""
    out = []
    while len(stream) >= 8:
        n = announced(stream[:8], most, secret)
        if len(stream) < n:
            break
        out.append(decode(stream[:n]))
        stream = stream[n:]
    return out, len(stream)
