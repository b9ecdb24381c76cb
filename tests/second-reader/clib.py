"""The public library through ctypes, as far as the comparison with the second reader needs it.

Only tests use it: the reader itself knows nothing of the library."""

import ctypes as c

STATUS = {0: "OK", -1: "E_INVALID", -4: "E_LIMIT", -5: "E_FORMAT", -6: "E_AUTH",
          -7: "E_ROLLBACK", -8: "E_UNSUPPORTED", -9: "E_NO_KEY"}
ANY_SLOT = c.c_size_t(-1)


class Error(c.Structure):
    _fields_ = [("size", c.c_size_t), ("status", c.c_int32), ("origin", c.c_int32),
                ("native", c.c_int64), ("message", c.c_char * 512)]


class HeaderOptions(c.Structure):
    _fields_ = [("size", c.c_size_t), ("context", c.c_char_p), ("context_len", c.c_size_t),
                ("sealed", c.c_char_p), ("sealed_len", c.c_size_t)]


class Failed(Exception):
    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


class Handle:
    """Freed when nobody holds it."""

    def __init__(self, lib, name):
        self.lib = lib
        self.name = name
        self.p = c.c_void_p()

    def __del__(self):
        getattr(self.lib.c, f"envelope_{self.name}_free")(self.p)


class Library:
    def __init__(self, path):
        self.c = c.CDLL(path)
        for name in ("ctx", "dek", "header", "keyring", "kms", "payload"):
            free = getattr(self.c, f"envelope_{name}_free")
            free.argtypes, free.restype = [c.c_void_p], None
        self.c.envelope_header_bytes.restype = c.c_void_p
        self.ctx = self.make("ctx", "ctx_new", None)

    def call(self, name, *args):
        err = Error(size=c.sizeof(Error))
        args = [a.p if isinstance(a, Handle) else a for a in args]
        status = getattr(self.c, "envelope_" + name)(*args, c.byref(err))
        if status:
            raise Failed(STATUS.get(status, str(status)), err.message.decode(errors="replace"))

    def make(self, kind, name, *args):
        h = Handle(self, kind)
        self.call(name, *args, c.byref(h.p))
        return h

    def dek(self, key):
        return self.make("dek", "dek_import", self.ctx, key, c.c_size_t(len(key)))

    def keyring(self):
        return self.make("keyring", "keyring_new", self.ctx, None)

    def add_password(self, ring, label, password, use=3):
        self.call("keyring_add_password", ring, label.encode(), password,
                  c.c_size_t(len(password)), c.c_uint32(use))

    def add_key(self, ring, label, pem):
        self.call("keyring_add_key", ring, label.encode(), pem, c.c_size_t(len(pem)), None,
                  c.c_size_t(0))

    def keystore(self, directory, passphrase, create=False):
        return self.make("kms", "keystore_open", self.ctx, directory.encode(), passphrase,
                         c.c_size_t(len(passphrase)), c.c_uint32(create))

    def create_key(self, kms, name):
        self.call("kms_create_key", kms, name.encode(), c.c_int32(0))

    def add_kms(self, ring, kms_id, kms, key_name):
        self.call("keyring_add_kms", ring, kms_id.encode(), kms, c.c_uint32(3), c.c_int32(0))
        self.call("keyring_wrap_for", ring, kms_id.encode(), key_name.encode())

    # -- object.h

    def header_new(self, ring, dek, context, sealed):
        options = HeaderOptions(c.sizeof(HeaderOptions), context, len(context), sealed,
                                len(sealed))
        return self.make("header", "header_new", ring, dek, c.byref(options))

    def header_bytes(self, header):
        n = c.c_size_t()
        p = self.c.envelope_header_bytes(header.p, c.byref(n))
        return c.string_at(p, n.value)

    def header_parse(self, b):
        return self.make("header", "header_parse", self.ctx, b, c.c_size_t(len(b)))

    def header_open(self, header, ring):
        return self.make("dek", "header_open", header, ring, ANY_SLOT)

    def header_verify(self, header, dek):
        self.call("header_verify", header, dek)

    def header_sealed(self, header, dek):
        buf = c.create_string_buffer(8192)
        n = c.c_size_t()
        self.call("header_sealed", header, dek, buf, c.c_size_t(8192), c.byref(n))
        return buf.raw[:n.value]

    def payload_seal(self, header, dek, stream, data):
        prefix = c.create_string_buffer(56)
        p = self.make_payload("payload_seal_new", header, dek, stream, prefix)
        out = c.create_string_buffer(len(data) + 16 * (len(data) // 16384 + 2) + 16384)
        n = c.c_size_t()
        self.call("payload_seal", p, c.c_uint64(0), data, c.c_size_t(len(data)), c.c_uint32(1),
                  out, c.c_size_t(len(out)), c.byref(n))
        return prefix.raw + out.raw[:n.value]

    def make_payload(self, name, header, dek, stream, prefix):
        return self.make("payload", name, header, dek, c.c_uint64(stream), prefix)

    def payload_open(self, header, dek, stream, sealed):
        p = self.make_payload("payload_open_new", header, dek, stream, sealed[:56])
        body = sealed[56:]
        out = c.create_string_buffer(len(body) + 1)
        n, last = c.c_size_t(), c.c_int32()
        self.call("payload_open", p, c.c_uint64(0), body, c.c_size_t(len(body)), out,
                  c.c_size_t(len(out)), c.byref(n), c.byref(last))
        if not last.value:
            raise Failed("E_AUTH", "no end")
        return out.raw[:n.value]
