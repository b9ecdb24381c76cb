"""Section 1.1: bytes, numbers, text; and where bytes come from."""

import os
import re

_ZEROS = re.compile(rb"\0{64,}")


def u16(b, at=0):
    return int.from_bytes(b[at:at + 2], "big")


def u32(b, at=0):
    return int.from_bytes(b[at:at + 4], "big")


def u64(b, at=0):
    return int.from_bytes(b[at:at + 8], "big")


def i64(b, at=0):
    return int.from_bytes(b[at:at + 8], "big", signed=True)


def p32(n):
    return n.to_bytes(4, "big")


def p64(n):
    return n.to_bytes(8, "big")


def zero(b):
    return not any(b)


def text(b):
    """The string, or None where the bytes are not text."""
    try:
        s = bytes(b).decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None
    return None if "\0" in s else s


class Short(Exception):
    """A cursor ran over the end."""


class Cursor:
    def __init__(self, b):
        self.b = bytes(b)
        self.at = 0

    def left(self):
        return len(self.b) - self.at

    def take(self, n):
        if n > self.left():
            raise Short
        self.at += n
        return self.b[self.at - n:self.at]

    def u8(self):
        return self.take(1)[0]

    def u16(self):
        return u16(self.take(2))

    def u32(self):
        return u32(self.take(4))

    def u64(self):
        return u64(self.take(8))

    def i64(self):
        return i64(self.take(8))

    def block(self):
        """u32 length and as many bytes."""
        return self.take(self.u32())


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_CRC = _crc_table()
_SHIFT = []  # [i]: what 2^i zero bytes do to each byte of a register


def _zero_operator(i):
    while len(_SHIFT) <= i:
        if not _SHIFT:
            step = lambda r: r >> 8 ^ _CRC[r & 255]
        else:
            last = _SHIFT[-1]
            step = lambda r: _apply(last, _apply(last, r))
        _SHIFT.append([[step(v << 8 * k) for v in range(256)] for k in range(4)])
    return _SHIFT[i]


def _apply(op, r):
    return op[0][r & 255] ^ op[1][r >> 8 & 255] ^ op[2][r >> 16 & 255] ^ op[3][r >> 24]


def _over_zeros(r, n):
    i = 0
    while n:
        if n & 1:
            r = _apply(_zero_operator(i), r)
        n >>= 1
        i += 1
    return r


def crc32c(b):
    """Headers are mostly zeros: long runs of them are skipped by an operator, since a campaign
    computes this a million times."""
    r = 0xFFFFFFFF
    at = 0
    for run in _ZEROS.finditer(b):
        for x in b[at:run.start()]:
            r = r >> 8 ^ _CRC[(r ^ x) & 255]
        r = _over_zeros(r, run.end() - run.start())
        at = run.end()
    for x in b[at:]:
        r = r >> 8 ^ _CRC[(r ^ x) & 255]
    return r ^ 0xFFFFFFFF


class Memory:
    """An object in memory."""

    def __init__(self, b, name=""):
        self.b = bytes(b)
        self.size = len(self.b)
        self.name = name

    def read(self, at, n):
        return self.b[at:at + n]


class File:
    """An object in a file."""

    def __init__(self, path, name=""):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        self.size = os.fstat(self.fd).st_size
        self.name = name or str(path)

    def read(self, at, n):
        out = b""
        while len(out) < n:
            piece = os.pread(self.fd, n - len(out), at + len(out))
            if not piece:
                break
            out += piece
        return out

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def __del__(self):
        self.close()


def source(what, name=""):
    if isinstance(what, (bytes, bytearray, memoryview)):
        return Memory(what, name)
    if hasattr(what, "read") and hasattr(what, "size"):
        return what
    return File(what, name)
