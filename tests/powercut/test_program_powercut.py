#!/usr/bin/python3
"""The whole program when the power is cut, after any call of any job: what it has said stays, nothing is
there in part, nothing is used that is not there, and the next run goes on from every state. And each
sync is needed for that, or is named here with the reason why it is not."""
import os
from pathlib import Path

import faults
import tap
from jobs import PROGRAM, call, home, init, keystores, listed, put, sample
from journey import Journey, short
from promises import OBJECT, SECTION, State

BLOCK = 65536
STREAM, LAST = b"stream " * 3000, b"last " * 5

# Syncs without which no state breaks a promise. "+" came, "-" went. Whatever came is synced once more
# before anything is built on it, by the next listing or by the next object in the same folder; what
# went (metadata and keys copies behind which there is enough) may come back.
POINTS = "repo/CHAIN/points"
PINS = "home/.local/state/envelope"
FULL, INCREMENT = f"{POINTS} +TIME-full-ID.env", f"{POINTS} +TIME-incr-ID.env"
KEYS, OLD_KEYS = f"{POINTS} +TIME-keys-ID.env", f"{POINTS} -TIME-keys-ID.env"
NEEDLESS = {
    "init": ["home +.local", "repo +tmp +README.txt", "repo +chains", "repo/chains +CHAIN",
             "repo/CHAIN +meta", f"{PINS} +NEW.pin.NEW +NEW.pin -NEW.pin.NEW"],
    "stream": [FULL, KEYS],
    "full": [FULL, KEYS, OLD_KEYS],
    "increment": [INCREMENT, KEYS, OLD_KEYS],
    "rotated": [f"{PINS} +ID.pin.NEW +ID.pin -ID.pin.NEW", KEYS, OLD_KEYS, INCREMENT, KEYS],
    "refresh": [KEYS, OLD_KEYS],
    "forget": [],
    "ninth": [FULL, "repo/CHAIN/meta -00000000000000000001.env", KEYS],
}


class Jobs:
    """One of each kind, on one repository; disk is what the last image was."""

    def __init__(self):
        self.keystores = keystores(3)
        self.journey = Journey(home(self.keystores[0]))
        self.legs = {}
        self.words = {}
        self.disk = bytearray(os.urandom(3 * BLOCK))

    def run(self, name, *words, **more):
        self.words[name] = words
        self.legs[name] = self.journey.run(name, *words, **more)

    def backup(self, name):
        self.disk[BLOCK + 7:BLOCK + 17] = name.rjust(10).encode()[:10]
        source = self.journey.source(name, self.disk)
        self.run(name, "backup", self.journey.root / "repo", source, content=bytes(self.disk))

    def stream(self, name, data):
        source = self.journey.source(name, data)
        self.run(name, "backup", self.journey.root / "repo", source, "--stream", content=data)

    def again(self, name, plan, mended=False):
        """The same job from where it began, where something goes wrong."""
        self.journey.back(self.legs[name])
        return self.journey.run(name, *self.words[name], plan=plan, mended=mended)

    def next(self, name):
        """Once more, behind one that died: it may find that all is done, and refuse."""
        return self.journey.run(name, *self.words[name], may_refuse=True)

    def all(self):
        root = self.journey.root
        self.run("init", *init(root))
        self.stream("stream", STREAM)
        self.backup("full")
        self.backup("increment")
        self.journey.replace("ks/keystore", self.keystores[1])
        self.backup("rotated")
        self.journey.replace("ks/keystore", self.keystores[2])
        self.run("refresh", "refresh", root / "repo")
        self.run("forget", "forget", root / "repo", "--point", "2", "--point", "3", "--point", "4")
        self.stream("ninth", STREAM)
        return self


def assert_kept(leg, states=None, what=""):
    bad = [f"{leg.name} {what}: cut after {c}: {label}: {f}"
           for c, label, _, f in states or leg.states() if f]
    assert not bad, "\n".join(bad[:5])


def test_each_state_keeps_the_promises():
    count = 0
    for leg in JOBS.legs.values():
        states = list(leg.states())
        count += len(states)
        assert_kept(leg, states)
    tap.note(f"{count} states")


def described(sync, waiting):
    return " ".join([short(sync.path), *map(short, waiting)])


def test_each_sync_is_needed():
    for name, leg in JOBS.legs.items():
        every = list(leg.syncs())
        syncs = [(sync, waiting) for sync, waiting in every if waiting]
        needless = [(sync, waiting) for sync, waiting in syncs if not leg.breaks(sync)]
        tap.note(f"{name}: {len(every)} syncs, {len(syncs)} with something to do, "
                 f"{len(syncs) - len(needless)} needed each by itself")
        found = [described(*x) for x in needless]
        assert found == NEEDLESS[name], f"{name}: {found}"
        for sync, waiting in needless:
            came = [w for w in waiting if w.startswith("+")]
            assert not came or leg.breaks_from(sync), described(sync, waiting)


def test_sync_of_a_point_that_is_not_listed():
    """The job has ended well, and its point is safe: here no listing comes that syncs it again."""
    leg = JOBS.legs["full"]
    linked = next(c.n for c in leg.done.calls if c.kind == "link" and "/points/" in c.to)
    syncs = [c for c in leg.done.calls if c.kind == "fsync"]
    point, listing = [k for k, c in enumerate(syncs, 1) if c.n > linked][:2]
    again = JOBS.again("full", f"EIO@fsync:{listing}+")
    assert again.done.status == 0 and "not listed yet" in again.done.errors, again.done
    assert_kept(again)
    sync = [c for c in again.done.calls if c.kind == "fsync"][point - 1]
    assert sync.path.endswith("/points") and again.breaks(sync), sync


def test_after_a_run_that_died():
    """Its changes are not durable. Whatever a cut leaves of them and of the next run, it holds."""
    for name in ("init", "rotated", "refresh", "forget"):
        calls = [c for c in JOBS.legs[name].done.calls
                 if c.kind in ("link", "rename", "mkdir", "unlink") and c.well]
        numbers = sample([c.n for c in calls], 4)
        for n in numbers:
            died = JOBS.again(name, f"kill-after@{n}")
            assert died.done.killed, (name, n, died.done)
            assert_kept(died, what=f"killed after {n}")
            assert_kept(JOBS.next(name), what=f"after one killed after {n}")
        tap.note(f"{name}: killed after {len(numbers)} of {len(calls)} changes")


def failures(leg):
    """Plans: each sync of a file fails, and some of the rest."""
    syncs = [waiting == ["bytes"] for _, waiting in leg.syncs()]
    calls = {k: sum(c.kind == k for c in leg.done.calls) for k in ("link", "rename", "unlink")}
    rest = [f"EIO@fsync:{k}" for k, file in enumerate(syncs, 1) if not file]
    rest += [f"EIO@{kind}:{k}" for kind, n in calls.items() for k in range(1, n + 1)]
    return [f"EIO@fsync:{k}" for k, file in enumerate(syncs, 1) if file] + sample(rest, 3)


def test_when_calls_fail():
    """A job that fails, or takes another way, keeps all promises in each state, too. What a file's
    sync failed for stays in doubt, whatever the next one says."""
    for name in ("increment", "rotated", "forget"):
        plans = failures(JOBS.legs[name])
        for plan in plans:
            assert_kept(JOBS.again(name, plan), what=plan)
        for plan in ("EPERM@link:1+", "lie:EEXIST@link:1+"):
            leg = JOBS.again(name, plan, mended=True)
            assert leg.done.status == 0, leg.done
            assert_kept(leg, what=plan)
        tap.note(f"{name}: {', '.join(plans)}")


def configure(root):
    """What init says to do where the power went between its chain and its configuration."""
    config = root / "home/.config/envelope/envelope.ini"
    if config.exists() and SECTION.search(config.read_bytes()):
        return
    again = call(root, *JOBS.words["init"], status=None)
    if again.returncode:
        assert "there is a chain named default already" in again.stderr, again
        said = call(root, "list", root / "repo", status=2).stderr
        section = said[said.index("[chain."):said.index("[kms.")].replace("KMS-ID/KEY-NAME", "lab/vm")
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f"{section}[kms.lab]\ntype = keystore\ndir = {root}/ks\n"
                          f"passphrase-file = {root}/pass\n")
        config.chmod(0o600)


def assert_opens(leg, tree):
    """Every point of the state, bit for bit; then one more, and all is well."""
    root = JOBS.journey.root
    put(root, tree)
    configure(root)
    state = State(leg.promises.truth, tree)
    there = {p for p in tree if OBJECT.match(p) and state.truth.of(p).what == "point"
             and not state.may_be_gone(p)}
    points = listed(root)
    assert {f"repo/{p['object']}" for p in points} == there, points
    for point in points:
        call(root, "restore", root / "repo", "--point", point["number"], "-o", root / "out", "--force")
        assert (root / "out").read_bytes() == JOBS.journey.contents[f"repo/{point['object']}"], point
    call(root, "backup", root / "repo", JOBS.journey.source("last", LAST), "--stream")
    points = listed(root)
    assert len(points) == len(there) + 1 and not [p for p in points if p["flags"]], points
    chain = Path(points[-1]["object"]).parent.parent
    assert not list((root / "repo" / chain).glob("tmp/*"))
    call(root, "verify", root / "repo")


def test_states_open():
    for leg in JOBS.legs.values():
        states = list(leg.states(whole=True))
        chosen = sample(states, 2)
        for cut, label, tree, _ in chosen:
            try:
                assert_opens(leg, tree)
            except AssertionError as e:
                raise AssertionError(f"{leg.name}: cut after {cut}: {label}") from e
        tap.note(f"{leg.name}: {len(chosen)} of {len(states)} states")


if __name__ == "__main__":
    faults.need()
    if not PROGRAM:
        tap.skip_all("the program is not built (option tools)")
    JOBS = Jobs().all()
    tap.run(globals(), after=JOBS.journey.__exit__)
