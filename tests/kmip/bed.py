"""What the tests of the client share: certificates made now, one folder for each program."""
import atexit
import pathlib
import shutil
import ssl
import tempfile

import tap

try:
    import pki
except ImportError:
    tap.skip_all("python3-cryptography is not installed: no certificates can be made")
from host import Host
from responder import Responder

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="kmip-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
pki.make(FOLDER, "T")
GENEROUS = 6  # times the deadline: other tests want the processor as well


def host(who="backup"):
    return Host(FOLDER, who)


def responder(play=lambda c: c.serve(), **options):
    return Responder(play, FOLDER, **options)


def once(play):
    """play for the first connection, the others are served."""
    done = []

    def choose(c):
        if done:
            c.serve()
        else:
            done.append(c)
            play(c)
    return choose


def tls12():
    return {"version": ssl.TLSVersion.TLSv1_2}


def assert_ok(answer):
    assert answer["status"] == "OK", answer
    return answer


def assert_failed(answer, status, *words, deadline=None):
    assert answer["status"] == status, answer
    for word in words:
        assert word in answer["message"], (word, answer)
    if deadline:
        assert answer["ms"] <= GENEROUS * deadline, answer
    return answer
