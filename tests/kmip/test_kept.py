#!/usr/bin/python3
"""Kept connections: one handshake for many operations, none kept that is not above suspicion, and
what a host must not notice of them."""
import bed
import tap
from bed import assert_failed, assert_ok, once
from responder import REQUEST, RESPONSE


def client(h, r, **options):
    assert_ok(h.new(**{"endpoints": r.endpoint, "deadline": 30000, **options}))


def test_one_handshake():
    for version in ({}, bed.tls12()):
        with bed.responder(**version) as r, bed.host() as h:
            client(h, r)
            for i in range(50):
                assert_ok(h.ask("" if i % 2 else "rs", REQUEST))
            assert (r.handshakes, r.requests) == (1, 50)


def test_kept_one_died():
    """Closed by the server while it was idle: noticed before a request is risked on it."""
    for end in ("close", "reset", "goodbye"):
        for flags in ("", "r"):
            def play(c):
                c.handshake()
                c.request()
                c.respond(RESPONSE)
                getattr(c, end)()
            with bed.responder(once(play)) as r, bed.host() as h:
                client(h, r)
                assert_ok(h.ask("r", REQUEST))
                while not r.wire:  # until that connection has ended
                    pass
                assert_ok(h.ask(flags, REQUEST))
                assert r.handshakes == 2 and r.requests == 2


def test_kept_one_dies_under_the_request():
    """Alive when it was looked at: a repeatable request goes out again on a fresh one."""
    def play(c):
        c.handshake()
        c.request()
        c.respond(RESPONSE)
        c.request()
        c.close()
    with bed.responder(once(play)) as r, bed.host() as h:
        client(h, r)
        assert_ok(h.ask("r", REQUEST))
        assert_ok(h.ask("r", REQUEST))
        assert (r.handshakes, r.requests) == (2, 3)
    with bed.responder(once(play)) as r, bed.host() as h:
        client(h, r)
        assert_ok(h.ask("r", REQUEST))
        assert_failed(h.ask("", REQUEST), "E_KMS_UNREACHED", "not known")
        assert (r.handshakes, r.requests) == (1, 2)


def test_bytes_left_over():
    """Behind the answer, in the same record or soon after: an answer to nobody's question."""
    for late in (False, True):
        def play(c):
            c.handshake()
            c.request()
            c.respond(RESPONSE if late else RESPONSE + RESPONSE)
            if late:
                c.respond(RESPONSE)
            c.responder.count("cuts")
            c.hang()
        with bed.responder(once(play)) as r, bed.host() as h:
            client(h, r)
            assert_ok(h.ask("r", REQUEST))
            while not r.cuts:
                pass
            assert_ok(h.ask("", REQUEST))
            assert (r.handshakes, r.requests) == (2, 2)


def test_not_kept_after_a_wrong_answer():
    def play(c):
        c.handshake()
        c.request()
        c.respond(RESPONSE[:8] + b"\x42" * (len(RESPONSE) - 8))
        c.serve()
    with bed.responder(once(play)) as r, bed.host() as h:
        client(h, r)
        assert_failed(h.ask("", REQUEST), "E_FORMAT", "not KMIP")
        assert_ok(h.ask("r", REQUEST))
        assert r.connections == 2


def test_spoiled():
    """The job says that the answer was to something else."""
    with bed.responder() as r, bed.host() as h:
        client(h, r)
        h.command("begin")
        assert_ok(h.exchange("r", REQUEST))
        h.command("spoil")
        assert_ok(h.exchange("r", REQUEST))
        assert r.handshakes == 2
        h.command("spoil")
        h.command("spoil")
        h.command("end")
        assert_ok(h.ask("r", REQUEST))
        assert r.handshakes == 3


def test_at_most_a_few_are_kept():
    with bed.responder() as r, bed.host() as h:
        client(h, r)
        assert h.command("threads", 20, 10, "r", REQUEST.hex()) == {"failed": 0}
        assert h.sockets()[0] <= 8


def test_sigpipe():
    """The server is gone while much is still to be sent; the driver dies of a SIGPIPE."""
    def play(c):
        c.handshake()
        c.reset()
    with bed.responder(play) as r, bed.host() as h:
        client(h, r)
        for _ in range(5):
            assert_failed(h.ask("r", REQUEST + bytes(1 << 20)), "E_KMS_UNREACHED")
        h.command("free")


def test_sigpipe_at_the_goodbye():
    """close_notify to a server that has reset the connection."""
    def play(c):
        c.handshake()
        c.request()
        c.respond(RESPONSE)
        c.reset()
    with bed.responder(play) as r, bed.host() as h:
        for _ in range(5):
            client(h, r)
            seen = len(r.wire)
            assert_ok(h.ask("r", REQUEST))
            while len(r.wire) == seen:
                pass
            h.command("free")


def test_descriptors_are_close_on_exec():
    with bed.responder() as r, bed.host() as h:
        client(h, r)
        assert_ok(h.ask("r", REQUEST))
        assert h.sockets() == (1, [])
        assert h.command("exec")["sockets"] == 0
        client(h, r, endpoints=f"localhost:{r.port}")
        assert_ok(h.ask("r", REQUEST))
        assert h.sockets() == (1, [])
        h.command("free")
        assert h.sockets() == (0, [])


def test_no_descriptor_is_left_behind():
    def play(c):
        c.handshake()
        c.close()
    with bed.responder(play) as r, bed.host() as h:
        client(h, r, endpoints=f"127.0.0.1:1,{r.endpoint}")
        for _ in range(20):
            h.ask("r", REQUEST)
        assert h.sockets() == (0, [])


def test_error_queue_of_the_host():
    plays = [lambda c: c.serve(), lambda c: c.close(), lambda c: c.serve(b"garbage, garbage"),
             lambda c: c.raw(b"no TLS at all, but quite a few bytes")]
    for play in plays:
        with bed.responder(play) as r, bed.host() as h:
            h.command("queue", "put")
            client(h, r)
            h.ask("r", REQUEST)
            h.ask("s", REQUEST)
            h.command("free")
            assert h.command("queue", "check") == {"wrong": 0}
    with bed.responder(certificate="server-expired") as r, bed.host() as h:
        h.command("queue", "put")
        client(h, r)
        assert_failed(h.ask("r", REQUEST), "E_REFUSED")
        h.command("free")
        assert h.command("queue", "check") == {"wrong": 0}


def test_goodbye():
    with bed.responder() as r, bed.host() as h:
        client(h, r)
        assert_ok(h.ask("r", REQUEST))
        h.command("free")
        while not r.wire:
            pass
        assert r.goodbyes == 1


def test_fork():
    """A child that frees what it got from its parent does not end the parent's session."""
    with bed.responder() as r, bed.host() as h:
        client(h, r)
        assert_ok(h.ask("r", REQUEST))
        assert h.command("fork")["exit"] == 0
        assert_ok(h.ask("r", REQUEST))
        assert (r.handshakes, r.requests, r.goodbyes) == (1, 2, 0)


if __name__ == "__main__":
    tap.run(globals())
