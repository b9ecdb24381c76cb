#!/usr/bin/python3
"""The directory store when its calls fail, lie, or are the last that its process makes: an object is
there whole, or not at all, and the next run finds its way."""
import os
import re

import faults
import tap

STEPS = os.environ.get("STORE_STEPS", "")
CHAIN = "chains/web01-3f9a0c5b77d1e204"
ID = "0123456789abcdef" * 2
LEAF = f"20260411T221503Z-full-{ID}.env"
POINT = f"{CHAIN}/points/{LEAF}"
META = f"{CHAIN}/meta/00000000000000000001.env"
BYTES = 2000


def content(name, size=BYTES):
    return (name * (size // len(name) + 1))[:size].encode()


def steps(*words):
    return lambda root: [STEPS, str(root / "repo"), *words]


PUT = steps(f"put={POINT}:{BYTES}")


def bed(command=PUT):
    return faults.Bed(command)


def objects(b):
    """Names of all files outside tmp/."""
    return {p.removeprefix("repo/"): d for p, d in b.files().items() if "/tmp/" not in p}


def leftovers(b):
    return [p for p in b.files() if "/tmp/" in p]


def assert_none_or_whole(b, what):
    found = objects(b)
    assert found in ({}, {POINT: content(POINT)}), f"{what}: {list(found)}"
    return bool(found)


def assert_next_run_works(b, what):
    then = b.run()
    there = then.status == 0 or "E_EXISTS" in then.errors
    assert there and objects(b) == {POINT: content(POINT)}, f"{what}: then {then}"
    assert not leftovers(b), f"{what}: {leftovers(b)}"


def assert_refused(b, run, status, what=""):
    assert run.status == 1 and run.errors.startswith(status + ":"), f"{what}: {run}"
    assert objects(b) == {} and not leftovers(b), f"{what}: {b.files().keys()}"


def changes(run):
    """What a run did to files and folders, in order, in short; tmp/ names without host and pid."""
    kept = ("write", "fsync", "fdatasync", "link", "rename", "unlink", "mkdir")
    out = []
    for c in run.calls:
        if c.kind in kept:
            path = re.sub(r"(tmp/\w+)\..*", r"\1", c.path)
            word = f"{c.kind} {path}" + (f" -> {c.to}" if c.to else "")
            if not (out and out[-1] == word and c.kind == "write"):
                out.append(word)
    return out


def test_order():
    """Write, fsync, link, fsync of the folder, and only then the temporary name goes."""
    temp = f"repo/{CHAIN}/tmp/{ID}"
    with bed() as b:
        done = b.fresh()
        assert done.status == 0, done
        assert changes(done) == [
            "mkdir repo",
            "fsync .",
            "mkdir repo/chains",
            "fsync repo",
            f"mkdir repo/{CHAIN}",
            "fsync repo/chains",
            f"mkdir repo/{CHAIN}/points",
            f"fsync repo/{CHAIN}",
            f"mkdir repo/{CHAIN}/tmp",
            f"write {temp}",
            f"fsync {temp}",
            f"link {temp} -> repo/{POINT}",
            f"fsync repo/{CHAIN}/points",
            f"unlink {temp}",
        ], "\n".join(changes(done))
        created = [c for c in done.calls if c.kind == "open" and c.created]
        assert len(created) == 1, "one file is made, and it is the temporary one"
        lock = next(c for c in done.calls if c.kind == "lock")
        assert created[0].n < lock.n < next(c.n for c in done.calls if c.kind == "write")
        closed = [c.n for c in done.calls if c.kind == "close" and c.ino == created[0].ino]
        unlinked = next(c.n for c in done.calls if c.kind == "unlink")
        assert closed[-1] > unlinked, "the lock is held until the temporary name is gone"


def test_order_when_folders_are_there():
    """Folders on the way are synced also when another run made them: it may have died."""
    with bed() as b:
        b.fresh(command=steps(f"put={CHAIN}/points/other.env:10"))
        done = [c.path for c in b.run().calls if c.kind == "fsync" and "/tmp/" not in c.path]
        assert done == [".", "repo", "repo/chains", f"repo/{CHAIN}", f"repo/{CHAIN}/points"], done


def test_every_256_mib():
    mib = 1 << 20
    with bed(steps(f"put={POINT}:{257 * mib}")) as b:
        done = b.fresh()
        assert done.status == 0, done
        early = [c.n for c in done.calls if c.kind == "fdatasync"]
        last = [c.n for c in done.calls if c.kind == "write"][-1]
        assert len(early) == 1 and early[0] > last, done
    with bed(steps(f"put={POINT}:{255 * mib}")) as b:
        assert not [c for c in b.fresh().calls if c.kind == "fdatasync"]


def test_no_hard_links():
    for error in ("EPERM", "EOPNOTSUPP", "ENOSYS"):
        with bed() as b:
            done = b.fresh(f"{error}@link:1+")
            assert done.status == 0 and objects(b) == {POINT: content(POINT)}, done
            assert not leftovers(b)
            last = [c for c in done.calls if c.kind in ("fsync", "rename")][-3:]
            assert [c.kind for c in last] == ["fsync", "rename", "fsync"], done
            assert last[1].call == "renameat2" and last[2].path == f"repo/{CHAIN}/points", done
            again = b.run(f"{error}@link:1+")
            assert "E_EXISTS" in again.errors and objects(b) == {POINT: content(POINT)}, again


def test_neither_links_nor_renames():
    for error in ("EINVAL", "ENOSYS", "EPERM", "EOPNOTSUPP"):
        with bed() as b:
            done = b.fresh(f"EPERM@link:1+ {error}@rename:1+")
            assert_refused(b, done, "E_REFUSED", error)
            assert len(done.errors.splitlines()) == 1, done
            assert [c.call for c in done.calls if c.kind == "rename"] == ["renameat2"], done
            assert_next_run_works(b, error)


def test_lies_about_success():
    for plan in ("lie:EEXIST@link:1", "lie:EIO@link:1", "lie:EPERM@link:1",
                 "EPERM@link:1 lie:EEXIST@rename:1", "EPERM@link:1 lie:EIO@rename:1"):
        with bed() as b:
            done = b.fresh(plan)
            assert done.status == 0 and objects(b) == {POINT: content(POINT)}, (plan, done)
            assert not leftovers(b)
            last = [c for c in done.calls if c.kind == "fsync"][-1]
            assert last.path == f"repo/{CHAIN}/points", (plan, done)


def test_a_name_is_given_once():
    with bed() as b:
        b.fresh()
        inode = os.stat(b.root / "repo" / POINT).st_ino
        again = b.run(command=steps(f"put={POINT}:10"))
        assert "E_EXISTS" in again.errors, again
        assert objects(b) == {POINT: content(POINT)} and not leftovers(b)
        assert os.stat(b.root / "repo" / POINT).st_ino == inode


def test_failed_fsync():
    """Final for that file, whichever it is: trying again would be told OK."""
    with bed() as b:
        count = b.count("fsync")
        assert count == 6, count
        for k in range(1, count + 1):
            done = b.fresh(f"EIO@fsync:{k}")
            if k > 1:
                assert_refused(b, done, "E_IO", k)
            assert done.status == 1 and len([c for c in done.calls if c.kind == "fsync"]) == k
            assert_next_run_works(b, k)


def test_folder_that_cannot_be_synced():
    """EINVAL: some file systems know no fsync of a folder. Of a file all do."""
    with bed() as b:
        fsyncs = [c for c in b.fresh().calls if c.kind == "fsync"]
        for k, c in enumerate(fsyncs, 1):
            done = b.fresh(f"EINVAL@fsync:{k}")
            file = "/tmp/" in c.path
            assert (done.status == 1) == file, (k, done)
            assert bool(objects(b)) != file, k


def test_failed_close():
    with bed() as b:
        calls = b.fresh().calls
        synced = next(c.n for c in calls if c.kind == "fsync" and "/tmp/" in c.path)
        linked = next(c.n for c in calls if c.kind == "link")
        between = [c for c in calls if synced < c.n < linked and c.kind == "close"]
        assert len(between) == 1, "a close is asked before the name is given"
        done = b.fresh(f"EIO@{between[0].n}")
        assert_refused(b, done, "E_IO")


def test_full_at_each_write():
    kinds = {"ENOSPC": "E_NO_SPACE", "EDQUOT": "E_NO_SPACE", "EFBIG": "E_LIMIT", "EIO": "E_IO"}
    with bed() as b:
        count = b.count("write")
        assert count == 3, count
        for error, status in kinds.items():
            for k in range(1, count + 1):
                for ever in ("", "+"):
                    assert_refused(b, b.fresh(f"{error}@write:{k}{ever}"), status, (error, k))
            assert_next_run_works(b, error)
        for plan in ("ENOSPC@mkdir:1", "ENOSPC@mkdir:3", "ENOSPC@link:1"):
            done = b.fresh(plan)
            assert done.status == 1 and not objects(b), (plan, done)
        for k in range(2, b.count("mkdir") + 1):
            assert_refused(b, b.fresh(f"ENOSPC@mkdir:{k}+"), "E_NO_SPACE", k)


def test_short_and_interrupted_writes():
    with bed() as b:
        for plan in ("half@write:1+", "EINTR@write:1", "EINTR@write:2 half@write:3"):
            done = b.fresh(plan)
            assert done.status == 0 and objects(b) == {POINT: content(POINT)}, (plan, done)


def test_each_call_fails():
    """Once, and from there on: success and the whole object, or an error and none."""
    with bed() as b:
        numbers = b.numbers()
        tap.note(f"{len(numbers)} calls, each fails once and for ever")
        for n in numbers:
            for plan in (f"EIO@{n}", f"EIO@{n}+"):
                done = b.fresh(plan)
                assert done.status in (0, 1), (plan, done)
                there = assert_none_or_whole(b, plan)
                # a folder that could not be synced, and the name not be taken back
                undone = plan.endswith("+") and any(c.kind == "link" and c.well for c in done.calls)
                assert there == (done.status == 0) or undone, (plan, done)
            assert_next_run_works(b, n)


def test_killed_between_any_two_calls():
    with bed() as b:
        numbers = b.numbers()
        tap.note(f"killed before and after each of {len(numbers)} calls")
        seen = set()
        for n in numbers:
            for when in ("before", "after"):
                done = b.fresh(f"kill-{when}@{n}")
                assert done.killed, (n, when, done)
                seen.add((assert_none_or_whole(b, (n, when)), bool(leftovers(b))))
                if done.said(f"put {POINT} OK"):
                    assert objects(b), "what was reported is there"
                assert_next_run_works(b, (n, when))
        assert seen == {(False, False), (False, True), (True, True), (True, False)}, seen


def test_killed_twice():
    """The run that cleans is killed too."""
    with bed() as b:
        write = b.count("write")
        b.fresh(f"kill-after@write:{write}")
        left = b.files()
        for n in [c.n for c in b.run().calls]:
            b.clear()
            b.run(f"kill-after@write:{write}")
            assert len(leftovers(b)) == len(left) == 1
            b.run(f"kill-after@{n}")
            assert_none_or_whole(b, n)
            assert_next_run_works(b, n)


def test_progress_cleans():
    with bed() as b:
        b.fresh("kill-after@write:1")
        assert len(leftovers(b)) == 1
        done = b.run(command=steps(f"progress={CHAIN}/"))
        assert done.status == 0 and "under-way" not in done.output and not leftovers(b), done


def test_remove():
    words = steps(f"put={POINT}:{BYTES}", f"remove={POINT}")
    with bed(words) as b:
        done = b.fresh()
        assert done.status == 0 and not objects(b), done
        assert changes(done)[-2:] == [f"unlink repo/{POINT}", f"fsync repo/{CHAIN}/points"], done
        for error, status in {"EIO": "E_IO", "EPERM": "E_REFUSED", "EACCES": "E_REFUSED"}.items():
            done = b.fresh(f"{error}@unlink:2")
            assert done.errors.startswith(status) and objects(b), (error, done)
        syncs = b.count("fsync")
        assert b.fresh(f"EIO@fsync:{syncs}").errors.startswith("E_IO")


def test_overwrite():
    words = steps(f"put={POINT}:{BYTES}", f"change={POINT}:100:50")
    changed = content(POINT)[:100] + b"#" * 50 + content(POINT)[150:]
    with bed(words) as b:
        done = b.fresh()
        assert done.status == 0 and objects(b) == {POINT: changed}, done
        assert changes(done)[-2:] == [f"write repo/{POINT}", f"fdatasync repo/{POINT}"], done
        assert [c.path for c in done.calls if c.kind == "lock"][-1] == f"repo/{POINT}", done
        assert b.fresh("EIO@fdatasync:1").errors.startswith("E_IO")
        assert b.fresh("ENOSPC@write:4").errors.startswith("E_NO_SPACE")
        assert objects(b) == {POINT: content(POINT)}


def test_listing_makes_durable():
    """A writer builds on what it has seen."""
    with bed(steps(f"put={POINT}:10", f"put={META}:10", f"list={CHAIN}/")) as b:
        done = b.fresh()
        after = [str(c) if c.said else c.path for c in done.calls if c.kind in ("fsync", "say")]
        seen = after.index(f"say saw {META} OK")
        assert set(after[seen - 3:seen]) == {f"repo/{CHAIN}", f"repo/{CHAIN}/points",
                                             f"repo/{CHAIN}/meta"}, after
        failed = b.fresh(f"EIO@fsync:{b.count('fsync')}")
        assert failed.errors.startswith("E_IO") and "saw" not in failed.output, failed


if __name__ == "__main__":
    faults.need()
    tap.run(globals())
