"""envelope_kmip_new for the Python binding, as far as the tests here need it, and jobs with it."""
import ctypes as c
import pathlib
import shutil
import tempfile
import unittest

import libenvelope as env

INSIDE, INSIDE_OR_GET, GET = 1, 2, 3
NAMES_EXCLUSIVE = 2
PIPE = c.c_void_p
TRACE = c.CFUNCTYPE(None, c.c_void_p, c.c_int32, c.POINTER(c.c_uint8), c.c_size_t)


class KmipOptions(env._Struct):
    _c_ = "envelope_kmip_options"
    _fields_ = [("size", c.c_size_t), ("flags", c.c_uint32), ("unwrap", c.c_int32),
                ("selector", c.c_int32), ("oaep", c.c_int32), ("endpoints", c.c_char_p),
                ("server_name", c.c_char_p), ("ca_file", c.c_char_p), ("cert_file", c.c_char_p),
                ("key_file", c.c_char_p), ("key_passphrase", c.c_void_p),
                ("key_passphrase_len", c.c_size_t), ("connect_ms", c.c_uint32),
                ("deadline_ms", c.c_uint32), ("max_response_bytes", c.c_uint32),
                ("reserved", c.c_uint32), ("pipe", PIPE), ("pipe_self", c.c_void_p),
                ("trace", TRACE), ("trace_user", c.c_void_p)]


class KeyInfo(c.Structure):
    """The beginning of envelope_key_info."""
    _fields_ = [("size", c.c_size_t), ("ref", c.POINTER(env.CKeyRef))]


class Kmip(env._Handle):
    """A KMS as identity WHO of a server of servers.py. traced: a list that gets every message."""

    def __init__(self, ctx, server, who, traced=None, endpoints=None, **members):
        folder = server.folder
        o = KmipOptions(endpoints=(endpoints or server.endpoint()).encode(),
                        ca_file=str(folder / "ca.crt").encode(),
                        cert_file=str(folder / f"{who}.crt").encode(),
                        key_file=str(folder / f"{who}.key").encode(), **members)
        if traced is not None:
            o.trace = TRACE(lambda _u, out, data, n: traced.append((out, c.string_at(data, n))))
        super().__init__("kms", "kmip_new", (c.c_void_p, c.POINTER(KmipOptions)), ctx._h,
                         c.byref(o), keep=(o.trace,))

    def create_key(self, name, algorithm=0):
        env._call("kms_create_key", (c.c_void_p, c.c_char_p, c.c_int32), self._h, name.encode(),
                  algorithm)

    def rotate_key(self, name):
        env._call("kms_rotate_key", (c.c_void_p, c.c_char_p), self._h, name.encode())

    def list(self, name):
        """[key id]"""
        found = c.c_void_p()
        env._call("kms_list", (c.c_void_p, c.c_char_p, c.POINTER(c.c_void_p)), self._h,
                  name.encode(), c.byref(found))
        count = env._fn("key_list_count", c.c_void_p, res=c.c_size_t)(found)
        at = env._fn("key_list_at", c.c_void_p, c.c_size_t, res=c.POINTER(KeyInfo))
        ids = [at(found, i).contents.ref.contents.key_id.decode() for i in range(count)]
        env._fn("key_list_free", c.c_void_p, res=None)(found)
        return ids

    def check(self, name=None):
        """{name: value} as envelope_kms_check says."""
        said = {}
        proto = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p, c.c_char_p)
        line = proto(lambda _u, what, value: said.__setitem__(what.decode(), value.decode()))
        env._call("kms_check", (c.c_void_p, c.c_char_p, proto, c.c_void_p), self._h,
                  name and name.encode(), line, None)
        return said


class Jobs:
    """One repository, and the pin of one host."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="envelope-test-"))
        self.pin = b""

    def keep(self, pin):
        self.pin = pin

    def keys(self, kms_id, kms, name, use=None, password=None):
        ring = self.ctx.keyring()
        ring.add_kms(kms_id, kms, use or env.USE_WRAP | env.USE_UNWRAP)
        if name:
            ring.wrap_for(kms_id, name)
        if password:
            ring.add_password("host", password, env.USE_WRAP | env.USE_UNWRAP)
        return ring

    def create(self, keys, repo="repo"):
        store = self.ctx.directory(self.path / repo, create=True)
        return store.create_chain(keys, save_pin=self.keep, serial=1)

    def open(self, keys, repo="repo", pin=None, readonly=False):
        store = self.ctx.directory(self.path / repo, readonly=readonly)
        return store.open_chain(keys, pin=self.pin if pin is None else pin, save_pin=self.keep,
                                serial=1, readonly=readonly)

    def objects(self, folder, repo="repo"):
        return sorted((self.path / repo / "chains").glob(f"*/{folder}/*.env"))


def write(chain, data):
    with chain.write() as w:
        w.write(data)
    return w.number


def read_all(chain):
    found = []
    for point in chain:
        with chain.read(point.number) as r:
            found.append(r.pread(0, len(r)))
    return found


class Case(unittest.TestCase):
    """A context and a repository for each test."""

    def setUp(self):
        self.ctx = env.Context()
        self.jobs = self.new_jobs()

    def new_jobs(self):
        jobs = Jobs(self.ctx)
        self.addCleanup(shutil.rmtree, jobs.path)
        return jobs

    def kmip(self, server, who="backup", **members):
        members.setdefault("unwrap", INSIDE if server.extended else GET)
        return Kmip(self.ctx, server, who, **members)
