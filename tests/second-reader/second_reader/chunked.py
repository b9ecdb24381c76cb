"""Section 1.4: C, chunked encryption (Cobblestone-256)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .derive import PREFIX, equal, hkdf_expand_sha512

CHUNK = 16384
SEALED = CHUNK + 16
SALT = 24
HEAD = 56
LEAST = HEAD + 16
_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"


def context(purpose, ctx):
    return PREFIX + purpose.encode() + b"\0" + ctx


def possible(n):
    return n >= LEAST and (n - HEAD) % SEALED >= 16


def plain_length(n):
    return n - HEAD - 16 * -(-(n - HEAD) // SEALED)


def schedule(key, purpose, ctx, salt):
    """key, nonce, commitment"""
    okm = hkdf_expand_sha512(key, _INFO + salt + context(purpose, ctx), 76)
    return okm[:32], okm[32:44], okm[44:]


def committed(key, purpose, ctx, head):
    """Is this prefix one of a message under this key and context?"""
    return equal(schedule(key, purpose, ctx, head[:SALT])[2], head[SALT:HEAD])


class Message:
    """A message of n bytes that begins with head; read(at, length) counts from its beginning."""

    def __init__(self, key, purpose, ctx, head, n, read):
        aead, self.nonce, self.commitment = schedule(key, purpose, ctx, head[:SALT])
        self.good = equal(self.commitment, head[SALT:HEAD])
        self.aead = AESGCM(aead)
        self.n = n
        self.read = read
        self.length = plain_length(n)
        self.chunks = -(-(n - HEAD) // SEALED)

    def chunk(self, i):
        """Part i of the plaintext, or None where it does not open."""
        at = HEAD + i * SEALED
        sealed = self.read(at, min(SEALED, self.n - at))
        nonce = (int.from_bytes(self.nonce, "big") ^ i).to_bytes(12, "big")
        try:
            return self.aead.decrypt(nonce, sealed, None)
        except (InvalidTag, ValueError):
            return None


def open_whole(key, purpose, ctx, message):
    """The plaintext of a message in memory, None: it does not open. Its length is possible."""
    m = Message(key, purpose, ctx, message[:HEAD], len(message), lambda at, n: message[at:at + n])
    if not m.good:
        return None
    parts = [m.chunk(i) for i in range(m.chunks)]
    return None if None in parts else b"".join(parts)
