"""Programs under libfaultfs.so that make their calls one at a time, in an order that somebody chooses.

    with turns.Race(root, [Player("a", words, env), Player("b", ...)], border) as race:
        race.step("a")        until its next border; what it touched is race.trace[-1]
        race.finish("b")      to its end

Between two borders a program goes on alone. What a call reads and changes of a folder, a name, a lock or the
bytes below tmp/ is its footprint; two steps of which neither changes what the other one touches come out the same
in either order."""
import fcntl
import json
import os
import re
import socket
import subprocess
from typing import NamedTuple

import faults

PATIENCE = 120  # seconds for one call; reached by a program that hangs only


class Footprint(NamedTuple):
    reads: frozenset
    writes: frozenset

    def __or__(self, other):
        return Footprint(self.reads | other.reads, self.writes | other.writes)

    def __bool__(self):
        return bool(self.reads or self.writes)


NOTHING = Footprint(frozenset(), frozenset())
ALL = Footprint(frozenset(), frozenset({"all"}))  # done besides by somebody who is not watched


def collide(f, g):
    if "all" in f.writes or "all" in g.writes:
        return True
    return bool(f.writes & g.writes or f.writes & g.reads or f.reads & g.writes)


class Call(dict):
    """What a program is about to do. Paths are relative to the repository, "(deleted)" taken off."""
    __getattr__ = dict.__getitem__

    @property
    def folder(self):
        """meta, points, tmp, or whatever it lies in."""
        return os.path.basename(os.path.dirname(self.path))

    @property
    def waits(self):
        """It comes back when the lock is its own."""
        return self.kind == "lock" and not self.offset & (fcntl.LOCK_NB | fcntl.LOCK_UN)

    @property
    def creates(self):
        return self.kind == "open" and bool(self.offset & os.O_CREAT)

    def __str__(self):
        text = f"{self.kind} {self.path}" + (f" -> {self.to}" if self.to else "")
        return re.sub(r"chains/[^/ ]*/", "", re.sub(r"([0-9a-f]{6})[0-9a-f]{26}", r"\1", text))


class Names:
    """Names as they are in every run: what is made meanwhile is called by its maker, since its own name is drawn."""

    def __init__(self):
        self.given = {}
        self.counts = {}

    def of(self, path):
        return self.given.get(path, path)

    def give(self, who, path):
        if path not in self.given and "/meta/" not in path:
            kind = re.search(r"-(full|incr|keys)-", path)
            kind = kind[1] if kind else "tmp"
            n = self.counts[who, kind] = self.counts.get((who, kind), 0) + 1
            self.given[path] = f"{os.path.dirname(path)}/{who}'s {kind} {n}"

    def footprint(self, who, call):
        if call.creates:
            self.give(who, call.path)
        if call.to:
            self.give(who, call.to)
        path, to = self.of(call.path), self.of(call.to)
        entry = {("name", path), ("folder", os.path.dirname(path))}
        if call.creates or call.kind in ("unlink", "mkdir"):
            return Footprint(frozenset(), frozenset(entry))
        if call.kind in ("link", "rename"):
            into = {("name", to), ("folder", os.path.dirname(to))}
            return Footprint(frozenset({("name", path)}),
                             frozenset(into | (entry if call.kind == "rename" else set())))
        if call.kind in ("lock", "close"):
            return Footprint(frozenset(), frozenset({("lock", path)}))
        if call.kind == "write":  # of a file under way others read the headers, which are its first write
            return Footprint(frozenset(), frozenset({("bytes", path)} if not call.offset else set()))
        if call.kind == "read":
            return Footprint(frozenset({("bytes", path)}), frozenset())
        if call.kind == "list":  # the root is opened so on each way down, and never listed
            return NOTHING if path == "." else Footprint(frozenset({("folder", path)}), frozenset())
        bytes_too = {("bytes", path)} if call.kind == "open" and call.folder == "tmp" else set()
        return Footprint(frozenset({("name", path)} | bytes_too), frozenset())


class Player:
    """before: done at once with its first step, in which the program only starts."""

    def __init__(self, who, words, env, before=None):
        self.who, self.words, self.env, self.before = who, words, env, before
        self.process = self.lines = self.end = self.border = self.status = None
        self.next, self.touches = None, NOTHING

    @property
    def over(self):
        return self.status is not None

    def start(self, root):
        self.root = root
        self.end, theirs = socket.socketpair()
        self.end.settimeout(PATIENCE)
        env = dict(self.env, LD_PRELOAD=faults.FAULTFS, FAULTFS_ROOT=str(root), FAULTFS_GATE=str(theirs.fileno()))
        with theirs:
            self.process = subprocess.Popen(self.words, env=env, pass_fds=[theirs.fileno()], text=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=subprocess.STDOUT)
        self.lines = self.end.makefile("rb")
        self.hear()

    def hear(self):
        line = self.lines.readline()
        if line:
            self.next = Call(json.loads(line))
            for key in ("path", "to"):
                self.next[key] = os.path.relpath(self.next[key].removesuffix(" (deleted)"),
                                                 self.root) if self.next[key] else ""
            return
        self.next = None
        self.output = self.process.communicate(timeout=PATIENCE)[0]
        self.status = self.process.returncode
        self.end.close()

    def go(self):
        self.end.send(b"g")
        self.hear()

    def stop(self):
        if self.process and not self.over:
            self.process.kill()
            self.process.communicate(timeout=PATIENCE)
            self.end.close()


class Event(NamedTuple):
    who: str
    touched: Footprint
    text: str


class Race:
    """border: called with each player's name, gives a function of a call and its footprint: does a step begin
    here? watch: called after each step."""

    def __init__(self, root, players, border, watch=lambda: None):
        self.root, self.watch = root, watch
        self.players = {p.who: p for p in players}
        self.names = Names()
        self.trace, self.past = [], []
        self.locks = {}  # inode: who
        self.known = {p.who: 0 for p in players}  # for orders.py
        for p in players:
            p.border = border(p.who)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.players.values():
            p.stop()

    @property
    def over(self):
        return all(p.over for p in self.players.values())

    def other(self, who):
        return next(p for p in self.players.values() if p.who != who)

    def can(self):
        """Who may go on: nobody is sent to wait for a lock of the other one."""
        return [p.who for p in self.players.values() if not p.over and not (
            p.next and p.next.waits and self.locks.get(p.next.ino, p.who) != p.who)]

    def step(self, who):
        p = self.players[who]
        text = str(p.next) if p.process else "starts"
        touched = self.pass_gate(p) if p.process else self.begin(p)
        while who in self.can() and p.next and not p.border(p.next, p.touches):
            touched |= self.pass_gate(p)
        self.trace.append(Event(who, touched, text))
        try:
            self.watch()
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.story()}") from e

    def begin(self, p):
        if p.before:
            p.before()
        p.start(self.root)
        self.look_ahead(p)
        return ALL if p.before else NOTHING

    def pass_gate(self, p):
        touched = p.touches
        if p.next.kind == "lock":
            self.locks.setdefault(p.next.ino, p.who)
        if p.next.kind == "close" and self.locks.get(p.next.ino) == p.who:
            del self.locks[p.next.ino]
        p.go()
        self.look_ahead(p)
        return touched

    def look_ahead(self, p):
        p.touches = self.names.footprint(p.who, p.next) if p.next else NOTHING

    def steps(self, who, count):
        """As many, or as many as there are."""
        while count and who in self.can():
            self.step(who)
            count -= 1

    def finish(self, who):
        """The other one goes on only where he holds what is waited for."""
        while not self.players[who].over:
            self.step(who if who in self.can() else self.other(who).who)

    def settle(self):
        """What was done until now is how all orders begin."""
        self.past, self.trace = self.past + self.trace, []

    def story(self):
        return "\n".join(f"{n:4} {e.who}: {e.text}" for n, e in enumerate(self.past + self.trace))


# -- borders

def each_call(_):
    return lambda call, touched: bool(touched)


class Steps:
    """Those of a job: it changes what others see (a temporary file counts where it is a point's), or it looks.
    A look goes on while it only reads, until it lists meta/ by itself, or tmp/, or another folder after tmp/; a
    walk through the whole repository is a part of it. What follows tmp/ up to the next change belongs to that
    look: a new file is made where tmp/ was found clean."""

    def __init__(self, _):
        self.before = None
        self.tmp = False
        self.points = set()  # temporary files that have become one

    def __call__(self, call, touched):
        before, self.before = self.before, call
        if call.kind == "link":
            self.points |= {call.path} if re.search("-(full|incr)-", call.to) else set()
            return True
        if call.kind == "unlink":
            return call.folder != "tmp" or call.path in self.points
        return call.kind == "list" and call.path != "." and self.begins_look(before, call)

    def begins_look(self, before, call):
        name = os.path.basename(call.path)
        walks = before and before.kind == "look" and before.path == call.path
        after_tmp = self.tmp and not walks
        self.tmp = name == "tmp" or (self.tmp and walks)
        return name == "tmp" or (name == "meta" and not walks) or after_tmp


class Between:
    """The borders of another one from where first(call) says yes, up to the one after which last(call) does: what
    comes before and after is one step each."""

    def __init__(self, border, first, last=lambda call: False):
        self.border, self.first, self.last = border, first, last
        self.begun = self.ending = self.ended = False

    def __call__(self, call, touched):
        here = self.border(call, touched)
        begins = not self.begun and self.first(call)
        self.begun = self.begun or begins
        if self.ended or not self.begun:
            return False
        self.ended = here and self.ending
        self.ending = self.ending or self.last(call)
        return here or begins
