"""Section 8.2: what is at hand, and which slot it fits."""

import os

from cryptography.hazmat.primitives import serialization

from . import wrap
from .slots import KMS, PASSWORD, RSA


def first_line(path):
    """A passphrase file gives its first line without the line end."""
    with open(path, "rb") as f:
        return f.readline().rstrip(b"\r\n")


def load_private(spec):
    """PEM[:PASSFILE]; the last colon divides unless the whole names a file."""
    path, passphrase = spec, None
    if not os.path.exists(spec) and ":" in spec:
        path, _, file = spec.rpartition(":")
        passphrase = first_line(file)
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), passphrase)


class Keys:
    """Private keys by fingerprint, passwords by name (None: any), keystores by kms_id (None: any).

    Unwrapping is remembered: a campaign opens one object a million times.
    """

    def __init__(self, allow_sha1=False, max_failures=32):
        self.private = {}
        self.passwords = []
        self.keystores = []
        self.scope = None  # None: every key of the keystores; else a set of (kms_id, name)
        self.allow_sha1 = allow_sha1
        self.max_failures = max_failures
        self.known = {}

    def add_private(self, key):
        self.private[wrap.fingerprint(key.public_key())] = key
        return self

    def add_password(self, password, name=None):
        self.passwords.append((name, password))
        return self

    def add_keystore(self, store, kms_id=None):
        self.keystores.append((kms_id, store))
        return self

    def _remembered(self, what, unwrap):
        if what not in self.known:
            self.known[what] = unwrap()
        return self.known[what]

    def _rsa(self, slot, key):
        return self._remembered((slot.fingerprint, slot.algorithm, slot.wrapped),
                                lambda: wrap.oaep_unwrap(key, slot.algorithm, slot.wrapped))

    def _passwords(self, slot):
        for name, password in self.passwords:
            if name in (None, slot.name):
                what = (password, slot.algorithm, slot.salt, slot.memory_kib, slot.passes,
                        slot.wrapped)
                yield False, self._remembered(what, lambda: wrap.kwp_unwrap(
                    wrap.password_kek(slot.algorithm, password, slot.salt, slot.memory_kib,
                                      slot.passes), slot.wrapped))

    def local(self, slot):
        """Yields (was it a key and no password, DEK or None) for each try that is made."""
        if slot.kind == PASSWORD:
            yield from self._passwords(slot)
        elif slot.algorithm in RSA and slot.fingerprint in self.private:
            if slot.algorithm == wrap.OAEP_SHA256 or self.allow_sha1:
                yield True, self._rsa(slot, self.private[slot.fingerprint])

    def in_scope(self, kms_id, slot):
        return (slot.kind == KMS and kms_id in (None, slot.kms_id)
                and (self.scope is None or (slot.kms_id, slot.name) in self.scope))

    def kms(self, slot):
        """The same by keystores, which are KMSs. Their keys go by key id (section 14)."""
        for kms_id, store in self.keystores:
            if self.in_scope(kms_id, slot) and slot.algorithm in RSA:
                key = store.private(slot.name, slot.key_id, slot.fingerprint)
                if key and (slot.algorithm == wrap.OAEP_SHA256 or self.allow_sha1):
                    yield True, self._rsa(slot, key)
