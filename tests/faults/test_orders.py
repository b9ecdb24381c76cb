#!/usr/bin/python3
"""The search of orders.py, against all orders one by one: programs of a few steps that touch one thing or another.
Orders that differ in independent steps only are tried once, and of the others none is left out."""
import itertools
import random

import orders
import tap
import turns

PROGRAMS = 200


class Play:
    """A race of two that only say what they touch."""

    def __init__(self, steps):
        self.left = {who: list(s) for who, s in steps.items()}
        self.trace = []
        self.known = {who: 0 for who in steps}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def can(self):
        return [who for who, s in self.left.items() if s]

    @property
    def over(self):
        return not self.can()

    def step(self, who):
        self.trace.append(turns.Event(who, self.left[who].pop(0), ""))

    def steps(self, who, count):
        while count and self.left[who]:
            self.step(who)
            count -= 1

    def finish(self, who):
        self.steps(who, -1)


def drawn(seed):
    rng = random.Random(seed)

    def footprint():
        thing = frozenset({rng.randrange(2)})
        return rng.choice((turns.NOTHING, turns.Footprint(thing, frozenset()), turns.Footprint(frozenset(), thing)))
    return {who: [footprint() for _ in range(rng.randrange(1, 7))] for who in "ab"}


def meaning(trace):
    """What an order comes to: of all steps that touch each other, which comes first."""
    numbered, count = [], {"a": 0, "b": 0}
    for e in trace:
        numbered.append((e.who, count[e.who], e.touched))
        count[e.who] += 1
    return frozenset((one[:2], other[:2]) for one, other in itertools.combinations(numbered, 2)
                     if one[0] != other[0] and turns.collide(one[2], other[2]))


def played(steps, order):
    play = Play(steps)
    for who in order:
        play.step(who)
    return meaning(play.trace)


def every_meaning(steps, orders_):
    return {played(steps, order) for order in orders_}


def all_orders(a, b):
    for places in itertools.combinations(range(a + b), a):
        yield ["a" if n in places else "b" for n in range(a + b)]


def test_all_of_them_once():
    several = 0
    for seed in range(PROGRAMS):
        steps, tried = drawn(seed), []
        orders.Interleavings(lambda: Play(steps), lambda play: tried.append(meaning(play.trace))).run()
        wanted = every_meaning(steps, all_orders(len(steps["a"]), len(steps["b"])))
        assert set(tried) == wanted and len(tried) == len(wanted), (seed, len(tried), len(wanted))
        several += len(wanted) > 5
    assert several > PROGRAMS // 10, several


def test_at_most_two_switches():
    for seed in range(PROGRAMS):
        steps, tried = drawn(seed), set()
        orders.all_within_two_switches(lambda: Play(steps), lambda play: tried.add(meaning(play.trace)), "a", "b")
        a, b = len(steps["a"]), len(steps["b"])
        wanted = every_meaning(steps, ([*"a" * i, *"b" * j, *"a" * (a - i), *"b" * (b - j)]
                                       for i in range(a + 1) for j in range(b + 1)))
        assert tried == wanted, (seed, len(tried), len(wanted))


def test_a_lock_is_waited_for():
    """Where one must not go on, the other one does, and nothing else is lost."""
    lock = turns.Footprint(frozenset(), frozenset({"lock"}))

    class Locked(Play):
        """Each takes the lock, does something, and gives it back."""

        def can(self):
            inside = [who for who, s in self.left.items() if len(s) in (1, 2)]
            return [who for who in super().can() if who in inside or not inside]

    tried = []
    steps = {who: [lock, turns.NOTHING, lock] for who in "ab"}
    orders.Interleavings(lambda: Locked(steps), lambda play: tried.append("".join(e.who for e in play.trace))).run()
    assert sorted(tried) == ["aaabbb", "bbbaaa"], tried


if __name__ == "__main__":
    tap.run(globals())
