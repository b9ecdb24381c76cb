"""Section 12: pin."""

from .data import crc32c, u32
from .header import GENERATION_LIMIT, NUMBER_LIMIT
from .metadata import KEY, RECIPIENT, key_valid, recipients_fault
from .rules import E_FORMAT, need
from .slots import PASSWORD
from .wire import BYTES, I64, U32, U64, Field, Message, decode

MAGIC = bytes.fromhex("89454e500d0a1a0a")
PENDING = Message("Pending", {1: Field("object_id", BYTES), 2: Field("link", BYTES)})
PIN = Message("Pin", {1: Field("chain_id", BYTES), 2: Field("generation", U32),
                      3: Field("pin", BYTES), 4: Field("number", U64), 5: Field("link", BYTES),
                      6: Field("serial", U64), 7: Field("recipient", RECIPIENT, many=True),
                      8: Field("key", KEY, many=True), 9: Field("kms_ms", I64),
                      10: Field("pending", PENDING, many=True)})


def _spki_valid(k):
    return len(k.spki) <= (0 if k.kind == PASSWORD else 2048)


def parse(b):
    need(16 <= len(b) <= 65536 and b[:8] == MAGIC, "R-PIN-01", E_FORMAT, "no pin is there", "pin")
    need(u32(b, 8) == len(b) - 16, "R-PIN-02", E_FORMAT, "its length", "pin")
    need(u32(b, len(b) - 4) == crc32c(b[:-4]), "R-PIN-03", E_FORMAT, "CRC", "pin")
    p = decode(PIN, b[12:-4])
    need(all(len(x) == 32 for x in (p.chain_id, p.pin, p.link)), "R-PIN-04", E_FORMAT, "lengths",
         "pin")
    need(1 <= p.generation < GENERATION_LIMIT, "R-PIN-05", E_FORMAT, "generation", "pin")
    need(1 <= p.number < NUMBER_LIMIT and 1 <= p.serial < NUMBER_LIMIT, "R-PIN-06", E_FORMAT,
         "number or serial", "pin")
    need(recipients_fault(p.recipient) is None, "R-PIN-07", E_FORMAT, "recipients", "pin")
    need(len(p.key) <= 65536 and all(key_valid(k) and _spki_valid(k) for k in p.key), "R-PIN-08",
         E_FORMAT, "keys", "pin")
    need(len(p.pending) <= 128 and all(len(x.object_id) == 16 and len(x.link) == 32
                                       for x in p.pending), "R-PIN-09", E_FORMAT, "pending", "pin")
    return p
