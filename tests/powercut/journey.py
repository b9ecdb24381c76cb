"""Whole runs of the program one after the other, with nothing synced between them but what they sync
themselves; each keeps its journal and the world that it began in, so that it can be replayed.

    journey = Journey(tree)
    leg = journey.run("full", "backup", root / "repo", disk, content=data)
    for call, label, tree, fault in leg.states(): ...     fault: the promise that it breaks, or None
    for call, waiting in leg.syncs():
        leg.breaks(call)                                  would one be broken without this sync?
"""
import copy
import os
import re
import shutil
from pathlib import Path

import faults
from jobs import listed, program, put
from promises import OBJECT, Promises, Truth, hidden
from replay import World


def short(path):
    """Without what is drawn and what time it is."""
    path = re.sub(r"[0-9a-f]{32,64}", "ID", path)
    path = re.sub(r"\d{8}T\d{6}Z", "TIME", path)
    path = re.sub(r"(chains/)?default-[0-9a-f]{16}", "CHAIN", path)
    path = re.sub(r"(tmp/ID)\..*", r"\1", path)
    return re.sub(r"new-\d+|(?<=\.(?:ini|pem|pin)\.)[a-z2-7]{6}$", "NEW", path)


class Leg:
    """One run. before: the world that it began in. promises: what holds under way; after: what holds
    once it has ended well, None where it did not."""

    def __init__(self, name, before, done, promises, after):
        self.name = name
        self.before = before
        self.done = done
        self.promises = promises
        self.after = after

    def worlds(self, dropped=frozenset()):
        """(call, the world behind it), for each call after which a cut may leave something else.
        dropped: numbers of syncs that are not made."""
        world = copy.deepcopy(self.before)
        for call in self.done.calls:
            if call.n not in dropped and world.apply(call):
                yield call, world

    def states(self, dropped=frozenset(), whole=False):
        """(call or "the end", what was lost, tree, the promise that it breaks or None). whole: also
        those that differ in writes under way only."""
        seen = set()
        for call, world in self.worlds(dropped):
            for label, tree in world.after_cut(seen, whole):
                yield call, label, tree, self.promises.broken(tree)
        if self.after:
            yield from self._end(world)

    def _end(self, world):
        """Once more, because more is promised now."""
        for label, tree in world.after_cut():
            yield "the end", label, tree, self.after.broken(tree)

    def syncs(self):
        """(call, what it has to make durable)"""
        world = copy.deepcopy(self.before)
        for call in self.done.calls:
            if call.kind in ("fsync", "fdatasync") and call.well:
                yield call, world.waiting(call)
            world.apply(call)

    def breaks(self, *dropped):
        """Some state breaks a promise where these syncs are not made. The end is looked at first:
        most are missed there."""
        numbers = frozenset(c.n for c in dropped)
        *_, (_, world) = self.worlds(numbers)
        at_the_end = self._end(world) if self.after else ()
        return (any(fault for *_, fault in at_the_end)
                or any(fault for *_, fault in self.states(numbers)))

    def breaks_from(self, call):
        """The same, where nothing is synced there any more from this call on."""
        return self.breaks(*(c for c, _ in self.syncs() if c.n >= call.n and c.ino == call.ino))


class Journey:
    """In a bed of its own, from a tree on."""

    def __init__(self, tree):
        self.bed = faults.Bed(None)
        self.root = self.bed.root
        self.contents = {}  # path of a point: what was backed up
        self._begin(tree, {})

    def _begin(self, tree, lists):
        put(self.root, tree)
        self.world = World(self.root, hidden)
        self.truth = Truth(self.world.tree(), lists)
        self.floor = self.world.tree()

    def back(self, leg, more=()):
        """To where a run began, everything durable. more: files that are there besides."""
        tree = leg.before.tree() | dict(more)
        last = max([int(Path(p).stem) for p in tree if OBJECT.match(p) and "/meta/" in p], default=0)
        self._begin(tree, {n: x for n, x in leg.promises.truth.lists.items() if n <= last})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bed.__exit__()

    def replace(self, name, data):
        """Somebody else's work, and durable."""
        path = self.root / name
        path.write_bytes(data)
        self.world.nodes[path.stat().st_ino].durable = self.floor[name] = data
        self.truth.learn(name, data)

    def source(self, name, data):
        """A file outside of what is watched."""
        path = self.bed.top / name
        path.write_bytes(data)
        return path

    def run(self, name, *words, **how):
        return self.run_other(name, lambda root: program(root, *words), **how)

    def run_other(self, name, command, content=None, plan="", mended=False, may_refuse=False):
        """command(root) -> list of words. content: what it backs up. plan: what goes wrong; then it
        may fail, or it is its end. mended: where it ends well, then as if nothing had gone wrong."""
        before = copy.deepcopy(self.world)
        done = self.bed.run(plan, command=command, data=True)
        assert done.status == 0 or plan or may_refuse, f"{name}: {done}"
        self._take(done)
        assert self.world.tree() == self.bed.files(), f"{name}: the replay shows other files"
        leg = Leg(name, before, done, Promises(self.truth, self.floor), None)
        if content is not None:
            self.contents |= {p: content for p in self.truth.points() - self.contents.keys()}
        if done.status == 0:
            leg.after = self._all_promised() if mended or not plan else self._committed()
        return leg

    def _take(self, done):
        had = len(self.world.named)
        for call in done.calls:
            self.world.apply(call)
            if call.kind in ("link", "rename") and call.result == 0 and "/meta/" in call.to:
                self._catalogue(call.to)
        for path, node in self.world.named[had:]:
            self.truth.learn(path, node.bytes())

    def _all_promised(self):
        """All that is there stays, and a point that was there and is not was said to be freed. What
        a job clears away besides may come back."""
        tree = {p: d for p, d in self.world.tree().items() if not hidden(p)}
        gone = self.truth.points() & self.floor.keys() - tree.keys()
        self.floor = tree
        return Promises(self.truth, tree, gone)

    def _committed(self):
        """The job has ended well though something failed: no more is said than that its point is
        there."""
        tree = self.world.tree()
        self.floor |= {p: tree[p] for p in self.truth.points() & tree.keys()}
        return Promises(self.truth, self.floor)

    def _catalogue(self, meta):
        """Which points the metadata lists that has just got its name, by the program's own word.
        Where there is no configuration yet, there is no point."""
        number = int(Path(meta).stem)
        points = [] if number == 1 else self._apart(self.world.tree())
        self.truth.lists[number] = frozenset(
            "repo/" + p["object"] for p in points if "unlisted" not in p["flags"])

    def _apart(self, tree):
        """list, in a state of earlier."""
        away = self.bed.top / "away"
        os.rename(self.root, away)
        put(self.root, tree)
        points = listed(self.root)
        shutil.rmtree(self.root)
        os.rename(away, self.root)
        return points
