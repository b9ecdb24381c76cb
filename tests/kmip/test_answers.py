#!/usr/bin/python3
"""What one endpoint may answer: the client takes one whole KMIP message and nothing else, within its
deadline, whatever comes."""
import os
import time

import bed
import tap
from bed import assert_failed, assert_ok
from responder import REQUEST, RESPONSE, message

DEADLINE = 1000


def asked(play, flags="r", deadline=DEADLINE, request=REQUEST, **options):
    with bed.responder(play, **options) as r, bed.host() as h:
        assert_ok(h.new(endpoints=r.endpoint, deadline=deadline))
        return h.ask(flags, request)


def test_whole_answers():
    for options in ({}, bed.tls12()):
        for flags in ("", "r", "s", "rs"):
            answer = assert_ok(asked(lambda c: c.serve(), flags, 20000, **options))
            assert answer["reply"] == RESPONSE.hex()


def test_large_answers():
    large = message(0x42007B, "y" * 900_000)
    assert_ok(asked(lambda c: c.serve(large), deadline=20000))["reply"] == large.hex()
    secret = message(0x42007B, "y" * 60_000)
    assert_ok(asked(lambda c: c.serve(secret), "rs", 20000))["reply"] == secret.hex()
    assert_failed(asked(lambda c: c.serve(large), "rs", 20000), "E_LIMIT")


def test_large_requests():
    got = []
    request = message(0x420078, "z" * 2_000_000, 0x420077)[:1_900_000]
    request = request[:4] + (len(request) - 8).to_bytes(4, "big") + request[8:]

    def play(c):
        c.serve(lambda r: got.append(r) or RESPONSE)
    assert_ok(asked(play, "r", 20000, request))
    assert got == [request]


def test_one_byte_at_a_time():
    def play(c):
        c.drip = 0.0001
        c.serve()
    assert assert_ok(asked(play, "rs", 60000))["reply"] == RESPONSE.hex()


def test_dribble_beyond_the_deadline():
    """Each byte comes soon; the answer never does."""
    def play(c):
        c.handshake()
        c.request()
        c.drip = 0.05
        c.respond(message(0x42007B, "x" * 4000))
    assert_failed(asked(play), "E_KMS_UNREACHED", "time", deadline=DEADLINE)


def test_records_that_say_nothing():
    """TLS that goes on for ever without a byte of an answer."""
    def play(c):
        c.handshake()
        c.request()
        while True:
            c.respond(b"")
            time.sleep(0.01)
    assert_failed(asked(play), "E_KMS_UNREACHED", "time", deadline=DEADLINE)


def test_keys_take_their_time():
    """A request that makes a key is waited for beyond the deadline, and so is what follows; no other
    is."""
    def play(c):
        c.serve(lambda request: time.sleep(3 * DEADLINE / 1000) or RESPONSE)
    assert_failed(asked(play, ""), "E_KMS_UNREACHED", "time")
    assert_ok(asked(play, "k"))
    with bed.responder(play) as r, bed.host() as h:
        assert_ok(h.new(endpoints=r.endpoint, deadline=DEADLINE))
        h.command("begin")
        assert_ok(h.command("exchange", "k", REQUEST.hex()))
        assert_ok(h.command("exchange", "-", REQUEST.hex()))
        h.command("end")


def test_lengths_of_4_gib():
    for length in (0xFFFFFFFF, 0xFFFFFFF8, 0x80000000, 0x7FFFFFF8, 1 << 20):
        head = RESPONSE[:4] + length.to_bytes(4, "big")
        answer = asked(lambda c: c.serve(head + RESPONSE), deadline=20000)
        assert answer["status"] in ("E_LIMIT", "E_FORMAT"), answer
        assert answer["ms"] < 10000  # not by the deadline
    with bed.responder(lambda c: c.serve(message(0x42007B, "x" * 500))) as r, bed.host() as h:
        h.new(endpoints=r.endpoint, max=400)
        assert_failed(h.ask("r", REQUEST), "E_LIMIT", r.endpoint, "400")


def test_garbage():
    for data in (b"HTTP/1.1 400 Bad Request\r\n\r\n", os.urandom(64), bytes(64), REQUEST,
                 RESPONSE[:8] + os.urandom(len(RESPONSE) - 8)):
        answer = asked(lambda c: c.serve(data), deadline=20000)
        assert_failed(answer, "E_FORMAT", "not KMIP", "127.0.0.1:")


def test_not_tls():
    def play(c):
        c.raw(b"220 mail.example ESMTP\r\n")
        c.hang()
    assert_failed(asked(play, deadline=20000), "E_KMS_UNREACHED")
    assert_failed(asked(lambda c: c.close()), "E_KMS_UNREACHED")
    assert_failed(asked(lambda c: c.reset()), "E_KMS_UNREACHED")
    assert_failed(asked(lambda c: c.hang()), "E_KMS_UNREACHED", "time", deadline=DEADLINE)


def test_certificates():
    """The server's, then ours: refused, and said to be."""
    for certificate in ("server-expired", "server-elsewhere", "server-foreign"):
        assert_failed(asked(lambda c: c.serve(), certificate=certificate, deadline=20000),
                      "E_REFUSED", "127.0.0.1:")
    for version in ({}, bed.tls12()):
        for who in ("foreign", "expired"):
            with bed.responder(**version) as r, bed.host(who) as h:
                h.new(endpoints=r.endpoint, deadline=20000)
                assert_failed(h.ask("r", REQUEST), "E_REFUSED", "127.0.0.1:")
                assert r.requests == 0
    with bed.responder(certificate="server-elsewhere") as r, bed.host() as h:
        h.new(endpoints=r.endpoint, name="elsewhere.invalid")
        assert_ok(h.ask("r", REQUEST))


def test_names_and_addresses():
    with bed.responder() as r, bed.host() as h:
        assert_ok(h.new(endpoints=f"localhost:{r.port}"))
        assert_ok(h.ask("r", REQUEST))
        assert_ok(h.new(endpoints="no-such-host.invalid:1", deadline=20000))
        assert_failed(h.ask("r", REQUEST), "E_KMS_UNREACHED", "no-such-host.invalid:1")


def test_every_address_of_a_name():
    """localhost is ::1 too on most machines; the responder listens on 127.0.0.1 alone."""
    with bed.responder() as r, bed.host() as h:
        for _ in range(3):
            assert_ok(h.new(endpoints=f"localhost:{r.port}"))
            assert_ok(h.ask("", REQUEST))


def test_trace():
    with bed.responder() as r, bed.host() as h:
        h.new(endpoints=r.endpoint, trace=1)
        assert_ok(h.ask("r", REQUEST))
        assert h.command("pipe")["traced"] == [1, 1]


def test_where():
    with bed.responder(**bed.tls12()) as r, bed.host() as h:
        h.new(endpoints=r.endpoint)
        h.command("begin")
        assert h.command("where")["host"] == ""
        assert_ok(h.exchange("r", REQUEST))
        where = h.command("where")
        assert (where["host"], where["port"]) == ("127.0.0.1", str(r.port)), where
        assert where["version"] == "TLSv1.2" and "kms" in where["subject"], where
        assert "backup" in where["own"], where
        h.command("end")


def test_pipes_that_lie():
    with bed.responder() as r, bed.host() as h:
        for pipe in ("open-nothing", "write-nothing", "write-more", "read-more"):
            assert_ok(h.new(endpoints=f"{r.endpoint},127.0.0.1:1", pipe=pipe))
            assert_failed(h.ask("r", REQUEST), "E_CALLBACK", pipe.split("-")[0])
        assert_ok(h.new(endpoints=r.endpoint, pipe="odd-status"))
        assert_failed(h.ask("r", REQUEST), "E_KMS_UNREACHED", "an exception")
        assert_failed(h.new(endpoints=r.endpoint, pipe="no-read"), "E_INVALID", "read")
        assert_ok(h.new(endpoints=r.endpoint, pipe="old"))
        assert_ok(h.ask("r", REQUEST))
        assert_ok(h.new(endpoints=r.endpoint, pipe="plain"))
        assert_ok(h.ask("r", REQUEST))
        h.command("free")
        calls = h.command("pipe")
        assert calls["open"] == calls["close"] and calls["destroy"] == 7, calls


def test_pipe_is_destroyed_also_on_failure():
    with bed.host() as h:
        for options in ({"endpoints": ":"}, {"endpoints": "h", "ca": "/nonexistent"}):
            answer = h.new(**{**options, "pipe": "plain"})
            assert answer["status"] != "OK"
        assert h.command("pipe")["destroy"] == 2


def test_no_memory():
    """Each allocation fails in turn: E_NOMEM, nothing left over, and then it works."""
    with bed.responder() as r, bed.host() as h:
        words = [f"{k}={v}" for k, v in {**h.files, "endpoints": r.endpoint, "pipe": "plain",
                                         "name": "localhost"}.items()]
        result = h.command("nomem", *words, REQUEST.hex())
        assert result["odd"] == 0 and result["runs"] > 5, result
        calls = h.command("pipe")
        assert calls["open"] == calls["close"] and calls["destroy"] == result["runs"], calls


if __name__ == "__main__":
    tap.run(globals())
