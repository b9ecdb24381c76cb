"""Section 1.3: derivations."""

import hashlib
import hmac

from .data import p32

PREFIX = b"libenvelope/1 "


def hkdf_expand_sha512(key, info, length):
    out = block = b""
    i = 0
    while len(out) < length:
        i += 1
        block = hmac.digest(key, block + info + bytes([i]), "sha512")
        out += block
    return out[:length]


def X(key, label, data=b""):
    return hkdf_expand_sha512(key, PREFIX + label.encode() + b"\0" + data, 32)


def MAC(key, label, m):
    return hmac.digest(key, PREFIX + label.encode() + b"\0" + m, "sha256")


def H(label, m):
    return hashlib.sha256(PREFIX + label.encode() + b"\0" + m).digest()


equal = hmac.compare_digest


def chain_id(root):
    return X(root, "chain id")


def AK(gs, chain, g):
    return X(gs, "attest", chain + p32(g))


def BK(gs, chain, g):
    return X(gs, "block hash", chain + p32(g))


def PIN(gs, chain, g):
    return X(gs, "pin", chain + p32(g))


def K_pay(dek):
    return X(dek, "payload")


def K_box(dek):
    return X(dek, "box")


def K_hdr(dek):
    return X(dek, "header")


def link(core, att):
    return H("link", core + att)
