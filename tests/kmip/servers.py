"""PyKMIP on loopback as a context manager: stock, from Debian's package, or extended (extended.py).

    with servers.running(servers.Server("A"), servers.Server("B", extended=True)) as (a, b):
        a.port, a.folder / "ca.crt", a.user("admin"), a.option("lab", "backup", names="exclusive")

Each has an authority, certificates (pki.py), a store and policies of its own in a folder of its
own, and a port that the kernel chose. None outlives the test, however that ends (keeper.py).
"""
import contextlib
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

import admin
import pki

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # the package is Debian's; another Python does not see it
STOCK = "/usr/bin/pykmip-server"
PATIENCE = 120  # seconds; a start takes 1 to 2 where nothing else runs
ALL, OWNER, NOBODY = "ALLOW_ALL", "ALLOW_OWNER", "DISALLOW_ALL"
PUBLIC_TYPES, SECRET_TYPES = ("PUBLIC_KEY",), ("PRIVATE_KEY", "SYMMETRIC_KEY")
READY = "zz-ready"  # read last, so the others are in force when its name is in the log


def missing():
    """Why no server can be started here, or None."""
    if not os.path.exists(STOCK) or importlib.util.find_spec("kmip") is None:
        return "python3-pykmip is not installed"
    if not hasattr(ssl, "wrap_socket"):
        return "this Python has no ssl.wrap_socket, which PyKMIP needs"
    return None


def policy(types, **permissions):
    own = {name: OWNER for name in ("ACTIVATE", "REVOKE", "DESTROY", "MODIFY_ATTRIBUTE")}
    seen = {name: ALL for name in ("LOCATE", "GET_ATTRIBUTES", "GET_ATTRIBUTE_LIST")}
    return {kind: {**own, **seen, **permissions} for kind in types}


def policies():
    """fetch: everybody may have the private key. inside: nobody, but use it (extended only).
    locked: nobody either. own, own-inside: for its owner alone, the public half too. Without a
    name, "default": everybody sees public keys, the owner alone the others."""
    public = policy(PUBLIC_TYPES, GET=ALL)
    mine = dict.fromkeys(("LOCATE", "GET_ATTRIBUTES", "GET_ATTRIBUTE_LIST"), OWNER)
    own_public = policy(PUBLIC_TYPES, GET=OWNER, **mine)
    return {
        "fetch": {"preset": {**public, **policy(SECRET_TYPES, GET=ALL)}},
        "inside": {"preset": {**public, **policy(SECRET_TYPES, GET=NOBODY, DECRYPT=ALL)}},
        "locked": {"preset": {**public, **policy(SECRET_TYPES, GET=NOBODY)}},
        "own": {"preset": {**own_public, **policy(SECRET_TYPES, GET=OWNER, **mine)}},
        "own-inside": {"preset": {**own_public, **policy(SECRET_TYPES, GET=NOBODY, DECRYPT=OWNER,
                                                         **mine)}},
    }


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """pairs: numbers of tests/keys that an extended server gives out before it makes keys."""

    def __init__(self, name, extended=False, certificate="server", pairs=(), env=()):
        self.name = name
        self.extended = extended
        self.certificate = certificate
        self.env = dict(env)
        if pairs:
            self.env["KMIP_PAIRS"] = ":".join(str(admin.pool_file(n)) for n in pairs)
        self.port = None
        self.keeper = None
        self.folder = None

    def create(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="envelope-kmip-"))
        pki.make(self.folder, self.name)
        (self.folder / "policy").mkdir()
        (self.folder / "policy/tests.json").write_text(json.dumps(policies()))
        (self.folder / f"policy/{READY}.json").write_text(json.dumps({READY: policies()["fetch"]}))

    def configure(self):
        # Unknown keys are refused. Never DEBUG: that writes keys to the log.
        settings = {
            "hostname": "127.0.0.1", "port": self.port,
            "certificate_path": self.folder / f"{self.certificate}.crt",
            "key_path": self.folder / f"{self.certificate}.key",
            "ca_path": self.folder / "ca.crt", "auth_suite": "TLS1.2",
            "policy_path": self.folder / "policy", "enable_tls_client_auth": True,
            "logging_level": "INFO", "database_path": self.folder / "kms.db",
        }
        lines = ["[server]"] + [f"{key}={value}" for key, value in settings.items()]
        (self.folder / "server.conf").write_text("\n".join(lines) + "\n")

    def launch(self):
        """Not waited for. The port stays over a restart."""
        if self.folder is None:
            self.create()
        self.port = self.port or free_port()
        self.configure()
        (self.folder / "log").unlink(missing_ok=True)
        entry = HERE / "extended.py" if self.extended else STOCK
        command = [PYTHON, "-W", "ignore", entry, "-f", self.folder / "server.conf", "-l",
                   self.folder / "log"]
        self.keeper = subprocess.Popen(
            [PYTHON, "-I", HERE / "keeper.py", self.folder, *command], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, env={**os.environ, **self.env}, start_new_session=True)

    def log(self):
        return "".join(p.read_text(errors="replace") for p in
                       (self.folder / "output", self.folder / "log") if p.exists())

    def ready(self):
        """Answers under its own authority, policies in force. Another process may have taken the
        port between the kernel's choice and the server's bind: then another one."""
        until = time.monotonic() + PATIENCE
        while f"Loading policy: {READY}" not in self.log() or not self.answers():
            if self.keeper.poll() is not None:
                self.launch_elsewhere()
            if time.monotonic() > until:
                raise TimeoutError(f"KMS {self.name} does not answer:\n{self.log()[-3000:]}")
            time.sleep(0.03)

    def launch_elsewhere(self):
        if "Address already in use" not in self.log():
            raise RuntimeError(f"KMS {self.name} died:\n{self.log()[-3000:]}")
        self.keeper.stdin.close()
        (self.folder / "output").unlink()
        self.port = None
        self.launch()

    def answers(self):
        if self.certificate != "server":
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
            return False
        with contextlib.suppress(OSError), self.user("admin") as user:
            return bool(user.operations())
        return False

    def end(self, last=b""):
        if self.keeper is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self.keeper.stdin.write(last)
            self.keeper.stdin.close()
        self.keeper.wait(PATIENCE)
        self.keeper = None

    def stop(self):
        """As by a power cut; what it stored stays."""
        self.end(b"k")

    def start(self):
        self.launch()
        self.ready()

    def restart(self):
        self.stop()
        self.start()

    def remove(self):
        self.end()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def replica(self):
        """A second server with a copy of this one's store as it is now, and its authority."""
        copy = Server(self.name, self.extended, self.certificate, env=self.env)
        copy.folder = pathlib.Path(tempfile.mkdtemp(prefix="envelope-kmip-"))
        shutil.copytree(self.folder, copy.folder, dirs_exist_ok=True)
        return copy

    def user(self, who, timeout=60):
        return admin.as_user(self, who, timeout)

    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def option(self, kms_id, who, **more):
        """For --kms; private_key="get" becomes private-key=get."""
        parts = [f"{kms_id}=kmip:{self.endpoint()}", f"ca={self.folder / 'ca.crt'}",
                 f"cert={self.folder / who}.crt", f"key={self.folder / who}.key"]
        parts += [f"{key.replace('_', '-')}={value}" for key, value in more.items()]
        return ",".join(parts)


@contextlib.contextmanager
def running(*all_servers):
    """Started side by side, gone at the end."""
    try:
        for server in all_servers:
            server.launch()
        for server in all_servers:
            server.ready()
        yield all_servers
    finally:
        for server in all_servers:
            server.remove()
