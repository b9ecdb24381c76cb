#!/usr/bin/python3
"""Whole operations through the public headers, against endpoints that die at any of their requests,
answer another one, or answer late."""
import bed
import tap
from bed import assert_failed, assert_ok
from paper import OPERATION, Paper, operation
from responder import BlackHole, Dead

BATCH_ID = bytes.fromhex("42009308" "00000004")
CREATE_KEY_PAIR = 2
DEADLINE = 20000


def unwrap(h, paper, count=1):
    return h.command("unwrap", paper.wrapped, paper.fingerprint, count)


def opened(h, *responders, **options):
    files = {k: v for k, v in h.files.items()}
    words = {**files, "endpoints": ",".join(r.endpoint for r in responders), "deadline": DEADLINE,
             **options}
    assert_ok(h.command("open", *[f"{k}={v}" for k, v in words.items()]))


def dies_at(paper, number, how="close", after=False):
    """The endpoint dies at its request of that number, and at all after it."""
    seen = []

    def play(c):
        c.handshake()
        while True:
            request = c.request()
            seen.append(request)
            if len(seen) > number:
                if after:
                    c.limit(10, how)
                    c.respond(paper.answer(request))
                getattr(c, how)()
            c.respond(paper.answer(request))
    return play


def test_first_dies_at_each_request():
    with Paper() as paper, bed.host() as h:
        for number in range(6):
            for how, after in (("close", False), ("reset", True)):
                with bed.responder(dies_at(paper, number, how, after)) as first, \
                        bed.responder(lambda c: c.serve(paper.answer)) as second:
                    opened(h, first, second)
                    for count in (1, 1, 5, 1):
                        assert_ok(unwrap(h, paper, count))
                    assert second.requests > 0 or first.requests <= number
                    h.command("close")


def test_first_hangs_at_each_request():
    """The second is asked while there is time, and within one deadline for all requests."""
    with Paper() as paper, bed.host() as h:
        for number in range(4):
            with bed.responder(dies_at(paper, number, "hang")) as first, \
                    bed.responder(lambda c: c.serve(paper.answer)) as second:
                opened(h, first, second, deadline=4000)
                assert_ok(unwrap(h, paper))
                assert_ok(unwrap(h, paper, 5))
                assert second.requests > 0
                h.command("close")


def test_first_is_gone():
    for gone in (Dead, BlackHole):
        with Paper() as paper, gone() as first, bed.host() as h, \
                bed.responder(lambda c: c.serve(paper.answer)) as second:
            opened(h, first, second, deadline=8000)
            for _ in range(5):
                assert_ok(unwrap(h, paper))
            assert second.handshakes == 1


def test_one_connection_for_all():
    with Paper() as paper, bed.host() as h, \
            bed.responder(lambda c: c.serve(paper.answer)) as r:
        opened(h, r)
        assert_ok(unwrap(h, paper))
        before = r.requests
        for _ in range(20):
            assert_ok(unwrap(h, paper))
        assert r.requests == before + 20 and r.handshakes == 1
        assert_ok(unwrap(h, paper, 50))
        assert r.requests == before + 21 and r.handshakes == 1


def spoiled(paper, number, spoil):
    """The answer of that number, and of no other, is spoiled. number counts all connections."""
    seen = []

    def answer(request):
        seen.append(request)
        good = paper.answer(request)
        return spoil(good, seen) if len(seen) == number + 1 else good
    return lambda c: c.serve(answer)


def test_answer_to_another_request():
    """Of another operation, another version, another item: refused, and that connection closed."""
    def other_operation(good, _):
        at = good.index(OPERATION) + len(OPERATION)
        return good[:at] + (11 if operation(good) != 11 else 10).to_bytes(4, "big") + good[at + 4:]

    with Paper() as paper, bed.host() as h:
        for number in range(4):
            with bed.responder(spoiled(paper, number, other_operation)) as r:
                opened(h, r)
                answer = unwrap(h, paper)
                used = r.handshakes
                assert answer["status"] != "OK" or used > 1, answer
                assert_ok(unwrap(h, paper))
                assert r.handshakes > 1, "a connection with a wrong answer was kept"
                h.command("close")


def test_stale_answers():
    """Each answer is that to the request before: nothing is taken for what it is not."""
    with Paper() as paper, bed.host() as h:
        last = []

        def answer(request):
            last.append(paper.answer(request))
            return last[-2] if len(last) > 1 else last[-1]
        with bed.responder(lambda c: c.serve(answer)) as r:
            opened(h, r)
            told = unwrap(h, paper)
            assert told["status"] != "OK" and told["message"], told


def test_wrong_batch_id():
    def other_item(good, _):
        at = good.index(BATCH_ID) + len(BATCH_ID)
        return good[:at] + b"\xff\xff\xff\xff" + good[at + 4:]

    with Paper() as paper, bed.host() as h:
        with bed.responder(lambda c: c.serve(paper.answer)) as r:
            opened(h, r)
            assert_ok(unwrap(h, paper))
            number = r.requests
            assert_ok(unwrap(h, paper, 4))
            assert r.requests == number + 1
        with bed.responder(spoiled(paper, number, other_item)) as r:
            opened(h, r)
            assert_ok(unwrap(h, paper))
            assert unwrap(h, paper, 4)["status"] != "OK"
            assert_ok(unwrap(h, paper, 4))
            assert r.handshakes == 2


def test_creation_is_not_repeated():
    """The KMS dies when it is asked for a key: whether there is one now, nobody knows."""
    def play(c):
        c.handshake()
        while True:
            request = c.request()
            if operation(request) == CREATE_KEY_PAIR:
                c.close()
            c.respond(paper.answer(request))
    asked = []

    def answer(request):
        asked.append(operation(request))
        return paper.answer(request)
    with Paper() as paper, bed.host() as h, bed.responder(play) as first, \
            bed.responder(lambda c: c.serve(answer)) as second:
        opened(h, first, second)
        assert_failed(h.command("create", "new"), "E_KMS_UNREACHED", "not known", "List the keys")
        assert CREATE_KEY_PAIR not in asked


if __name__ == "__main__":
    tap.run(globals())
