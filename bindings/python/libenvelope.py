"""libenvelope for Python: chains of sealed restore points, as in <envelope/chain.h>.

Only ctypes; every function has argtypes and restype. A failed call raises a subclass of Error, one
for each status, with .status, .origin and .native as in C. An exception in one of your callbacks is
kept while C code runs, and raised by the call that failed because of it.

Handles are freed by close(), by `with`, or by the collector, in any order. Secrets: give bytearrays
and wipe them afterwards; Python cannot wipe bytes, and text is copied for ever."""
import ctypes as c
import os
import threading
import weakref
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint8, c_uint32, c_uint64
from ctypes import c_void_p
from typing import NamedTuple

__all__ = [
    "AgainError", "Asking", "AuthError", "BusyError", "CallbackError", "CancelledError", "Chain", "Context",
    "CryptoError", "Error", "ExistsError", "FormatError", "FullError", "InputOutputError",
    "InvalidError", "Key", "KeyStore", "Keyring", "KmsUnreachedError", "LimitError", "NoKeyError",
    "NoMemoryError", "NotFoundError", "Point", "Question", "RangeError", "Reader", "RefusedError",
    "RollbackError", "Store", "UnsupportedError", "Writer", "version",
    "ASK_NEWEST", "ASK_STATE", "ASK_UNWRAP", "ASK_WRAP",
    "ALLOW_SHA1", "FIPS_PASSWORDS", "USE_NAMES_EXCLUSIVE", "USE_UNWRAP", "USE_WRAP",
]

VERSION_NEEDED = 0x000100
USE_UNWRAP, USE_WRAP, USE_NAMES_EXCLUSIVE = 1, 2, 4
ALLOW_SHA1, FIPS_PASSWORDS = 1, 2
ASK_NEWEST, ASK_UNWRAP, ASK_WRAP, ASK_STATE = 1, 2, 3, 4
POINT_DETACHED, POINT_UNREADABLE, POINT_UNLISTED, POINT_LATE, POINT_UNVERIFIED = 1, 2, 4, 8, 16
PIN_MAX, PEM_MAX = 65536, 16384
_OK, _E_CALLBACK, _DIR_CREATE, _DIR_READONLY, _READONLY = 0, -19, 1, 2, 1
_KEYSTORE_CREATE, _NEW_GENERATION, _EXPORT_PUBLIC, _HEADERS_ONLY, _REPAIR = 1, 1, 1, 1, 2
_KINDS = {1: "full", 2: "increment"}


# -- structs. _c_ is the name in C: tests/abi/layout.py compares sizes and offsets.
class _Struct(c.Structure):
    def __init__(self, **members):
        super().__init__(size=c.sizeof(self), **members)


class CError(_Struct):
    _c_ = "envelope_error"
    _fields_ = [("size", c_size_t), ("status", c_int32), ("origin", c_int32), ("native", c_int64),
                ("message", c.c_char * 512)]


class CKeyRef(_Struct):
    _c_ = "envelope_key_ref"
    _fields_ = [("size", c_size_t), ("kms_id", c_char_p), ("key_name", c_char_p),
                ("key_id", c_char_p), ("version", c_uint32), ("has_fingerprint", c_int32),
                ("fingerprint", c_uint8 * 32), ("replaces", c_char_p)]


class CQuestion(_Struct):
    _c_ = "envelope_question"
    _fields_ = [("size", c_size_t), ("id", c_uint64), ("kind", c_int32), ("algorithm", c_int32),
                ("key", POINTER(CKeyRef)), ("in", c_void_p), ("in_len", c_size_t)]


class CKeyringOptions(_Struct):
    _c_ = "envelope_keyring_options"
    _fields_ = [("size", c_size_t), ("flags", c_uint32), ("min_wrap_bits", c_uint32),
                ("max_failures", c_uint32), ("reserved", c_uint32)]


_SavePin = c.CFUNCTYPE(c_int32, c_void_p, c_void_p, c_size_t, POINTER(CError))


class CChainOptions(_Struct):
    _c_ = "envelope_chain_options"
    _fields_ = [("size", c_size_t), ("flags", c_uint32), ("on_outage", c_int32),
                ("name", c_char_p), ("chain_id", c_void_p), ("pin", c_void_p),
                ("pin_len", c_size_t), ("save_pin", _SavePin), ("user", c_void_p),
                ("policy_serial", c_uint64), ("pin_max_days", c_uint32), ("reserved", c_uint32)]


class CPointOptions(_Struct):
    _c_ = "envelope_point_options"
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("content", c_int32), ("label", c_char_p),
                ("full_every", c_uint32), ("block_log2", c_uint32), ("flags", c_uint32),
                ("reserved", c_uint32)]


class CPoint(_Struct):
    _c_ = "envelope_point"
    _fields_ = [("size", c_size_t), ("number", c_uint64), ("parent", c_uint64), ("kind", c_int32),
                ("content", c_int32), ("flags", c_uint32), ("reserved", c_uint32),
                ("bytes", c_uint64), ("stored_bytes", c_uint64), ("begun_ms", c_int64),
                ("ended_ms", c_int64), ("label", c_char_p), ("object", c_char_p),
                ("key", POINTER(CKeyRef))]


class CVerifyOptions(_Struct):
    _c_ = "envelope_verify_options"
    _fields_ = [("size", c_size_t), ("flags", c_uint32), ("reserved", c_uint32),
                ("point", c_uint64), ("event", c_void_p), ("progress", c_void_p),
                ("user", c_void_p)]


# -- failures: one class for each status
class Error(Exception):
    """Also what a status newer than this binding raises."""
    status = origin = native = 0


class InvalidError(Error):
    status = -1


class NoMemoryError(Error, MemoryError):
    status = -2


class RangeError(Error):
    status = -3


class LimitError(Error):
    status = -4


class FormatError(Error):
    status = -5


class AuthError(Error):
    status = -6


class RollbackError(Error):
    status = -7


class UnsupportedError(Error):
    status = -8


class NoKeyError(Error):
    status = -9


class RefusedError(Error):
    status = -10


class KmsUnreachedError(Error):
    status = -11


class AgainError(Error):
    status = -12


class BusyError(Error):
    status = -13


class ExistsError(Error):
    status = -14


class NotFoundError(Error):
    status = -15


class InputOutputError(Error):
    status = -16


class CryptoError(Error):
    status = -17


class CancelledError(Error):
    status = -18


class CallbackError(Error):
    status = -19


class FullError(Error):
    status = -20


_by_status = {kind.status: kind for kind in Error.__subclasses__()}
_kept = threading.local()  # what a callback raised, until the call that it is in returns
_lib = None  # loaded on first use, so that importing never fails
_loading = threading.Lock()


def _load():
    global _lib
    with _loading:
        if _lib is None:
            lib = c.CDLL("libenvelope.so.0")  # CDLL, not PyDLL: the GIL is released in every call
            lib.envelope_version.restype = c_uint32
            if lib.envelope_version() < VERSION_NEEDED:
                raise ImportError("libenvelope is older than this binding")
            _lib = lib
    return _lib


def _fn(name, *args, res=c_int32):
    f = getattr(_lib or _load(), "envelope_" + name)
    f.argtypes, f.restype = args, res
    return f


def _failure(status, err):
    text = err.message.decode("utf-8", "replace") or f"status {status}"
    failure = _by_status.get(status, Error)(text)
    failure.status, failure.origin, failure.native = status, err.origin, err.native
    return failure


def _call(name, types, *args):
    """A fallible function: err is appended, a failure is raised."""
    err = CError()
    outer, _kept.error = getattr(_kept, "error", None), None
    try:
        status = _fn(name, *types, POINTER(CError))(*args, byref(err))
        raised = _kept.error
    finally:
        _kept.error = outer
    if raised is not None:
        raise raised
    if status != _OK:
        raise _failure(status, err)


def _guard(function):
    """A callback as C may call it: an exception must not pass through C, where ctypes would print it
    and return 0, which reads as success."""
    def guarded(*args):
        try:
            function(*args)
            return _OK
        except BaseException as e:  # KeyboardInterrupt too
            _kept.error = e
            return _E_CALLBACK
    return guarded


def _view(data):
    """(pointer, length, what must live during the call) of any buffer, without a copy where ctypes
    can point into it; of read-only buffers other than bytes there is one copy."""
    if isinstance(data, str):
        raise TypeError("bytes or a buffer, not text")
    if isinstance(data, bytes):
        return c.cast(c_char_p(data), c_void_p), len(data), data
    m = memoryview(data).cast("B")
    if m.readonly:
        return _view(bytes(m))
    return c.cast((c.c_char * len(m)).from_buffer(m), c_void_p), len(m), m


def _text(value):
    """UTF-8 for C; a NUL inside would silently end it there."""
    data = os.fsencode(value) if isinstance(value, os.PathLike) else value.encode()
    if b"\0" in data:
        raise ValueError("NUL in text")
    return data


_H, _OUT = c_void_p, POINTER(c_void_p)


class _Handle:
    """Owns one C handle. keep: what C may still use while it lives (callbacks)."""

    def __init__(self, kind, name, types, *args, keep=()):
        self._h, self._keep = c_void_p(), keep
        self._free = None
        _call(name, (*types, _OUT), *args, byref(self._h))
        self._free = weakref.finalize(self, _release, kind, self._h.value, keep)

    def close(self):
        if self._free:
            self._free()
        self._h = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def _release(kind, handle, _keep):
    _fn(kind + "_free", c_void_p, res=None)(handle)


def version():
    """Of the library that runs: 0x00MMmmpp."""
    return _fn("version", res=c_uint32)()


class Context(_Handle):
    """One for the process: it costs some milliseconds and half a MiB."""

    def __init__(self):
        super().__init__("ctx", "ctx_new", (c_void_p,), None)

    def keystore(self, path, passphrase, create=False):
        return KeyStore(self, path, passphrase, create)

    def asking(self, kind="python"):
        return Asking(self, kind)

    def keyring(self, flags=0):
        return Keyring(self, flags)

    def directory(self, path, create=False, readonly=False):
        return Store(self, path, create, readonly)


class KeyStore(_Handle):
    def __init__(self, ctx, path, passphrase, create=False):
        p, n, _alive = _view(passphrase)
        super().__init__("kms", "keystore_open", (_H, c_char_p, c_void_p, c_size_t, c_uint32),
                         ctx._h, _text(path), p, n, _KEYSTORE_CREATE if create else 0)

    def create_key(self, name):
        _call("kms_create_key", (_H, c_char_p, c_int32), self._h, _text(name), 0)

    def rotate_key(self, name):
        _call("kms_rotate_key", (_H, c_char_p), self._h, _text(name))

    def export_key(self, name, version=0, public=False, passphrase=None):
        """PEM in a bytearray: wipe it."""
        buf, got = bytearray(PEM_MAX), c_size_t()
        out, cap, _alive = _view(buf)
        p, n, _secret = (None, 0, None) if passphrase is None else _view(passphrase)
        _call("kms_export_key", (_H, c_char_p, c_uint32, c_uint32, c_void_p, c_size_t, c_void_p,
                                 c_size_t, POINTER(c_size_t)),
              self._h, _text(name), version, _EXPORT_PUBLIC if public else 0, p, n, out, cap,
              byref(got))
        pem = buf[:got.value]
        buf[:] = bytes(len(buf))
        return pem


class Question(NamedTuple):
    """data: what is to be unwrapped; of ASK_WRAP a DEK, in a bytearray: wipe it."""
    id: int
    kind: int
    algorithm: int
    key: "Key"
    data: bytearray


class Asking(_Handle):
    """A KMS of your own that is asked instead of called: calls that need it raise AgainError and have
    changed nothing; answer the questions, from any thread, and make the same call again."""

    def __init__(self, ctx, kind="python"):
        super().__init__("kms", "kms_new_asking", (_H, c_char_p), ctx._h, _text(kind))

    def questions(self):
        """Each once."""
        ask = _fn("kms_next_question", _H, res=POINTER(CQuestion))
        while q := ask(self._h):
            q = q.contents
            data = bytearray(c.string_at(getattr(q, "in"), q.in_len) if q.in_len else b"")
            yield Question(q.id, q.kind, q.algorithm, _key(q.key), data)

    def answer(self, question, data=b"", key_id=None, version=0, replaces=None, state=0):
        """data: the bytes that came out, or the newest key's SubjectPublicKeyInfo in DER."""
        ref = None if key_id is None else CKeyRef(key_id=_text(key_id), version=version)
        if ref and replaces:
            ref.replaces = _text(replaces)
        self._answer(question, _OK, None, ref, state, data)

    def fail(self, question, failure, message):
        """failure: KmsUnreachedError, RefusedError, NoKeyError or AuthError."""
        self._answer(question, failure.status, _text(message), None, 0, b"")

    def _answer(self, question, status, message, ref, state, data):
        p, n, _alive = _view(data)
        _call("kms_answer", (_H, c_uint64, c_int32, c_char_p, POINTER(CKeyRef), c_int32, c_void_p,
                             c_size_t),
              self._h, question.id, status, message, byref(ref) if ref else None, state, p, n)

    def serve(self, answer, call, *args, **named):
        """call's result; answer(question) is called for whatever it asks meanwhile."""
        while True:
            try:
                return call(*args, **named)
            except AgainError:
                for question in self.questions():
                    answer(question)


class Keyring(_Handle):
    def __init__(self, ctx, flags=0):
        super().__init__("keyring", "keyring_new", (_H, POINTER(CKeyringOptions)), ctx._h,
                         byref(CKeyringOptions(flags=flags)))

    def add_kms(self, kms_id, kms, use, priority=0):
        _call("keyring_add_kms", (_H, c_char_p, _H, c_uint32, c_int32), self._h, _text(kms_id),
              kms._h, use, priority)

    def wrap_for(self, kms_id, key_name):
        _call("keyring_wrap_for", (_H, c_char_p, c_char_p), self._h, _text(kms_id),
              _text(key_name))

    def add_password(self, label, password, use):
        p, n, _alive = _view(password)
        _call("keyring_add_password", (_H, c_char_p, c_void_p, c_size_t, c_uint32), self._h,
              _text(label), p, n, use)

    def add_key(self, label, key, passphrase=None):
        """key: PEM or DER. A public half wraps, a private half unwraps."""
        k, k_len, _alive = _view(key)
        p, n, _secret = (None, 0, None) if passphrase is None else _view(passphrase)
        _call("keyring_add_key", (_H, c_char_p, c_void_p, c_size_t, c_void_p, c_size_t), self._h,
              _text(label), k, k_len, p, n)


class Store(_Handle):
    def __init__(self, ctx, path, create=False, readonly=False):
        flags = (_DIR_CREATE if create else 0) | (_DIR_READONLY if readonly else 0)
        super().__init__("store", "store_dir", (_H, c_char_p, c_uint32), ctx._h, _text(path), flags)

    def open_chain(self, keys, name=None, pin=b"", save_pin=None, serial=0, readonly=False):
        return Chain("chain_open", self, keys, name, pin, save_pin, serial, readonly)

    def create_chain(self, keys, name=None, save_pin=None, serial=0):
        return Chain("chain_create", self, keys, name, b"", save_pin, serial)


class Key(NamedTuple):
    """One version of a key, as a point names it. A password: kms_id None and its label as name."""
    kms_id: str
    name: str
    key_id: str
    version: int
    fingerprint: bytes


class Point(NamedTuple):
    number: int
    parent: int
    kind: str
    bytes: int
    stored_bytes: int
    begun_ms: int
    ended_ms: int
    label: str
    object: str
    flags: int
    keys: tuple

    @property
    def key(self):
        return self.keys[0]


def _str(value):
    return None if value is None else value.decode("utf-8", "replace")


def _key(ref):
    r = ref.contents
    fingerprint = bytes(r.fingerprint) if r.has_fingerprint else None
    return Key(_str(r.kms_id), _str(r.key_name), _str(r.key_id), r.version, fingerprint)


class _Points(_Handle):
    def __init__(self, chain):
        super().__init__("points", "chain_points", (_H,), chain._h)

    def at(self, i):
        p = _fn("points_at", _H, c_size_t, res=POINTER(CPoint))(self._h, i).contents
        key = _fn("points_key", _H, c_size_t, c_size_t, res=POINTER(CKeyRef))
        count = _fn("points_key_count", _H, c_size_t, res=c_size_t)(self._h, i)
        return Point(p.number, p.parent, _KINDS.get(p.kind, str(p.kind)), p.bytes, p.stored_bytes,
                     p.begun_ms, p.ended_ms, _str(p.label) or "", _str(p.object) or "", p.flags,
                     tuple(_key(key(self._h, i, k)) for k in range(count)))

    def __len__(self):
        return _fn("points_count", _H, res=c_size_t)(self._h)


class Chain(_Handle):
    """Iterating gives the points as of that moment."""

    def __init__(self, how, store, keys, name, pin, save_pin, serial=0, readonly=False):
        o = CChainOptions(policy_serial=serial, flags=_READONLY if readonly else 0)
        o.name = None if name is None else _text(name)
        o.pin, o.pin_len, _alive = _view(pin)
        if save_pin:
            o.save_pin = _SavePin(_guard(lambda _user, data, n, _err:
                                         save_pin(c.string_at(data, n))))
        super().__init__("chain", how, (_H, _H, POINTER(CChainOptions)), store._h, keys._h,
                         byref(o), keep=(o.save_pin,))

    @property
    def id(self):
        return c.string_at(_fn("chain_id", _H, res=c_void_p)(self._h), 32)

    @property
    def provisional(self):
        """No pin: it is the chain that the repository shows."""
        return bool(_fn("chain_is_provisional", _H)(self._h))

    def refresh(self, new_generation=False):
        """How many keys changed."""
        n = c_uint32()
        _call("chain_refresh", (_H, c_uint32, POINTER(c_uint32)), self._h,
              _NEW_GENERATION if new_generation else 0, byref(n))
        return n.value

    def pin(self):
        buf, got = c.create_string_buffer(PIN_MAX), c_size_t()
        _call("chain_pin", (_H, c_void_p, c_size_t, POINTER(c_size_t)), self._h, buf, PIN_MAX,
              byref(got))
        return buf.raw[:got.value]

    def points(self):
        with _Points(self) as found:
            return [found.at(i) for i in range(len(found))]

    def __iter__(self):
        return iter(self.points())

    def verify(self, point=0, headers_only=False, repair=False):
        """Raises the worst of what was found. repair: header copies and tails are mended."""
        o = CVerifyOptions(point=point, flags=(_HEADERS_ONLY if headers_only else 0) |
                           (_REPAIR if repair else 0))
        _call("chain_verify", (_H, POINTER(CVerifyOptions)), self._h, byref(o))

    def write(self, label="", image=False, full=False):
        """image: a disk, of which blocks equal to the point before are not stored."""
        return Writer(self, label, image, full)

    def forget(self, *numbers):
        """Bytes freed, and bytes that wait for a write under way."""
        list_ = (c_uint64 * len(numbers))(*numbers)
        freed, waiting = c_uint64(), c_uint64()
        _call("chain_forget", (_H, POINTER(c_uint64), c_size_t, POINTER(c_uint64),
                               POINTER(c_uint64)), self._h, list_, len(numbers), byref(freed),
              byref(waiting))
        return freed.value, waiting.value

    def read(self, number=0):
        return Reader(self, number)


class Writer(_Handle):
    """with chain.write() as w: w.write(...); committed at the end of the block, dropped by an
    exception."""
    number = None

    def __init__(self, chain, label="", image=False, full=False):
        o = CPointOptions(label=_text(label), content=2 if image else 1, kind=1 if full else 3)
        super().__init__("writer", "writer_new", (_H, POINTER(CPointOptions)), chain._h, byref(o),
                         keep=chain._keep)

    def write(self, data):
        p, n, _alive = _view(data)
        _call("writer_write", (_H, c_void_p, c_size_t), self._h, p, n)
        return n

    def skip(self, length, unchanged=False):
        """image: zeros, or what the point before has there (see must_read)."""
        _call("writer_skip", (_H, c_uint64, c_int32), self._h, length, 2 if unchanged else 1)

    @property
    def must_read(self):
        return bool(_fn("writer_must_read", _H, res=c_int32)(self._h))

    def set(self, name, value):
        p, n, _alive = _view(value)
        _call("writer_set", (_H, c_char_p, c_void_p, c_size_t), self._h, _text(name), p, n)

    def commit(self):
        n = c_uint64()
        _call("writer_commit", (_H, POINTER(c_uint64)), self._h, byref(n))
        self.number = n.value
        return self.number

    def __exit__(self, kind, *exc):
        try:
            if kind is None and self.number is None:
                self.commit()
        finally:
            self.close()


class Reader(_Handle):
    def __init__(self, chain, number=0):
        super().__init__("reader", "reader_new", (_H, c_uint64), chain._h, number,
                         keep=chain._keep)

    def __len__(self):
        return _fn("reader_bytes", _H, res=c_uint64)(self._h)

    def extent(self, offset):
        """How many bytes from offset are alike, and whether they are a hole."""
        n, zero = c_uint64(), c_int32()
        _call("reader_extent", (_H, c_uint64, POINTER(c_uint64), POINTER(c_int32)), self._h, offset,
              byref(n), byref(zero))
        return n.value, bool(zero.value)

    def pread(self, offset, length):
        """Shorter than length only at the end."""
        buf, got = c.create_string_buffer(length), c_size_t()
        _call("reader_pread", (_H, c_uint64, c_void_p, c_size_t, POINTER(c_size_t)), self._h,
              offset, buf, length, byref(got))
        return buf.raw[:got.value]
