#!/usr/bin/python3
"""The directory store when the power is cut: whatever the file system then shows, every object that
was reported is there and whole, and no object is there in part. And each fsync is needed for that:
without it, some state after some cut breaks the promise."""
import os

import faults
import tap
from replay import World

STEPS = os.environ.get("STORE_STEPS", "")
CHAIN = "chains/web01-3f9a0c5b77d1e204"
ID = "0123456789abcdef" * 2
POINT = f"{CHAIN}/points/20260411T221503Z-full-{ID}.env"
META = f"{CHAIN}/meta/00000000000000000001.env"
README = "README.txt"
BYTES = 9000  # several writes, and more than two large sectors


def content(name, size=BYTES):
    return (name * (size // len(name) + 1))[:size].encode()


def steps(*words):
    return lambda root: [STEPS, str(root / "repo"), *words]


def put(*names):
    return steps(*(f"put={n}:{BYTES}" for n in names))


class Promises:
    """What was reported so far, and which contents an object may have."""

    def __init__(self):
        self.made = set()
        self.allowed = {}

    def hear(self, line):
        verb, name, status = line.split()
        if (verb, status) in (("put", "OK"), ("put", "E_EXISTS")):
            self.made.add(name)
        if verb == "saw":
            self.made.add(name)
        if verb == "change" and status == "OK":
            self.allowed[name] = [self.changed(name)]
        if verb == "remove" and status == "OK":
            self.made.discard(name)

    @staticmethod
    def changed(name):
        whole = content(name)
        return whole[:100] + b"#" * 50 + whole[150:]

    def broken(self, tree):
        """The first promise that a state breaks, or None."""
        objects = {p.removeprefix("repo/"): d for p, d in tree.items() if "/tmp/" not in p}
        for name in sorted(self.made - objects.keys()):
            return f"{name} is gone"
        for name, data in objects.items():
            if data not in self.allowed.get(name, [content(name)]):
                return f"{name} is there in part: {len(data)} bytes"
        return None


class Cut:
    """Runs one after the other with no sync of all between them, each cut after each of its calls."""

    def __init__(self, bed):
        self.bed = bed
        bed.clear()
        self.world = World(bed.root)
        self.promises = Promises()
        self.states = 0
        self.broken = []

    def run(self, command, plan=""):
        done = self.bed.run(plan, command=command, data=True)
        self._check("before all")
        for call in done.calls:
            self.world.apply(call)
            if call.said:
                self.promises.hear(call.said)
            self._check(call)
        return done

    def _check(self, call):
        for label, tree in self.world.after_cut():
            self.states += 1
            what = self.promises.broken(tree)
            if what:
                self.broken.append(f"cut after {call}: {label}: {what}")


def assert_whole(cut):
    assert not cut.broken, "\n".join(cut.broken[:5])


def needless_syncs(command, before=None):
    """Paths of the syncs without which all promises are kept all the same. before: (command, plan)
    of a run that came before, in which all syncs work; they are not needed a second time, and their
    paths are returned too."""
    with faults.Bed(command) as bed:
        earlier = set()

        def cut_with(plan):
            cut = Cut(bed)
            if before:
                earlier.update(c.path for c in cut.run(*before).calls if c.kind == "fsync")
            return cut, cut.run(command, plan)

        cut, done = cut_with("")
        assert_whole(cut)
        tap.note(f"{cut.states} states, once more for each sync")
        needless = []
        for kind in ("fsync", "fdatasync"):
            syncs = [c for c in done.calls if c.kind == kind]
            for k, call in enumerate(syncs, 1):
                dropped, then = cut_with(f"drop@{kind}:{k}")
                assert [c.note for c in then.calls if c.kind == kind][k - 1] == "dropped"
                if not dropped.broken:
                    needless.append(call.path)
        return needless, earlier


def test_model():
    """The replayer itself: what was written is what the disk has, when everything is kept."""
    with faults.Bed(steps(f"put={POINT}:{BYTES}", f"put={META}:10", f"change={POINT}:100:50",
                          f"remove={META}")) as bed:
        bed.clear()
        world = World(bed.root)
        for call in bed.run(data=True).calls:
            world.apply(call)
        assert world.tree() == bed.files()
        assert World(bed.root).tree() == bed.files()
        assert bed.files()[f"repo/{POINT}"] == Promises.changed(POINT)


def test_one_object():
    with faults.Bed(put(POINT)) as bed:
        cut = Cut(bed)
        done = cut.run(bed.command)
        assert done.status == 0 and POINT in cut.promises.made, done
        tap.note(f"{cut.states} states after {len(done.calls)} calls")
        assert_whole(cut)


def test_without_hard_links():
    for plan in ("EPERM@link:1", "lie:EEXIST@link:1"):
        with faults.Bed(put(POINT)) as bed:
            cut = Cut(bed)
            assert cut.run(bed.command, plan).status == 0
            assert_whole(cut)


def test_each_sync_of_a_first_object():
    needless, _ = needless_syncs(put(POINT))
    assert not needless, needless


def test_each_sync_outside_chains():
    needless, _ = needless_syncs(put(README))
    assert not needless, needless


def test_each_sync_after_a_run_that_died():
    """Whose folders are there, and not durable: killed right after each of its mkdirs."""
    for k in range(1, 5):
        needless, earlier = needless_syncs(put(POINT), (put(POINT), f"kill-after@mkdir:{k}"))
        assert len(earlier) == k - 1 and set(needless) == earlier, (k, needless, earlier)


def test_each_sync_of_an_object_that_is_there():
    """E_EXISTS is a promise too: whoever linked the object may have died before its fsync. Only our
    own file, which comes to nothing, needs none."""
    needless, earlier = needless_syncs(put(POINT), (put(POINT), "kill-after@link:1"))
    own = [p for p in needless if p not in earlier]
    assert len(own) == 1 and "/tmp/" in own[0], own
    assert f"repo/{CHAIN}/points" not in earlier


def test_sync_of_a_listing():
    """What was seen is built on."""
    needless, _ = needless_syncs(steps(f"list={CHAIN}/"), (put(POINT), "kill-after@link:1"))
    assert f"repo/{CHAIN}/points" not in needless, needless


def test_sync_of_an_overwrite():
    command = steps(f"change={POINT}:100:50")
    with faults.Bed(command) as bed:
        for plan, fine in (("", True), ("drop@fdatasync:1", False)):
            cut = Cut(bed)
            cut.run(put(POINT))
            # under way, either is right; afterwards only the new one
            cut.promises.allowed[POINT] = [content(POINT), Promises.changed(POINT)]
            assert cut.run(command, plan).status == 0
            assert (not cut.broken) == fine, (plan, cut.broken[:3])


def test_killed_then_run_then_cut():
    """A run killed after each call, then one that works, with the power cut at each point."""
    with faults.Bed(put(POINT)) as bed:
        states = 0
        for n in bed.numbers():
            cut = Cut(bed)
            assert cut.run(put(POINT), f"kill-after@{n}").killed
            cut.run(steps(f"list={CHAIN}/", f"put={META}:{BYTES}"))
            assert META in cut.promises.made
            assert_whole(cut)
            states += cut.states
        tap.note(f"{states} states")


if __name__ == "__main__":
    faults.need()
    tap.run(globals())
