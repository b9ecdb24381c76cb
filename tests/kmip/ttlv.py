"""TTLV (KMIP 1.4, section 9.1), apart from the library's own: trees as nested tuples.

(tag, value): a list is a Structure, int an Integer, Enum an Enumeration, bool a Boolean, str a
Text String, bytes a Byte String, Date a Date-Time.
"""
import struct

STRUCTURE, INTEGER, LONG, BIG, ENUM, BOOLEAN, TEXT, BYTES, DATE, INTERVAL = range(1, 11)


class Enum(int):
    pass


class Date(int):
    pass


def encode(tag, value):
    kind, body = _body(value)
    head = tag.to_bytes(3, "big") + bytes([kind]) + len(body).to_bytes(4, "big")
    return head + body + bytes(-len(body) % 8)


def _body(value):
    if isinstance(value, list):
        return STRUCTURE, b"".join(encode(*item) for item in value if item is not None)
    if isinstance(value, bool):
        return BOOLEAN, struct.pack(">Q", value)
    if isinstance(value, Enum):
        return ENUM, struct.pack(">I", value)
    if isinstance(value, Date):
        return DATE, struct.pack(">q", value)
    if isinstance(value, int):
        return INTEGER, struct.pack(">i", value)
    if isinstance(value, str):
        return TEXT, value.encode()
    return BYTES, bytes(value)


def decode(data):
    """The one item that data is."""
    (item,) = _items(data)
    return item


def _items(data):
    at, found = 0, []
    while at < len(data):
        tag, kind = int.from_bytes(data[at:at + 3], "big"), data[at + 3]
        size = int.from_bytes(data[at + 4:at + 8], "big")
        body = data[at + 8:at + 8 + size]
        if len(body) != size:
            raise ValueError(f"item {tag:06x} is cut off")
        found.append((tag, _value(kind, body)))
        at += 8 + size + -size % 8
    return found


def _value(kind, body):
    if kind == STRUCTURE:
        return _items(body)
    if kind == INTEGER:
        return struct.unpack(">i", body)[0]
    if kind == ENUM:
        return Enum(struct.unpack(">I", body)[0])
    if kind == INTERVAL:
        return struct.unpack(">I", body)[0]
    if kind == LONG:
        return struct.unpack(">q", body)[0]
    if kind == DATE:
        return Date(struct.unpack(">q", body)[0])
    if kind == BOOLEAN:
        return bool(struct.unpack(">Q", body)[0])
    return body.decode() if kind == TEXT else body


def find_all(item, tag):
    """Every value of that tag in the tree, in order."""
    found = [item[1]] if item[0] == tag else []
    if isinstance(item[1], list):
        for child in item[1]:
            found += find_all(child, tag)
    return found


def find(item, tag):
    """The first, or None."""
    found = find_all(item, tag)
    return found[0] if found else None
