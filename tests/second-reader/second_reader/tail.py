"""Section 7: tail."""

from .data import crc32c, u16, u32, u64, zero
from .rules import E_FORMAT, need

BYTES = 64
MAGIC = bytes.fromhex("89454e440d0a1a0a")


def check(b, object_id, link, payload):
    need(b[:8] == MAGIC, "R-TAIL-02", E_FORMAT, "no tail is there: the object is cut", "tail")
    need(u32(b, 60) == crc32c(b[:60]), "R-TAIL-03", E_FORMAT, "CRC", "tail")
    need(u16(b, 8) == 1 and zero(b[10:16]) and zero(b[56:60]), "R-TAIL-04", E_FORMAT,
         "version, flags or zeros", "tail")
    need(b[16:32] == object_id, "R-TAIL-05", E_FORMAT, "object id", "tail")
    need(u64(b, 32) == payload, "R-TAIL-06", E_FORMAT, "length of the payload", "tail")
    need(b[40:56] == link[:16], "R-TAIL-07", E_FORMAT, "LINK", "tail")
