#!/usr/bin/python3
"""One client, many threads: kept connections are shared, endpoints fail and come back. For
ThreadSanitizer: a race ends the host with a status of its own."""
import bed
import tap
from bed import assert_ok
from responder import REQUEST, RESPONSE


def client(h, r, **options):
    assert_ok(h.new(**{"endpoints": r.endpoint, "deadline": 60000, **options}))


def test_kept_connections():
    for version in ({}, bed.tls12()):
        with bed.responder(**version) as r, bed.responder() as other, bed.host() as h:
            client(h, r, endpoints=f"127.0.0.1:1,{r.endpoint},{other.endpoint}")
            assert h.command("threads", 8, 25, "r", REQUEST.hex()) == {"failed": 0}
            assert r.requests == 200 and r.handshakes <= 8 and other.requests == 0
            assert h.command("threads", 8, 5, "rs", REQUEST.hex()) == {"failed": 0}
            assert r.handshakes <= 8


def test_endpoints_that_come_and_go():
    def play(c):
        c.handshake()
        c.request()
        c.respond(RESPONSE)
        if c.responder.requests % 3:
            c.close()
        c.serve()
    with bed.responder(play) as r, bed.responder() as other, bed.host() as h:
        client(h, r, endpoints=f"{r.endpoint},{other.endpoint}", pause=1)
        assert h.command("threads", 8, 25, "r", REQUEST.hex()) == {"failed": 0}
        assert h.command("threads", 8, 5, "rs", REQUEST.hex()) == {"failed": 0}


if __name__ == "__main__":
    tap.run(globals())
