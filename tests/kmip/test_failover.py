#!/usr/bin/python3
"""Two endpoints of one KMS, the first of no use: the operation succeeds within its deadline, and the
next one does not lose time over it again."""
import time

import bed
import tap
from bed import assert_failed, assert_ok
from responder import REQUEST, RESPONSE, BlackHole, Dead

DEADLINE = 4000


def asked(first, second, flags="r", **options):
    with bed.host() as h:
        assert_ok(h.new(endpoints=f"{first.endpoint},{second.endpoint}",
                        **{"deadline": DEADLINE, **options}))
        return h.ask(flags, REQUEST)


def test_first_refuses_connections():
    for flags in ("", "r", "s"):
        with Dead() as first, bed.responder() as second:
            assert_ok(asked(first, second, flags))


def test_first_is_a_black_hole():
    for flags in ("", "r"):
        with BlackHole() as first, bed.responder() as second:
            answer = assert_ok(asked(first, second, flags))
            assert answer["ms"] >= DEADLINE / 4, answer  # it was tried


def test_first_never_shakes_hands():
    for flags in ("", "r"):
        with bed.responder(lambda c: c.hang()) as first, bed.responder() as second:
            assert_ok(asked(first, second, flags))
            assert first.connections == 1


def test_first_is_slow():
    """Within the deadline, but not within its share."""
    def play(c):
        c.handshake()
        c.request()
        time.sleep(0.9 * DEADLINE / 1000)
        c.respond(RESPONSE)
    with bed.responder(play) as first, bed.responder() as second:
        answer = assert_ok(asked(first, second))
        assert first.requests == 1 and second.requests == 1
        assert answer["ms"] < 0.9 * DEADLINE, answer
    with bed.responder(play) as first, bed.responder() as second:
        assert_ok(asked(first, second, "", deadline=10 * DEADLINE))  # what is not repeated may wait
        assert first.requests == 1 and second.requests == 0


def test_first_dies_midway():
    for how in ("close", "reset"):
        for count in (0, 1, 30):
            def play(c):
                c.handshake()
                c.request()
                c.limit(count, how)
                c.respond(RESPONSE)
            with bed.responder(play) as first, bed.responder() as second:
                assert_ok(asked(first, second))
                assert first.requests == 1 and second.requests == 1


def test_what_is_not_repeatable_is_sent_once():
    def dies(c):
        c.handshake()
        c.request()
        c.close()

    def hangs(c):
        c.handshake()
        c.request()
        c.hang()

    def babbles(c):
        c.handshake()
        c.request()
        c.respond(b"babble, babble, babble")
        c.hang()
    for play, status in ((dies, "E_KMS_UNREACHED"), (hangs, "E_KMS_UNREACHED"),
                         (babbles, "E_FORMAT")):
        with bed.responder(play) as first, bed.responder() as second:
            answer = asked(first, second, "", deadline=1000)
            assert_failed(answer, status, "not known", first.endpoint, "List the keys",
                          deadline=1000)
            assert first.requests == 1 and second.connections == 0
            assert second.endpoint not in answer["message"]


def test_what_is_not_repeatable_goes_elsewhere_before_it_is_sent():
    with bed.responder(lambda c: c.close()) as first, bed.responder() as second:
        assert_ok(asked(first, second, ""))
        assert first.connections == 1 and second.requests == 1


def test_first_is_no_kmip():
    with bed.responder(lambda c: c.serve(b"no KMIP in here")) as first, bed.responder() as second:
        assert_ok(asked(first, second))


def test_first_shows_a_wrong_certificate():
    for flags in ("", "r"):
        with bed.responder(certificate="server-foreign") as first, bed.responder() as second:
            assert_ok(asked(first, second, flags))
            assert first.requests == 0


def test_both_are_dead():
    with Dead() as first, Dead() as second:
        answer = asked(first, second)
        assert_failed(answer, "E_KMS_UNREACHED", first.endpoint, second.endpoint, "refused",
                      deadline=DEADLINE)
    with BlackHole() as first, bed.responder(lambda c: c.hang()) as second:
        answer = asked(first, second, deadline=1000)
        assert_failed(answer, "E_KMS_UNREACHED", first.endpoint, second.endpoint, deadline=1000)
        assert second.connections == 1


def test_the_most_telling_is_told():
    """That a certificate is refused is for somebody to mend: it comes first, and is the status."""
    with Dead() as first, bed.responder(lambda c: c.serve(b"no KMIP in here")) as second, \
            bed.responder(certificate="server-expired") as third, bed.host() as h:
        h.new(endpoints=f"{first.endpoint},{second.endpoint},{third.endpoint}", deadline=20000)
        answer = assert_failed(h.ask("r", REQUEST), "E_REFUSED", first.endpoint, second.endpoint,
                               "expired")
        places = [answer["message"].index(r.endpoint) for r in (third, first, second)]
        assert places[0] < min(places[1:]), answer


def test_eight_endpoints_are_all_named():
    with bed.host() as h:
        names = [f"a-rather-long-name-of-a-host-{i}.invalid:{i + 1}" for i in range(8)]
        h.new(endpoints=",".join(names), deadline=60000)
        assert_failed(h.ask("r", REQUEST), "E_KMS_UNREACHED", *[n.split(":")[0] for n in names])


def test_back_off():
    """The first dies, is left alone for a while, then asked again, and used when it is back."""
    alive = [False]

    def play(c):
        if not alive[0]:
            c.close()
        c.serve()
    with bed.responder(play) as first, bed.responder() as second, bed.host() as h:
        h.new(endpoints=f"{first.endpoint},{second.endpoint}", pause=400, deadline=60000)
        for _ in range(10):
            assert_ok(h.ask("r", REQUEST))
        assert first.connections < 4, first.connections
        assert second.requests == 10 and second.handshakes == 1
        before = first.connections
        time.sleep(2)  # longer than the pause after three failures
        assert_ok(h.ask("r", REQUEST))
        assert first.connections == before + 1 and second.requests == 11
        alive[0] = True
        time.sleep(4)
        assert_ok(h.ask("r", REQUEST))
        assert_ok(h.ask("r", REQUEST))
        assert first.requests == 2 and second.requests == 11


def test_paused_is_not_given_up():
    """Where all have failed, all are asked again at once: a restart takes a second."""
    alive = [False]

    def play(c):
        if not alive[0]:
            c.close()
        c.serve()
    with bed.responder(play) as only, Dead() as dead, bed.host() as h:
        h.new(endpoints=f"{dead.endpoint},{only.endpoint}", pause=60000)
        assert_failed(h.ask("r", REQUEST), "E_KMS_UNREACHED")
        alive[0] = True
        assert_ok(h.ask("r", REQUEST))


def test_several_exchanges_share_the_deadline():
    def play(c):
        c.handshake()
        while True:
            c.request()
            time.sleep(0.4)
            c.respond(RESPONSE)
    with bed.responder(play) as r, bed.host() as h:
        h.new(endpoints=r.endpoint, deadline=3000)
        h.command("begin")
        took, answer = 0, {"status": "OK"}
        while answer["status"] == "OK":
            answer = h.exchange("r", REQUEST)
            took += answer["ms"]
        assert_failed(answer, "E_KMS_UNREACHED")
        assert 2000 < took < 3000 * bed.GENEROUS
        assert_failed(h.exchange("r", REQUEST), "E_KMS_UNREACHED", "were over")
        h.command("end")
        assert_ok(h.ask("r", REQUEST))


if __name__ == "__main__":
    tap.run(globals())
