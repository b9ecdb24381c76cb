"""Section 6: attributes."""

import re

from .data import Cursor, Short, i64, text, u64
from .rules import E_FORMAT, Reject, need

MAX = 8192
NAME = re.compile(rb"[a-z0-9._-]{1,64}\Z")


def _own_valid(name, value):
    if name == b".label":
        return len(value) <= 255 and text(value) is not None
    if name == b".number":
        return len(value) == 8 and 1 <= u64(value) < 2**48
    return name != b".begun" or len(value) == 8


def parse(b, before=0):
    """A dict of name to value; before: bytes of the object's other attributes."""
    need(before + len(b) <= MAX, "R-ATTR-01", E_FORMAT, "too many attributes")
    c = Cursor(b)
    out = {}
    last = b""
    while c.left():
        try:
            name = c.take(c.u8())
            value = c.take(c.u16())
        except Short:
            raise Reject("R-ATTR-02", E_FORMAT, "an attribute is cut") from None
        need(NAME.match(name), "R-ATTR-03", E_FORMAT, f"name {name!r}")
        need(name > last, "R-ATTR-04", E_FORMAT, f"{name!r} after {last!r}")
        need(_own_valid(name, value), "R-ATTR-05", E_FORMAT, f"value of {name!r}")
        out[name.decode()] = value
        last = name
    return out


def describe(named):
    """For JSON: ours by their meaning, the caller's as text or hex."""
    shown = {}
    for name, value in named.items():
        if name == ".number":
            shown[name] = u64(value)
        elif name == ".begun":
            shown[name] = i64(value)
        else:
            s = text(value)
            shown[name] = s if s is not None and s.isprintable() else {"hex": value.hex()}
    return shown
