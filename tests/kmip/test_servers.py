#!/usr/bin/python3
"""The servers that the other tests here rely on: what they do, refuse, and that none is left."""
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

import admin
import servers

sys.path.insert(0, str(servers.HERE.parent / "support"))
import tap  # noqa: E402

STOCK, EXTENDED = None, None
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
LIVES = """
import sys, time
import servers
with servers.running(servers.Server("A", extended=True)) as (server,):
    print(server.port, server.folder, flush=True)
    time.sleep(600)
"""


def refused(reason, call, *args):
    try:
        call(*args)
    except admin.Refused as e:
        assert e.reason == reason, e
        return
    raise AssertionError(f"{call.__name__} was not refused")


def modulus(der):
    return serialization.load_der_public_key(der).public_numbers().n


def test_stock_gives_the_private_key_and_never_decrypts():
    with STOCK.user("admin") as user, STOCK.user("backup") as other:
        pair = user.register_pair("stock", 1, "fetch")
        private = serialization.load_der_private_key(other.get(pair.private), None)
        assert private.private_numbers() == admin.pool_key(1).private_numbers()
        assert modulus(other.get(pair.public)) == private.public_key().public_numbers().n
        sealed = private.public_key().encrypt(b"dek", OAEP)
        refused(4, other.decrypt, pair.private, sealed)
        refused(admin.DENIED, other.decrypt, pair.private, sealed, False)
        refused(5, user.rekey_pair, pair)


def test_extended_decrypts_and_never_gives_the_private_key():
    with EXTENDED.user("admin") as user, EXTENDED.user("backup") as other:
        pair = user.create_pair("inside", "inside")
        public = serialization.load_der_public_key(other.get(pair.public))
        assert public.public_numbers() == admin.pool_key(4).public_key().public_numbers()
        sealed = public.encrypt(b"dek", OAEP)
        assert other.decrypt(pair.private, sealed) == b"dek"
        refused(10, other.decrypt, pair.private, sealed[:-1] + bytes([sealed[-1] ^ 1]))
        for someone in (user, other):
            refused(admin.DENIED, someone.get, pair.private)
        assert user.links(pair.public) == {0x103: pair.private}

        new = user.rekey_pair(pair)
        assert (user.names(pair.public), user.names(new.public)) == ([], ["inside"])
        assert user.links(pair.public)[0x106] == new.public
        assert user.links(new.public) == {0x103: new.private, 0x107: pair.public}
        assert user.state(pair.private) == admin.ACTIVE
        assert other.decrypt(pair.private, sealed) == b"dek"
        refused(admin.DENIED, user.get, new.private)
        refused(admin.ILLEGAL, user.rekey_pair, pair)
        user.revoke(pair.private, admin.COMPROMISE)
        assert other.decrypt(pair.private, sealed) == b"dek"


def test_symmetric():
    for server in (STOCK, EXTENDED):
        with server.user("admin") as user, server.user("tenant2") as other:
            shared, own = user.create_aes("aes", "fetch"), user.create_aes("aes-own")
            assert len(user.get(own)) == 32
            assert other.get(shared) == user.get(shared)
            refused(admin.DENIED, other.get, own)
    with EXTENDED.user("admin") as user:
        assert user.names(user.rekey(own)) == ["aes-own"]


def test_identities():
    for server in (STOCK, EXTENDED):
        with server.user("admin") as user, server.user("tenant2") as other:
            mine = user.register_pair("shared", 2)
            theirs = other.register_pair("shared", 3)
            assert set(other.locate("shared")) == {mine.public, theirs.public, theirs.private}
            refused(admin.DENIED, other.get, mine.private)
            refused(admin.DENIED, other.revoke, mine.public)
        for who in ("expired", "foreign"):
            try:
                with server.user(who) as user:
                    user.operations()
            except (ssl.SSLError, OSError):
                continue
            raise AssertionError(f"{who} was let in")
        with server.user("no-usage") as user:
            refused(3, user.operations)


def test_state_survives_a_restart_and_a_replica_stays_behind():
    with EXTENDED.user("admin") as user:
        old = user.create_pair("moving")
    replica = EXTENDED.replica()
    EXTENDED.restart()
    with EXTENDED.user("admin") as user:
        new = user.rekey_pair(old)
        assert user.locate("moving", admin.PUBLIC) == [new.public]
    with servers.running(replica), replica.user("admin") as user:
        assert user.locate("moving", admin.PUBLIC) == [old.public]


def test_pairs_come_from_the_pool_once_and_then_are_made():
    """Also after the restart above."""
    with EXTENDED.user("admin") as user:
        made = [modulus(user.get(user.create_pair("more").public)) for _ in range(2)]
    pool = [admin.pool_key(n).public_key().public_numbers().n for n in range(1, 13)]
    assert made[0] == pool[7]
    assert made[1] not in pool and made[1].bit_length() == 4096


def test_rekey_can_deactivate():
    server = servers.Server("C", extended=True, pairs=(9, 10),
                            env={"PYKMIP_REKEY_DEACTIVATE": "1", "KMIP_POLICY": "inside"})
    with servers.running(server), server.user("admin") as user:
        old = user.create_pair("vm")
        refused(admin.DENIED, user.get, old.private)
        user.rekey_pair(old)
        assert user.state(old.private) == user.state(old.public) == admin.DEACTIVATED


def test_certificates_of_a_server():
    stems = ("server-expired", "server-elsewhere", "server-foreign")
    with servers.running(*(servers.Server("D", certificate=stem) for stem in stems)) as bad:
        for server in bad:
            try:
                server.user("admin")
            except ssl.SSLCertVerificationError:
                continue
            raise AssertionError(f"{server.certificate} was believed")


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_none_outlives_a_test_that_is_killed():
    test = subprocess.Popen([sys.executable, "-c", LIVES], cwd=servers.HERE,
                            stdout=subprocess.PIPE, text=True)
    port, folder = test.stdout.readline().split()
    assert listens(int(port)) and pathlib.Path(folder).is_dir()
    os.kill(test.pid, signal.SIGKILL)
    test.wait()
    test.stdout.close()
    until = time.monotonic() + 60
    while listens(int(port)) or pathlib.Path(folder).exists() or processes_of(folder):
        assert time.monotonic() < until, "the server lives on"
        time.sleep(0.05)


def processes_of(folder):
    found = []
    for place in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if folder.encode() in place.read_bytes():
                found.append(place.parent.name)
        except OSError:
            continue
    return found


if __name__ == "__main__":
    reason = servers.missing()
    if reason:
        tap.skip_all(reason)
    STOCK, EXTENDED = servers.Server("A"), servers.Server("B", extended=True, pairs=(4, 5, 6, 7, 8))
    with servers.running(STOCK, EXTENDED):
        tap.run(globals(), after=lambda: [s.remove() for s in (STOCK, EXTENDED)])
