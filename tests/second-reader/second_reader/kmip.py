"""docs/kmip.md, sections 2 and 3: answers to the operations. Each reading is a list of (key, value),
in the words of tests/operations/view.c."""

from .rules import E_FORMAT, E_LIMIT, E_UNSUPPORTED, need
from .ttlv import (BIG, BYTES, DATE, ENUMERATION, INTEGER, LONG, RESPONSE, STRUCTURE, TEXT, Field,
                   fields)

CREATE, CREATE_PAIR, REGISTER, LOCATE, GET, GET_ATTRIBUTES = 1, 2, 3, 8, 10, 11
ACTIVATE, REVOKE, QUERY, REKEY_PAIR, DISCOVER, ENCRYPT, DECRYPT = 18, 19, 24, 29, 30, 31, 32
UID = Field(0x420094, TEXT, required=True)
BATCH_ITEM = 0x42000F


def one(found, tag):
    return found[tag][0].value if tag in found else None


# -- 2.3


def _printable(s):
    out, i = b"", 0
    raw = s.encode()[:255]
    while i < len(raw) and 255 - len(out) >= 5:
        n = next((n for n in (1, 2, 3, 4) if _is_character(raw[i:i + n])), 0)
        c = raw[i:i + n]
        if not n or c[0] < 0x20 or c[0] == 0x7F or 0x80 <= ord(c.decode()) <= 0x9F:
            out += b"\\x%02x" % raw[i]
            i += 1
        else:
            out += c
            i += n
    return out


def _is_character(b):
    try:
        return len(b.decode()) == 1
    except UnicodeDecodeError:
        return False


def shown(s, room):
    b = _printable(s or "")
    while len(b) > room or not _whole(b):
        b = b[:min(room, len(b) - 1)]
    return b


def _whole(b):
    try:
        b.decode()
        return True
    except UnicodeDecodeError:
        return False


# -- 2.2


def version(item):
    found = fields(item.value, [Field(0x42006A, INTEGER, True), Field(0x42006B, INTEGER, True)])
    major, minor = one(found, 0x42006A), one(found, 0x42006B)
    need(major >= 0 and minor >= 0, "K-MSG-02", E_FORMAT, f"version {major}.{minor}")
    return major, minor


class Response:
    def __init__(self, message):
        need((message.tag, message.type) == (RESPONSE, STRUCTURE), "K-MSG-01", E_FORMAT, "no response")
        found = fields(message.value, [Field(0x42007A, STRUCTURE, True),
                                       Field(BATCH_ITEM, STRUCTURE, True, True)])
        self.items = found[BATCH_ITEM]
        header = fields(one(found, 0x42007A), [Field(0x420069, STRUCTURE, True),
                                               Field(0x42000D, INTEGER, True)])
        self.version = version(header[0x420069][0])
        need((1, 0) <= self.version <= (1, 4), "K-MSG-03", E_UNSUPPORTED, f"{self.version}")
        count = one(header, 0x42000D)
        need(count == len(self.items) <= 256, "K-MSG-04", E_FORMAT, f"batch count {count}")

    @staticmethod
    def _id(item):
        """None: it has none; -1: not one of 4 bytes."""
        for field in item.value:
            if field.tag == 0x420093:
                right = field.type == BYTES and len(field.value) == 4
                return int.from_bytes(field.value, "big") if right else -1
        return None

    def _find(self, number, asked):
        found = None
        for item in self.items:
            is_of = self._id(item)
            need(is_of is not None and 0 <= is_of < asked, "K-MSG-06", E_FORMAT, f"id {is_of}")
            if is_of == number:
                need(found is None, "K-MSG-07", E_FORMAT, f"id {number} twice")
                found = item
        return found

    def answer(self, operation, number=0, asked=1):
        """(status, reason, message, payload)"""
        need(len(self.items) <= asked, "K-MSG-05", E_FORMAT, f"{len(self.items)} answers")
        whole = asked > 1 and len(self.items) == 1 and self._id(self.items[0]) is None
        item = self.items[0] if asked == 1 or whole else self._find(number, asked)
        if item is None:
            return 1, 0, b"not answered, after another failed", None
        found = fields(item.value, [Field(0x42005C, ENUMERATION), Field(0x420093, BYTES),
                                    Field(0x42007F, ENUMERATION, True), Field(0x42007E, ENUMERATION),
                                    Field(0x42007D, TEXT), Field(0x42007C, STRUCTURE)])
        said, status = one(found, 0x42005C), one(found, 0x42007F)
        need(said == operation or (said is None and status != 0), "K-MSG-08", E_FORMAT, f"{said}")
        need(status <= 3, "K-MSG-09", E_FORMAT, f"status {status}")
        need(status or 0x42007C in found, "K-MSG-10", E_FORMAT, "no payload")
        need(status or not whole, "K-MSG-11", E_FORMAT, "one success")
        return (status, one(found, 0x42007E) or 0, shown(one(found, 0x42007D), 255),
                one(found, 0x42007C))


# -- 3


def identifier(s):
    b = s.encode()
    need(1 <= len(b) <= 255, "K-OP-01", E_FORMAT, f"{len(b)} bytes")
    return b


def same(said, uid):
    need(said.encode() == uid, "K-OP-02", E_FORMAT, f"about {said}")


def discover(payload, _uid):
    found = fields(payload, [Field(0x420069, STRUCTURE, False, True)]).get(0x420069, [])
    out = []
    for i, item in enumerate(found):
        need(i < 16, "K-OP-03", E_LIMIT, "versions")
        out.append(("offers", "%d.%d" % version(item)))
    return out


def _bits(items):
    return f"{sum({1 << i.value for i in items if i.value < 64}):x}"


def query(payload, _uid):
    found = fields(payload, [Field(0x42005C, ENUMERATION, False, True),
                             Field(0x420057, ENUMERATION, False, True), Field(0x42009D, TEXT)])
    return [("operations", _bits(found.get(0x42005C, []))),
            ("objects", _bits(found.get(0x420057, []))),
            ("vendor", shown(one(found, 0x42009D), 127))]


def locate(payload, _uid):
    found = fields(payload, [Field(0x4200D5, INTEGER), Field(0x420094, TEXT, False, True)])
    uids = found.get(0x420094, [])
    total = one(found, 0x4200D5) if 0x4200D5 in found else len(uids)
    need(total >= len(uids), "K-OP-05", E_FORMAT, f"{total} located")
    need(len(uids) <= 1024, "K-OP-06", E_LIMIT, f"{len(uids)} identifiers")
    seen = []
    for item in uids:
        uid = identifier(item.value)
        need(uid not in seen, "K-OP-04", E_FORMAT, f"{uid} twice")
        seen.append(uid)
    return [("total", total)] + [("uid", uid) for uid in seen]


OBJECTS = {2: 0x42008F, 3: 0x42006D, 4: 0x420064}
MATERIAL = {(2, 1): BYTES, (2, 7): STRUCTURE, (3, 3): BYTES, (3, 5): BYTES, (3, 11): STRUCTURE,
            (4, 3): BYTES, (4, 4): BYTES}


def _positive(item):
    need(item.value > 0, "K-OP-12", E_FORMAT, "not positive")
    return item.raw.lstrip(b"\0").hex()


def _some(b):
    need(b, "K-OP-12", E_FORMAT, "no bytes")
    return b


def _material(kind, form, value):
    """material, modulus, exponent"""
    need((kind, form) in MATERIAL, "K-OP-10", E_UNSUPPORTED, f"format {form} of {kind}")
    need(value.type == STRUCTURE, "K-OP-11", E_FORMAT, "key value")
    material = fields(value.value, [Field(0x420043, 0, True)])[0x420043][0]
    need(material.type == MATERIAL[kind, form], "K-OP-11", E_FORMAT, "key material")
    if material.type == BYTES:
        return _some(material.value), "", ""
    if form == 7:
        return _some(one(fields(material.value, [Field(0x42003F, BYTES, True)]), 0x42003F)), "", ""
    found = fields(material.value, [Field(0x420052, BIG, True), Field(0x42006C, BIG, True)])
    return b"", _positive(found[0x420052][0]), _positive(found[0x42006C][0])


def count(n, what):
    need(n is None or n >= 1, "K-OP-14", E_FORMAT, f"{what} {n}")
    return n or 0


def get(payload, _uid):
    found = fields(payload, [Field(0x420057, ENUMERATION, True), UID] +
                   [Field(tag, STRUCTURE) for tag in OBJECTS.values()])
    kind, uid = one(found, 0x420057), identifier(one(found, 0x420094))
    need(kind in OBJECTS, "K-OP-07", E_UNSUPPORTED, f"object type {kind}")
    there = [tag for tag in OBJECTS.values() if tag in found]
    need(there == [OBJECTS[kind]], "K-OP-08", E_FORMAT, f"{there}")
    block = one(fields(one(found, there[0]), [Field(0x420040, STRUCTURE, True)]), 0x420040)
    found = fields(block, [Field(0x420042, ENUMERATION, True), Field(0x420045, 0, True),
                           Field(0x420028, ENUMERATION), Field(0x42002A, INTEGER),
                           Field(0x420046, STRUCTURE)])
    need(0x420046 not in found, "K-OP-09", E_UNSUPPORTED, "wrapped")
    form, bits = one(found, 0x420042), count(one(found, 0x42002A), "length")
    material, modulus, exponent = _material(kind, form, found[0x420045][0])
    need(kind != 2 or not bits or bits == 8 * len(material), "K-OP-13", E_FORMAT, f"{bits} bits")
    return [("uid", uid), ("type", kind), ("format", form), ("algorithm", one(found, 0x420028) or 0),
            ("bits", bits), ("material", material.hex()), ("modulus", modulus),
            ("exponent", exponent)]


# name: key, type
SINGLES = {"Object Type": ("type", ENUMERATION), "Cryptographic Algorithm": ("algorithm", ENUMERATION),
           "Cryptographic Length": ("bits", INTEGER), "Cryptographic Usage Mask": ("usage", INTEGER),
           "State": ("state", ENUMERATION), "Initial Date": ("initial", DATE),
           "Activation Date": ("activation", DATE)}
LINKS = {0x102: "public", 0x103: "private", 0x106: "replacement", 0x107: "replaced"}


class Attributes:
    def __init__(self, uid):
        self.uid, self.single, self.names, self.groups, self.links = uid, {}, [], [], {}

    @staticmethod
    def typed(item, *types):
        need(item.type in types, "K-OP-15", E_FORMAT, f"type {item.type}")

    def take_single(self, name, item):
        key, kind = SINGLES[name]
        self.typed(item, kind)
        need(key not in self.single, "K-OP-16", E_FORMAT, f"{name} twice")
        value = item.value
        if key == "usage":
            value %= 1 << 32
        elif kind != DATE:
            count(value, name)
        self.single[key] = value

    @staticmethod
    def _add(where, s):
        b = s.encode()
        if 1 <= len(b) <= 255:
            need(len(where) < 8, "K-OP-17", E_LIMIT, "names or groups")
            where.append(b)

    def take_name(self, item):
        self.typed(item, STRUCTURE)
        found = fields(item.value, [Field(0x420055, TEXT, True), Field(0x420054, ENUMERATION, True)])
        if one(found, 0x420054) == 1:
            self._add(self.names, one(found, 0x420055))

    def take_group(self, item):
        self.typed(item, TEXT)
        self._add(self.groups, item.value)

    def take_link(self, item):
        self.typed(item, STRUCTURE)
        found = fields(item.value, [Field(0x42004B, ENUMERATION, True), Field(0x42004C, 0, True)])
        key = LINKS.get(one(found, 0x42004B))
        if key:
            to = found[0x42004C][0]
            need(key not in self.links, "K-OP-18", E_FORMAT, f"{key} twice")
            need(to.type == TEXT, "K-OP-19", E_FORMAT, f"type {to.type}")
            self.links[key] = identifier(to.value)

    def take_generation(self, item):
        if item.type in (INTEGER, LONG):
            need("generation" not in self.single, "K-OP-16", E_FORMAT, "generation twice")
            self.single["generation"] = item.value

    def take_uid(self, item):
        self.typed(item, TEXT)
        same(item.value, self.uid)

    OTHERS = {"Name": take_name, "Object Group": take_group, "Link": take_link,
              "Unique Identifier": take_uid, "x-rotate-generation": take_generation}

    def take(self, attribute):
        found = fields(attribute.value, [Field(0x42000A, TEXT, True), Field(0x420009, INTEGER),
                                         Field(0x42000B, 0, True)])
        name, item = one(found, 0x42000A), found[0x42000B][0]
        if name in SINGLES:
            self.take_single(name, item)
        elif name in self.OTHERS:
            self.OTHERS[name](self, item)


def get_attributes(payload, _uid):
    found = fields(payload, [UID, Field(0x420008, STRUCTURE, False, True)])
    a = Attributes(identifier(one(found, 0x420094)))
    for item in found.get(0x420008, []):
        a.take(item)
    return ([("uid", a.uid)] +
            [(k, a.single.get(k, 0)) for k in ("type", "algorithm", "bits", "usage", "state")] +
            [("name", n) for n in a.names] + [("group", g) for g in a.groups] +
            [(k, a.links.get(k, b"")) for k in LINKS.values()] +
            [(k, a.single[k]) for k in ("initial", "activation", "generation") if k in a.single])


def pair(payload, _uid):
    found = fields(payload, [Field(0x420066, TEXT, True), Field(0x42006F, TEXT, True)])
    private, public = identifier(one(found, 0x420066)), identifier(one(found, 0x42006F))
    need(private != public, "K-OP-20", E_FORMAT, "the same")
    return [("private", private), ("public", public)]


def create(payload, _uid):
    found = fields(payload, [Field(0x420057, ENUMERATION, True), UID])
    need(one(found, 0x420057) == 2, "K-OP-21", E_FORMAT, "object type")
    return [("uid", identifier(one(found, 0x420094)))]


def register(payload, _uid):
    return [("uid", identifier(one(fields(payload, [UID]), 0x420094)))]


def done(payload, uid):
    same(one(fields(payload, [UID]), 0x420094), uid)
    return []


def data(payload, uid):
    found = fields(payload, [UID, Field(0x4200C2, BYTES, True)])
    same(one(found, 0x420094), uid)
    return [("data", one(found, 0x4200C2).hex())]


READERS = {DISCOVER: discover, QUERY: query, LOCATE: locate, GET: get, GET_ATTRIBUTES: get_attributes,
           CREATE_PAIR: pair, REKEY_PAIR: pair, CREATE: create, REGISTER: register, ACTIVATE: done,
           REVOKE: done, ENCRYPT: data, DECRYPT: data}


def read(message, operation, uid, number=0, asked=1):
    """All that is read from an answer: [(key, value)]."""
    response = Response(message)
    status, reason, text, payload = response.answer(operation, number, asked)
    out = [("version", "%d.%d" % response.version), ("status", status), ("reason", reason),
           ("message", text)]
    return out if status else out + READERS[operation](payload, uid)
