"""Section 14: keystore."""

import hashlib
import os
import re
from types import SimpleNamespace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from . import chunked, derive, wrap
from .data import Cursor, Short, p32, u16, u32, u64, zero
from .rules import E_AUTH, E_FORMAT, E_NO_KEY, Reject, need

MAGIC = bytes.fromhex("89454b530d0a1a0a")
ACTIVE, DEACTIVATED, DESTROYED = 1, 2, 4
NAME = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")


def _entry(c):
    e = SimpleNamespace()
    try:
        e.name = c.take(c.u8())
        e.version = c.u32()
        e.state = c.u8()
        e.created = c.i64()
        e.fingerprint = c.take(32)
        e.spki = c.take(c.u16())
        e.sealed = c.block()
    except Short:
        raise Reject("R-KS-07", E_FORMAT, "an entry is cut") from None
    return e


def _check_entry(e, before):
    alive = e.state != DESTROYED
    need(NAME.match(e.name), "R-KS-08", E_FORMAT, f"name {e.name!r}")
    need(e.version >= 1, "R-KS-09", E_FORMAT, "version 0")
    need((e.name, e.version) > before, "R-KS-10", E_FORMAT, "entries do not rise")
    need(e.state in (ACTIVE, DEACTIVATED, DESTROYED), "R-KS-11", E_FORMAT, f"state {e.state}")
    need(1 <= len(e.sealed) <= 8192 if alive else e.sealed == b"", "R-KS-13", E_FORMAT,
         "sealed bytes")
    need(len(e.spki) <= 2048 and (e.spki or not alive), "R-KS-14", E_FORMAT, "SPKI")


def _check_states(entries):
    newest = {e.name: e.version for e in entries}
    for e in entries:
        need((e.state == ACTIVE) == (e.version == newest[e.name]), "R-KS-12", E_FORMAT,
             f"{e.name.decode()}: the newest version, and only that, is active")


def parse(b):
    """Bytes only; what they prove is Keystore's."""
    need(120 <= len(b) <= 268435456 and b[:8] == MAGIC, "R-KS-01", E_FORMAT, "no keystore")
    need(u16(b, 8) == 1, "R-KS-02", E_FORMAT, f"version {u16(b, 8)}")
    need(zero(b[10:12]), "R-KS-03", E_FORMAT, "zeros are not zero")
    k = SimpleNamespace(memory=u32(b, 12), passes=u32(b, 16), salt=b[20:36], wrapped=b[36:76],
                        revision=u64(b, 76), entries=[], mac=b[-32:])
    need(8 <= k.memory <= 262144 and 1 <= k.passes <= 16, "R-KS-04", E_FORMAT, "cost")
    need(k.revision >= 1, "R-KS-05", E_FORMAT, "revision 0")
    count = u32(b, 84)
    need(count <= 65536, "R-KS-06", E_FORMAT, f"{count} entries")
    c = Cursor(b[88:-32])
    before = (b"", 0)
    for _ in range(count):
        e = _entry(c)
        _check_entry(e, before)
        before = (e.name, e.version)
        k.entries.append(e)
    need(c.left() == 0, "R-KS-07", E_FORMAT, "bytes behind the entries")
    _check_states(k.entries)
    return k


class Keystore:
    """An open keystore; b is the file's content."""

    def __init__(self, b, passphrase):
        b = bytes(b)
        try:
            self.file = parse(b)
            f = self.file
            self.S = wrap.kwp_unwrap(wrap.argon2id(passphrase, f.salt, f.memory, f.passes),
                                     f.wrapped)
            need(self.S, "R-KS-15", E_NO_KEY, "a wrong passphrase, or altered bytes")
            mac = derive.MAC(derive.X(self.S, "keystore mac"), "keystore", b[:-32])
            need(derive.equal(mac, f.mac), "R-KS-16", E_AUTH, "the MAC does not verify")
        except Reject as r:
            raise r.at("keystore")
        self.loaded = {}

    @classmethod
    def load(cls, directory, passphrase):
        with open(os.path.join(directory, "keystore"), "rb") as f:
            return cls(f.read(), passphrase)

    def open_entry(self, e):
        """The private half."""
        ctx = bytes([len(e.name)]) + e.name + p32(e.version) + e.fingerprint
        key = derive.X(self.S, "keystore seal")
        der = (chunked.open_whole(key, "keystore", ctx, e.sealed)
               if chunked.possible(len(e.sealed)) else None)
        need(der is not None, "R-KS-17", E_AUTH, "sealed bytes do not open", "keystore")
        try:
            private = serialization.load_der_private_key(der, None)
        except (ValueError, TypeError):
            private = None
        need(isinstance(private, RSAPrivateKey)
             and wrap.fingerprint(private.public_key()) == e.fingerprint, "R-KS-18", E_AUTH,
             "what was sealed is another key", "keystore")
        need(hashlib.sha256(e.spki).digest() == e.fingerprint, "R-KS-19", E_AUTH, "SPKI",
             "keystore")
        return private

    def private(self, name, key_id, fingerprint):
        """The key that a slot of kind KMS names, None: it is not here."""
        for e in self.file.entries:
            key = (e.name.decode(), e.version)
            if e.state == DESTROYED or e.fingerprint != fingerprint:
                continue
            if key[0] == name and f"{key[0]}/{key[1]}" == key_id:
                if key not in self.loaded:
                    self.loaded[key] = self.open_entry(e)
                return self.loaded[key]
        return None

    def describe(self):
        state = {ACTIVE: "active", DEACTIVATED: "deactivated", DESTROYED: "destroyed"}
        return {"revision": self.file.revision, "memory_kib": self.file.memory,
                "passes": self.file.passes,
                "entries": [{"name": e.name.decode(), "version": e.version,
                             "state": state[e.state], "created": e.created,
                             "fingerprint": e.fingerprint.hex()} for e in self.file.entries]}
