#!/usr/bin/python3
"""The embedded keystore when its calls fail or are the last that its process makes: the file is the
old one or the new one, whole, and on disk before it is said to be."""
import os

import faults
import tap

STEPS, KEYS = os.environ.get("KEYSTORE_STEPS", ""), os.environ.get("TEST_KEYS", "")
CHANGES = ("write", "fsync", "fdatasync", "link", "rename", "unlink", "mkdir")


def steps(*numbers):
    keys = [f"{KEYS}/pool-{n:02}.pem" for n in numbers]
    return lambda root: [STEPS, str(root), *keys]


def changes(run):
    out = []
    for c in run.calls:
        if c.kind in CHANGES and c.well:
            word = f"{c.kind} {c.path}" + (f" -> {c.to}" if c.to else "")
            if not (out and out[-1] == word):
                out.append(word)
    return out


def test_order():
    """Write, fsync, rename, fsync of the folder; then it is said."""
    replaced = ["write ks/keystore.new", "fsync ks/keystore.new",
                "rename ks/keystore.new -> ks/keystore", "fsync ks"]
    with faults.Bed(steps(1)) as b:
        done = b.fresh()
        assert done.status == 0, done
        assert changes(done) == ["mkdir ks", "fsync ."] + 2 * replaced, "\n".join(changes(done))
        last = [c for c in done.calls if c.kind == "fsync"][-1]
        said = next(c for c in done.calls if c.said == "import 1 OK\n")
        calls = list(done.calls)
        assert calls.index(last) < calls.index(said), done


def test_each_step_fails():
    with faults.Bed(steps(1)) as b:
        for kind in ("write", "fsync", "rename", "mkdir"):
            for k in range(1, b.count(kind) + 1):
                done = b.fresh(f"EIO@{kind}:{k}")
                assert done.status == 1 and done.errors.startswith("E_IO"), (kind, k, done)
                again = b.run(command=steps(2))
                assert again.status == 0, (kind, k, again)


def test_killed_between_any_two_calls():
    """The next run opens it, and what was reported is in it."""
    with faults.Bed(steps(1)) as b:
        numbers = b.numbers()
        tap.note(f"killed after each of {len(numbers)} calls")
        for n in numbers:
            done = b.fresh(f"kill-after@{n}")
            assert done.killed, (n, done)
            again = b.run(command=steps(1))
            if done.said("import 1 OK"):
                assert again.errors.startswith("E_EXISTS"), (n, again)
            else:
                assert again.status == 0 or again.errors.startswith("E_EXISTS"), (n, again)


if __name__ == "__main__":
    faults.need()
    tap.run(globals())
