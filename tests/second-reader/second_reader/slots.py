"""Section 4: slots."""

import re

from .rules import E_FORMAT, need
from .wire import BYTES, STRING, U32, Field, Message, decode

KMS, PASSWORD, ESCROW = 1, 2, 3
RSA = (1, 2)
KMS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")

SLOT = Message("Slot", {
    1: Field("kind", U32), 2: Field("algorithm", U32), 3: Field("kms_id", STRING),
    4: Field("name", STRING), 5: Field("key_id", STRING), 6: Field("version", U32),
    7: Field("fingerprint", BYTES), 8: Field("wrapped", BYTES), 9: Field("salt", BYTES),
    10: Field("memory_kib", U32), 11: Field("passes", U32)})
SLOTS = Message("Slots", {1: Field("slot", SLOT, many=True)})


def kms_id_valid(s):
    return bool(KMS_ID.match(s))


def name_valid(s):
    return 1 <= len(s.encode()) <= 255


def _cost_valid(s):
    if s.kind != PASSWORD:
        return s.salt == b"" and s.memory_kib == 0 and s.passes == 0
    if len(s.salt) != 16:
        return False
    if s.algorithm == 4:
        return 8 <= s.memory_kib <= 262144 and 1 <= s.passes <= 16
    return s.memory_kib == 0 and 1 <= s.passes <= 10_000_000


def check(s):
    """The table of section 4."""
    kms = s.kind == KMS
    rsa = s.algorithm in RSA
    need(s.kind in (KMS, PASSWORD, ESCROW), "R-SLOT-02", E_FORMAT, f"kind {s.kind}")
    known = {KMS: (1, 2, 3), PASSWORD: (4, 5), ESCROW: RSA}[s.kind]
    need(s.algorithm in known, "R-SLOT-03", E_FORMAT, f"algorithm {s.algorithm}")
    need(kms_id_valid(s.kms_id) if kms else s.kms_id == "", "R-SLOT-04", E_FORMAT, "kms_id")
    need(name_valid(s.name), "R-SLOT-05", E_FORMAT, "name")
    need(name_valid(s.key_id) if kms else s.key_id == "", "R-SLOT-06", E_FORMAT, "key_id")
    need(s.version >= 1 if kms else s.version == 0, "R-SLOT-07", E_FORMAT, "version")
    need(len(s.fingerprint) == (32 if rsa else 0), "R-SLOT-08", E_FORMAT, "fingerprint")
    n = len(s.wrapped)
    need(256 <= n <= 1024 if rsa else n == 40, "R-SLOT-09", E_FORMAT, "wrapped")
    need(_cost_valid(s), "R-SLOT-10", E_FORMAT, "salt or cost")


def key_of(s):
    """What makes two slots, or two recipients, slots for one key."""
    if s.kind == KMS:
        return KMS, s.kms_id, s.key_id
    return s.kind, s.name if s.kind == PASSWORD else s.fingerprint


def parse(b, newer=False):
    slots = decode(SLOTS, b, newer).slot
    need(1 <= len(slots) <= 16, "R-SLOT-01", E_FORMAT, f"{len(slots)} slots")
    for s in slots:
        check(s)
    passwords = sum(s.kind == PASSWORD for s in slots)
    need(passwords <= 4, "R-SLOT-11", E_FORMAT, f"{passwords} passwords")
    need(len({key_of(s) for s in slots}) == len(slots), "R-SLOT-12", E_FORMAT,
         "two slots for one key")
    need(len({s.wrapped for s in slots}) == len(slots), "R-SLOT-13", E_FORMAT,
         "two slots with equal bytes")
    return slots


def describe(s):
    """What a slot claims, for people."""
    d = {"kind": {KMS: "kms", PASSWORD: "password", ESCROW: "escrow"}[s.kind],
         "algorithm": s.algorithm, "name": s.name}
    if s.kind == KMS:
        d.update(kms_id=s.kms_id, key_id=s.key_id, version=s.version)
    if s.fingerprint:
        d["fingerprint"] = s.fingerprint.hex()
    return d
