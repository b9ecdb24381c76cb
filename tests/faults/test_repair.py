#!/usr/bin/python3
"""`verify --repair`, cut off between any two steps, within a write, and again while it repairs what that
left: every point reads all the time, and at the end each object is bit for bit as it was."""
import faults
import tap
from test_program import FIRST, PROGRAM, SECOND, Case, Start, call

COPY = 16384
REWRITES = ("write", "fdatasync")  # a listing syncs folders, too


def objects(root):
    return {p.name: p for p in sorted(root.glob("repo/chains/*/*/*.env"))}


class Damaged(Case):
    """Copy A of each second object, copy B of the others, and the tails of the points."""

    def __init__(self):
        super().__init__(START, "verify", "{root}/repo", "--repair")
        self.good = {name: path.read_bytes() for name, path in objects(START.root).items()}

    def damage(self):
        self.start.copy_to(self.bed.root)
        for n, path in enumerate(objects(self.bed.root).values()):
            data = bytearray(path.read_bytes())
            data[n % 2 * COPY + 300] ^= 1
            if "-full-" in path.name:
                data[-30] ^= 1
            path.write_bytes(data)

    def run(self, plan=""):
        self.damage()
        return self.again(plan)

    def again(self, plan):
        return self.bed.run(plan)

    def reads(self, what):
        root = self.bed.root
        for number, content in ((1, FIRST), (2, SECOND)):
            call(root, "restore", root / "repo", "--point", number, "-o", root / "out", "--force")
            assert (root / "out").read_bytes() == content, (what, number)

    def ends_well(self, what):
        done = self.again("")
        assert done.status == 0, (what, done)
        left = {name: path.read_bytes() for name, path in objects(self.bed.root).items()}
        assert left == self.good, [name for name in left if left[name] != self.good[name]]
        call(self.bed.root, "verify", self.bed.root / "repo")


def test_only_what_is_wrong_is_written():
    with Damaged() as case:
        done, _ = case.steps()
        kinds = [c.kind for c in done.calls if c.kind in (*REWRITES, "link", "rename", "unlink")]
        assert kinds == [*REWRITES] * (len(case.good) + 1), done
        assert all(c.offset in (0, COPY) or c.len == 64 for c in done.calls if c.kind == "write")
        case.ends_well("undisturbed")
        assert not [c for c in case.again("").calls if c.kind in REWRITES]


def plans(done):
    writes = [c for c in done.calls if c.kind == "write"]
    for k in range(1, len(writes) + 1):
        for plan in ("kill-before@write:K", "half@write:K kill-after@write:K", "kill-before@fdatasync:K"):
            yield plan.replace("K", str(k))


def test_cut_off_and_cut_off_again():
    with Damaged() as case:
        done, _ = case.steps()
        for i, plan in enumerate(plans(done)):
            cut = case.run(plan)
            assert cut.killed, (plan, cut)
            if i % 3 == 0:
                case.reads(plan)
            case.again("half@write:1 kill-after@write:1")
            if i % 3 == 1:
                case.reads(("again", plan))
            case.ends_well(plan)


def test_each_write_fails():
    with Damaged() as case:
        done, _ = case.steps()
        writes = sum(c.kind == "write" for c in done.calls)
        for k in range(1, writes + 1):
            for plan in (f"ENOSPC@write:{k}", f"EFBIG@write:{k}", f"EIO@fdatasync:{k}"):
                failed = case.run(plan)
                assert failed.status == 4 and "not repaired" in failed.output, (plan, failed)
                case.ends_well(plan)


if __name__ == "__main__":
    faults.need()
    if not PROGRAM:
        tap.skip_all("the program is not built (option tools)")
    START = Start(False)
    call(START.root, "backup", START.root / "repo", START.root / "two")
    try:
        tap.run(globals())
    finally:
        START.remove()
