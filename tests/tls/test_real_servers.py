#!/usr/bin/python3
"""TLS of the library against servers that others wrote: openssl s_server, Python's ssl, and GnuTLS
where it is installed. What is tried in memory (tests/unit/test_crypto_tls_*) is tried there in
every detail; here it is whether the two understand each other."""
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pki
import tap

CLIENT = os.environ["TLS_CLIENT"]
FOLDER = Path(tempfile.mkdtemp(prefix="envelope-test-"))
pki.make(FOLDER, "A")


def path(name):
    return str(FOLDER / name)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A program that listens; ended with its block."""

    def __init__(self, command, port):
        self.port = port
        # a pipe that stays open: s_server ends with its standard input
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError("the server does not listen")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def s_server(*options, cert="server"):
    port = free_port()
    return Server(["openssl", "s_server", "-accept", str(port), "-www", "-cert",
                   path(cert + ".crt"), "-key", path(cert + ".key"), "-CAfile", path("ca.crt"),
                   *options], port)


def gnutls(priority, *options):
    port = free_port()
    return Server(["gnutls-serv", "--http", "--quiet", "-p", str(port), "--priority", priority,
                   "--x509certfile", path("server.crt"), "--x509keyfile", path("server.key"),
                   "--x509cafile", path("ca.crt"), *options], port)


def client(port, name="localhost", own="backup"):
    files = [path(own + ".crt"), path(own + ".key")] if own else []
    done = subprocess.run([CLIENT, "127.0.0.1", str(port), name, path("ca.crt"), *files],
                          stdout=subprocess.PIPE, timeout=60, check=True)
    *_, status, how = done.stdout.decode("utf-8", "replace").rstrip("\n").split("\n")
    return status, how, done.stdout


DEMAND = ("-Verify", "2", "-verify_return_error")


def test_s_server_mutual():
    for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
        with s_server(version, *DEMAND) as server:
            for host in ("localhost", "127.0.0.1"):
                status, how, text = client(server.port, host)
                assert status == "OK -", status
                assert how.startswith(name + " ") and how.endswith("CN=kms"), how
                assert b"HTTP/1.0 200" in text


def test_s_server_refuses_us():
    told = {None: "demands a certificate of ours and there is none",
            "foreign": "refuses our certificate: unknown CA",
            "expired": "refuses our certificate: certificate expired"}
    for version in ("-tls1_2", "-tls1_3"):
        with s_server(version, *DEMAND) as server:
            for own, words in told.items():
                status, *_ = client(server.port, own=own)
                assert status.startswith("E_REFUSED localhost " + words), status


def test_we_refuse_s_server():
    told = {"server-expired": "the certificate of localhost expired on",
            "server-elsewhere": "is for elsewhere.invalid, not localhost",
            "server-foreign": "comes from \"CN=not KMS A\""}
    for cert, words in told.items():
        with s_server(cert=cert) as server:
            status, *_ = client(server.port)
            assert status.startswith("E_REFUSED the certificate") and words in status, status


def test_s_server_too_old_or_too_weak():
    options = {("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"): "no version of TLS that is safe",
               ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"): "no cipher suite"}
    for given, words in options.items():
        with s_server(*given) as server:
            status, *_ = client(server.port)
            assert status.startswith("E_KMS_UNREACHED") and words in status, status


def test_gnutls():
    if not shutil.which("gnutls-serv"):
        tap.note("gnutls-serv is not installed: not tried")
        return
    for priority, name in (("NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.2"), ("NORMAL", "TLSv1.3")):
        with gnutls(priority, "--require-client-cert", "--verify-client-cert") as server:
            status, how, text = client(server.port)
            assert how.startswith(name), how
            assert b"HTTP/1.0 200" in text, status
            for own in (None, "foreign"):
                status, *_ = client(server.port, own=own)
                assert status.startswith("E_REFUSED localhost "), status


def python_server(context, after):
    """One connection: after(socket) decides what becomes of it."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        raw, _ = listening.accept()
        try:
            with context.wrap_socket(raw, server_side=True) as s:
                s.recv(4096)
                after(s)
        except OSError:
            pass
        raw.close()
        listening.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return listening.getsockname()[1], thread


def context_of(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(path("server.crt"), path("server.key"))
    context.load_verify_locations(path("ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def answer(s):
    s.sendall(b"x" * 300000)
    s.unwrap()


def test_python_large_answer_and_cut():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        port, thread = python_server(context_of(version), answer)
        status, _, text = client(port)
        thread.join()
        assert status == "OK -" and text.count(b"x") >= 300000, status
        port, thread = python_server(context_of(version), lambda s: s.sendall(b"half"))
        status, _, text = client(port)
        thread.join()
        assert b"half" in text and "without TLS's farewell" in status, status


tap.run(globals(), after=lambda: shutil.rmtree(FOLDER))
