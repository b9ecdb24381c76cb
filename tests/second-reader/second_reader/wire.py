"""Section 1.6: protobuf, read strictly."""

from types import SimpleNamespace

from .data import text
from .rules import E_FORMAT, Reject, need

U32, U64, I64, BOOL, STRING, BYTES = "u32", "u64", "i64", "bool", "string", "bytes"
_NUMBERS = (U32, U64, I64, BOOL)
UNKNOWN_MAX = 1024


class Field:
    """kind is one of the above or a Message; many: repeated."""

    def __init__(self, name, kind, many=False):
        self.name = name
        self.kind = kind
        self.many = many
        self.wire = 0 if kind in _NUMBERS else 2

    def default(self):
        if self.many:
            return []
        return {STRING: "", BYTES: b"", BOOL: False}.get(self.kind, 0)


class Message:
    def __init__(self, name, fields):
        self.name = name
        self.fields = fields


def malformed():
    return Reject("R-WIRE-01", E_FORMAT, "cut or malformed message")


class _Scan:
    def __init__(self, newer):
        self.newer = newer
        self.unknown = 0

    def varint(self, b, at, end, most=10):
        v = 0
        for i in range(most):
            if at + i >= end:
                raise malformed()
            v |= (b[at + i] & 127) << 7 * i
            if b[at + i] < 128:
                if v >> 64:
                    raise malformed()
                return v, at + i + 1
        raise malformed()

    def slice(self, b, at, end):
        n, at = self.varint(b, at, end, 5)
        if n > end - at:
            raise malformed()
        return at, at + n

    def skip(self, message, wire, b, at, end):
        need(self.newer, "R-WIRE-02", E_FORMAT, f"{message.name} has an unknown field")
        self.unknown += 1
        need(self.unknown <= UNKNOWN_MAX, "R-WIRE-03", E_FORMAT, "too many unknown fields")
        if wire == 0:
            return self.varint(b, at, end)[1]
        if wire == 2:
            return self.slice(b, at, end)[1]
        n = {1: 8, 5: 4}.get(wire)
        if n is None or n > end - at:
            raise malformed()
        return at + n

    def number(self, field, b, at, end):
        v, at = self.varint(b, at, end)
        most = {U32: 2**32 - 1, BOOL: 1}.get(field.kind, 2**64 - 1)
        need(v <= most, "R-WIRE-06", E_FORMAT, f"{field.name} is too large")
        if field.kind == BOOL:
            v = bool(v)
        if field.kind == I64 and v >> 63:
            v -= 2**64
        return v, at

    def value(self, field, b, at, end):
        if field.kind == BYTES:
            return b[at:end]
        if field.kind == STRING:
            s = text(b[at:end])
            need(s is not None, "R-WIRE-07", E_FORMAT, f"{field.name} is not text")
            return s
        return self.message(field.kind, b, at, end)

    def message(self, message, b, at, end):
        out = SimpleNamespace(**{f.name: f.default() for f in message.fields.values()})
        seen = set()
        while at < end:
            tag, at = self.varint(b, at, end, 5)
            number, wire = tag >> 3, tag & 7
            if tag >= 2**32 or number == 0:
                raise malformed()
            field = message.fields.get(number)
            if field is None:
                at = self.skip(message, wire, b, at, end)
                continue
            at = self.field(field, wire, out, seen, b, at, end)
        return out

    def field(self, field, wire, out, seen, b, at, end):
        packed = field.many and field.kind in _NUMBERS and wire == 2
        need(wire == field.wire or packed, "R-WIRE-04", E_FORMAT, f"{field.name}: wire type")
        if packed:
            at, stop = self.slice(b, at, end)
            while at < stop:
                v, at = self.number(field, b, at, stop)
                getattr(out, field.name).append(v)
            return stop
        if wire == 0:
            v, at = self.number(field, b, at, end)
        else:
            start, at = self.slice(b, at, end)
            v = self.value(field, b, start, at)
        if field.many:
            getattr(out, field.name).append(v)
            return at
        need(field.name not in seen, "R-WIRE-05", E_FORMAT, f"{field.name} stands twice")
        seen.add(field.name)
        setattr(out, field.name, v)
        return at


def decode(message, b, newer=False):
    return _Scan(newer).message(message, b, 0, len(b))
