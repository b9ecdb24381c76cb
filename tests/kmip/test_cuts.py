#!/usr/bin/python3
"""The server stops at each byte of its handshake and of its answer: it hangs, closes, or resets.
A clear error, within the deadline, each time."""
import concurrent.futures
import threading

import bed
import tap
from bed import assert_ok
from responder import REQUEST, RESPONSE

HANG_DEADLINE, DEADLINE, AT_ONCE = 300, 30000, 24
hosts = threading.local()


def own_host():
    if not hasattr(hosts, "host"):
        hosts.host = bed.host().__enter__()
    return hosts.host


def cut_handshake(count, how):
    def play(c):
        c.limit(count, how)
        c.handshake()
        c.request()
        c.respond(RESPONSE)
        c.hang()
    return play


def cut_answer(count, how):
    def play(c):
        c.handshake()
        c.request()
        c.limit(count, how)
        c.respond(RESPONSE)
        c.hang()
    return play


def one(cut, count, how, version):
    deadline = HANG_DEADLINE if how == "hang" else DEADLINE
    with bed.responder(cut(count, how), **version) as r:
        h = own_host()
        assert_ok(h.new(endpoints=r.endpoint, deadline=deadline))
        answer = h.ask("rs"[:1 + count % 2], REQUEST)
        what = f"{cut.__name__}({count}, {how}): {answer}"
        if answer["status"] == "OK":
            return None if not r.cuts else what
        clear = answer["status"] == "E_KMS_UNREACHED" and r.endpoint in answer["message"]
        # where the machine is slow, time may be over before the cut
        in_time = answer["ms"] <= bed.GENEROUS * deadline
        return None if clear and in_time and (r.cuts or how == "hang") else what


def measure(version):
    """(bytes of the handshake with its tickets, bytes of the answer)"""
    seen = []

    def play(c):
        c.handshake()
        c.request()
        seen.append(c.wire)
        c.respond(RESPONSE)
        seen.append(c.wire)
        c.hang()
    with bed.responder(play, **version) as r, bed.host() as h:
        h.new(endpoints=r.endpoint)
        assert_ok(h.ask("r", REQUEST))
        while len(seen) < 2:
            pass
    return seen[0], seen[1] - seen[0]


def every_byte(cut, total, how, version):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = [f for f in pool.map(lambda n: one(cut, n, how, version), range(total)) if f]
    assert not found, f"{len(found)} of {total}: {found[:3]}"
    tap.note(f"{cut.__name__}, {how}: {total} bytes")


def test_answer_closed():
    for version in ({}, bed.tls12()):
        every_byte(cut_answer, measure(version)[1], "close", version)


def test_answer_reset():
    every_byte(cut_answer, measure({})[1], "reset", {})


def test_answer_hangs():
    for version in ({}, bed.tls12()):
        every_byte(cut_answer, measure(version)[1], "hang", version)


def test_handshake_closed():
    for version in ({}, bed.tls12()):
        every_byte(cut_handshake, measure(version)[0], "close", version)


def test_handshake_hangs():
    every_byte(cut_handshake, measure({})[0], "hang", {})
    every_byte(cut_handshake, measure(bed.tls12())[0], "hang", bed.tls12())


if __name__ == "__main__":
    tap.run(globals())
