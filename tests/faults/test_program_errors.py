#!/usr/bin/python3
"""The whole program when a call fails: no room, a quota, a file that is too long at each write; each
sync; each link. A job that fails leaves the chain as it was, says why, and the next run works. And on
a disk that is full what frees space still works."""
import json
import os

import faults
import tap
from jobs import PROGRAM, call, home, init, keystores, listed, program, put, sample

BLOCK = 65536
TEXT = {"ENOSPC": "No space left on device", "EDQUOT": "Disk quota exceeded", "EFBIG": "File too large",
        "EIO": "Input/output error", "EEXIST": "File exists", "EOPNOTSUPP": "Operation not supported"}
STATUS = {"ENOSPC": "E_NO_SPACE", "EDQUOT": "E_NO_SPACE", "EFBIG": "E_LIMIT"}


class Start:
    """A chain with a stream, and a disk in two points; and one key version more than it knows."""

    def __init__(self):
        self.bed = faults.Bed(None)
        self.root = self.bed.root
        self.contents = {}
        first, second = keystores(2)
        put(self.root, home(first))
        call(self.root, *init(self.root))
        self.disk = bytearray(os.urandom(3 * BLOCK))
        self.back_up(1, "--stream")
        self.back_up(2)
        self.back_up(3)
        self.disk[7] ^= 0xff
        self.next = self.source(4)
        self.tree = self.bed.files()
        self.rotated = self.tree | {"ks/keystore": second}

    def source(self, number):
        path = self.bed.top / f"source-{number}"
        path.write_bytes(self.disk)
        self.contents[number] = bytes(self.disk)
        return path

    def back_up(self, number, *more):
        self.disk[BLOCK + number] ^= 0xff
        call(self.root, "backup", self.root / "repo", self.source(number), *more)

    def run(self, words, plan="", room=None):
        return self.bed.run(plan, room=room, command=lambda root: program(root, *words, "--json"))


class Job:
    """One kind of job. points: numbers before and after it."""

    def __init__(self, tree, words, before, after):
        self.tree = tree
        self.words = [str(START.root / w) if w == "repo" else w for w in words]
        self.before = before
        self.after = after

    def run(self, plan="", room=None):
        put(START.root, self.tree)
        return START.run(self.words, plan, room)

    def calls(self, kind):
        return sum(c.kind == kind for c in self.run().calls)

    def check(self, plan, done):
        """Before or after the job, nothing between; and the next run brings it to its end."""
        numbers = [p["number"] for p in listed(START.root)]
        assert numbers in (self.before, self.after), f"{plan}: {numbers}"
        assert numbers == self.after or done.status, f"{plan}: it has not been done, and was said to be"
        if numbers == self.before:
            call(START.root, *self.words)
        call(START.root, "refresh", START.root / "repo")
        points = listed(START.root)
        assert [p["number"] for p in points] == self.after, f"{plan}: then {points}"
        assert not [p for p in points if p["flags"]], f"{plan}: then {points}"
        call(START.root, "verify", START.root / "repo")
        call(START.root, "restore", START.root / "repo", "-o", START.root / "out", "--force")
        assert (START.root / "out").read_bytes() == START.contents[self.after[-1]], plan
        assert not list(START.root.glob("repo/chains/*/tmp/*")), plan


def said(plan, done):
    """A person learns what failed: in the error, or in a warning of a job that has ended well all the
    same. What only clears away may fail unsaid."""
    error = plan.split("@")[0].removeprefix("lie:")
    answer = json.loads(done.output)
    lines = [w["message"] for w in answer["warnings"]]
    if done.status:
        lines.append(answer["error"]["message"])
        status = answer["error"]["status"]
        assert "pin" in lines[-1] or status in (None, STATUS.get(error, status)), (plan, answer["error"])
    assert not done.status or any(TEXT[error] in line for line in lines), f"{plan}: {lines}"


def plans(job, errors, kind, about):
    """Each error at each call of the kind, or some of all these."""
    count = job.calls(kind)
    return sample([f"{e}@{kind}:{k}" for e in errors for k in range(1, count + 1)], about)


def all_ways(job):
    chosen = plans(job, ("ENOSPC", "EDQUOT", "EFBIG"), "write", 6)
    chosen += plans(job, ("EIO",), "fsync", 4)
    chosen += plans(job, ("EIO", "lie:EEXIST", "EOPNOTSUPP"), "link", 3)
    for plan in chosen:
        done = job.run(plan)
        assert done.status in (0, 1, 5), f"{plan}: {done}"
        said(plan, done)
        job.check(plan, done)
    tap.note(" ".join(chosen))


def increment():
    return Job(START.tree, ["backup", "repo", START.next], [1, 2, 3], [1, 2, 3, 4])


def refresh():
    return Job(START.rotated, ["refresh", "repo"], [1, 2, 3], [1, 2, 3])


def forget():
    return Job(START.tree, ["forget", "repo", "--point", "2", "--point", "3"], [1, 2, 3], [1])


def test_increment():
    all_ways(increment())


def test_refresh_after_a_rotation():
    all_ways(refresh())


def test_forget():
    all_ways(forget())


def test_restore():
    """The file is there whole, or not at all; that its name is perhaps not durable is said."""
    out = START.root / "out"
    job = Job(START.tree, ["restore", "repo", "-o", out], None, None)
    for kind, errors in (("write", ("ENOSPC", "EDQUOT", "EFBIG")), ("fsync", ("EIO",)),
                         ("truncate", ("EIO",)), ("rename", ("EIO",))):
        for plan in plans(job, errors, kind, 6):
            done = job.run(plan)
            said(plan, done)
            assert done.status == 1, f"{plan}: {done}"
            assert not out.exists() or out.read_bytes() == START.contents[3], plan
            assert out.exists() == ("may not be on disk yet" in done.output), f"{plan}: {done}"
            assert not out.with_name("out.partial").exists(), plan


def metadata():
    return sorted(START.root.glob("repo/chains/*/meta/*.env"))


def stored():
    return sum(p.stat().st_size for p in START.root.glob("repo/chains/**/*.env"))


def test_full_disk_on_which_points_are_forgotten():
    """Old metadata makes room for the tombstones, and what they free takes the next point."""
    job = forget()
    before = sum(len(d) for p, d in job.tree.items() if p.endswith(".env"))
    assert job.run(room=0).status == 0
    assert [p["number"] for p in listed(START.root)] == [1]
    assert len(metadata()) == 3, "the newest two, and the one behind them"
    done = START.run(["backup", str(START.root / "repo"), str(START.next)], room=before - stored())
    assert done.status == 0, done
    call(START.root, "verify", START.root / "repo")


def test_full_disk_after_a_rotation():
    done = refresh().run(room=0)
    assert done.status == 0, done
    newest = json.loads(done.output)["sealed_for"]
    assert [key["version"] for key in newest] == [2], done
    call(START.root, "verify", START.root / "repo")


def test_full_disk_says_how_much_is_missing():
    job = forget()
    job.run()
    takes = metadata()[-1].stat().st_size
    done = job.run("ENOSPC@write:1+")
    message = json.loads(done.output)["error"]["message"]
    assert done.status == 1 and f"metadata 5 takes about {takes} bytes" in message, done
    job.check("full", done)
    done = increment().run(room=50000)
    message = json.loads(done.output)["error"]["message"]
    assert done.status == 1 and "there was room for 50000 bytes of it" in message, done


if __name__ == "__main__":
    faults.need()
    if not PROGRAM:
        tap.skip_all("the program is not built (option tools)")
    START = Start()
    tap.run(globals(), after=START.bed.__exit__)
