"""Which orders of the steps of two programs are tried (turns.py).

begin() gives a Race in which nobody has moved, and judge(race) is called when both are at their end. Of orders
that differ only in steps that do not touch each other one is tried: what the programs see is the same in all of
them."""
import turns


def all_within_two_switches(begin, judge, first, second):
    """first goes i steps, second j steps, first to its end, second to its end: each i and j. The number tried."""
    return TwoSwitches(begin, judge, first, second).run()


def some_within_two_switches(begin, judge, first, second, count, rng):
    """As many of them, drawn."""
    draw = TwoSwitches(begin, judge, first, second)
    lengths = [len(draw.solo(who)) for who in (first, second)]
    for _ in range(count):
        draw.play(*(rng.randrange(n + 1) for n in lengths))


class TwoSwitches:
    def __init__(self, begin, judge, first, second):
        self.begin, self.judge, self.first, self.second = begin, judge, first, second
        self.tried = 0

    def play(self, i, j):
        """What the second one did in its j steps (None: all), and the first one afterwards."""
        with self.begin() as race:
            race.steps(self.first, i)
            at = len(race.trace)
            race.steps(self.second, j)
            middle = race.trace[at:]
            rest = len(race.trace)
            race.finish(self.first)
            after = [e.touched for e in race.trace[rest:] if e.who == self.first]
            race.finish(self.second)
            self.judge(race)
            self.tried += 1
            return [e.touched for e in middle], after

    def solo(self, who):
        with self.begin() as race:
            race.finish(who)
            return [e.touched for e in race.trace]

    def run(self):
        own = self.solo(self.first)
        least = 0  # with fewer steps of the second one the order is one of the row before
        middle = None
        for i in range(len(own) + 1):
            if i and middle is not None:
                least = next((k + 1 for k, f in enumerate(middle) if turns.collide(own[i - 1], f)), None)
            if least is not None:
                middle = self.row(i, least)
        return self.tried

    def row(self, i, least):
        """From the longest second part down: a step of it that touches nothing of what the first one does
        afterwards may as well come after that."""
        everything, after = self.play(i, -1)
        j = len(everything)
        while True:
            j = next((k for k in reversed(range(j)) if turns.collide(everything[k], after_all(after))), None)
            if j is None or j < least:
                return everything
            _, after = self.play(i, j)


def after_all(footprints):
    out = turns.NOTHING
    for f in footprints:
        out |= f
    return out


class Node:
    """A state: who went on from it, who else is to, and whose next step was tried already, there or from a state
    before with nothing in between that it touches."""

    def __init__(self, can, sleep):
        self.can = can
        self.sleep = dict(sleep)  # who: footprint of his next step
        self.todo = set()
        self.who = None
        self.touched = None

    def choose(self):
        free = [w for w in sorted(self.todo) if w in self.can and w not in self.sleep]
        self.who = free[0] if free else None
        return self.who

    def below(self):
        """Who sleeps after the step."""
        return {w: f for w, f in self.sleep.items() if w != self.who and not turns.collide(f, self.touched)}


class Interleavings:
    """All of them (dynamic partial order reduction: Flanagan and Godefroid 2005, with sleep sets). limit: of
    tries, None for no end."""

    def __init__(self, begin, judge, limit=None):
        self.begin, self.judge, self.limit = begin, judge, limit
        self.stack = []
        self.tried = self.abandoned = 0

    def run(self):
        self.one()
        while self.backtrack() and (self.limit is None or self.tried < self.limit):
            self.one()
        return self.tried

    def backtrack(self):
        while self.stack:
            node = self.stack[-1]
            node.sleep[node.who] = node.touched
            if node.choose():
                return True
            self.stack.pop()
        return False

    def one(self):
        with self.begin() as race:
            for node in self.stack:
                self.go(race, node)
            sleep = self.stack[-1].below() if self.stack else {}
            while not race.over:
                can = race.can()
                free = [w for w in can if w not in sleep]
                if not free:
                    self.abandoned += 1  # another order comes to the same
                    return
                node = Node(can, sleep)
                last = race.trace[-1].who if race.trace else free[0]
                node.todo.add(last if last in free else free[0])
                node.choose()
                self.stack.append(node)
                self.go(race, node)
                sleep = node.below()
            self.judge(race)
            self.tried += 1

    def go(self, race, node):
        race.step(node.who)
        node.touched = race.trace[-1].touched
        self.note_race(race)

    def note_race(self, race):
        """The last step of the other one that the newest touches, if nothing orders them otherwise: there the
        newest is to come first, too. Where it could not have (a lock), the same is asked further back."""
        newest = race.trace[-1]
        known = race.known[newest.who]  # up to where the other one's steps come before it anyway
        for k in reversed(range(known, len(race.trace) - 1)):
            event = race.trace[k]
            if event.who == newest.who or not turns.collide(event.touched, newest.touched):
                continue
            race.known[newest.who] = max(race.known[newest.who], k + 1)
            if newest.who in self.stack[k].can:
                self.stack[k].todo.add(newest.who)
                return
