"""Section 1.5: wrapping."""

import hashlib

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.keywrap import (InvalidUnwrap,
                                                    aes_key_unwrap_with_padding)

OAEP_SHA256, OAEP_SHA1, KWP, ARGON2ID, PBKDF2 = 1, 2, 3, 4, 5


def spki(public):
    return public.public_bytes(serialization.Encoding.DER,
                               serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(public):
    return hashlib.sha256(spki(public)).digest()


def oaep(algorithm):
    h = hashes.SHA256() if algorithm == OAEP_SHA256 else hashes.SHA1()
    return padding.OAEP(mgf=padding.MGF1(h), algorithm=h, label=None)


def oaep_unwrap(private, algorithm, wrapped):
    """32 bytes, or None."""
    try:
        dek = private.decrypt(wrapped, oaep(algorithm))
    except ValueError:
        return None
    return dek if len(dek) == 32 else None


def kwp_unwrap(kek, wrapped):
    """32 bytes, or None."""
    try:
        dek = aes_key_unwrap_with_padding(kek, wrapped)
    except InvalidUnwrap:
        return None
    return dek if len(dek) == 32 else None


def argon2id(password, salt, memory_kib, passes):
    return hash_secret_raw(password, salt, time_cost=passes, memory_cost=memory_kib, parallelism=1,
                           hash_len=32, type=Type.ID, version=19)


def password_kek(algorithm, password, salt, memory_kib, passes):
    if algorithm == ARGON2ID:
        return argon2id(password, salt, memory_kib, passes)
    return hashlib.pbkdf2_hmac("sha256", password, salt, passes, 32)
