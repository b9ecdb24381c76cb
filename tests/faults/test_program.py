#!/usr/bin/python3
"""The whole program, killed between any two steps of a backup and of a refresh, and when a step fails: every
committed point is there and reads, the next run lists it and cleans up, and the order of the steps is
that of docs/design.md."""
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import faults
import tap
from jobs import ALL, PROGRAM, call, program

FIRST, SECOND, THIRD = b"first" * 20000, b"second" * 10000, b"third" * 5
CHANGES = ("write", "fsync", "fdatasync", "link", "rename", "unlink", "mkdir")


class Start:
    """A home, a keystore with two versions to come, a chain with one point: made once, copied for each case."""

    def __init__(self, rotated):
        self.top = Path(tempfile.mkdtemp(prefix="faults-start-"))
        self.root = self.top / "bed"
        root = self.root
        (root / "home").mkdir(parents=True)
        self.secret("pass", "passphrase\n")
        for name, data in (("one", FIRST), ("two", SECOND), ("three", THIRD)):
            (root / name).write_bytes(data)
        passphrase = ("--passphrase-file", root / "pass")
        call(root, "keystore", "create", root / "ks", "--key", "vm", *passphrase)
        # the keystore is named as it will be named in every copy
        call(root, "init", root / "repo", "--kms",
             f"lab=keystore:{root / 'ks'},passphrase-file={root / 'pass'}", "--key", "lab/vm")
        call(root, "backup", root / "repo", root / "one")
        if rotated:
            call(root, "keystore", "rotate", root / "ks", "--key", "vm", *passphrase)

    def secret(self, name, text):
        path = self.root / name
        path.write_text(text)
        path.chmod(0o600)

    def copy_to(self, root):
        """The configuration names folders: they are the copy's from then on."""
        shutil.rmtree(root)
        shutil.copytree(self.root, root)
        for path in (root / "home").rglob("*.ini"):
            path.write_text(path.read_text().replace(str(self.root), str(root)))

    def remove(self):
        shutil.rmtree(self.top)


class Case:
    def __init__(self, start, *words):
        self.start = start
        self.words = words
        self.bed = faults.Bed(lambda root: program(root, *[str(w).format(root=root) for w in words]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bed.__exit__()

    def run(self, plan=""):
        self.start.copy_to(self.bed.root)
        return self.bed.run(plan)

    def steps(self):
        """Numbers of the calls that change something: a kill between two others shows nothing new."""
        done = self.run()
        assert done.status == 0, done
        return done, [c.n for c in done.calls if c.kind in CHANGES]

    def committed(self):
        points = self.bed.root.glob("repo/chains/*/points/*.env")
        return sorted(str(p) for p in points if "-keys-" not in p.name)

    def check(self, what, contents):
        """All committed points read, the next backup works, lists them all and leaves nothing behind."""
        root = self.bed.root
        before = len(self.committed())
        listed = json.loads(call(root, "list", root / "repo", "--json").stdout)
        assert len(listed["points"]) == before, f"{what}: {listed}"
        call(root, "backup", root / "repo", root / "three")
        points = json.loads(call(root, "list", root / "repo", "--json").stdout)["points"]
        assert len(points) == before + 1, f"{what}: {points}"
        for point, content in zip(points, contents[:before] + [THIRD]):
            assert not [f for f in point.get("flags", []) if f == "unlisted"], f"{what}: {point}"
            out = root / "out"
            call(root, "restore", root / "repo", "--point", point["number"], "-o", out, "--force")
            assert out.read_bytes() == content, f"{what}: point {point['number']}"
        assert not list(root.glob("repo/chains/*/tmp/*")), what
        call(root, "verify", root / "repo")


def sample(numbers):
    """Every one in the thorough run, about fifteen in the suite, the last ones always."""
    step = 1 if ALL else max(1, len(numbers) // 10)
    return sorted(set(numbers[::step]) | set(numbers[-6:]))


def killed(case, contents):
    _, numbers = case.steps()
    chosen = sample(numbers)
    tap.note(f"{len(numbers)} changes, killed before each of {len(chosen)}")
    seen = set()
    for n in chosen:
        done = case.run(f"kill-before@{n}")
        assert done.killed, (n, done)
        seen.add(len(case.committed()))
        case.check(n, contents)
    return seen


def short(call_):
    path = re.sub(r"[0-9a-f]{32}", "ID", call_.path)
    path = re.sub(r"\d{8}T\d{6}Z", "TIME", path)
    path = re.sub(r"(default|tmp)[-/][0-9a-f]{16}", r"\1", path)
    path = re.sub(r"(tmp/\w+)\..*", r"\1", path)
    to = re.sub(r"\d{8}T\d{6}Z", "TIME", re.sub(r"[0-9a-f]{32}", "ID", call_.to or ""))
    return f"{call_.kind} {path}" + (f" -> {to.split('/')[-2]}/{to.split('/')[-1]}" if to else "")


def commits(done):
    """For each object that got its name: (its folder and kind of name, number of the link, writes before,
    number of the file's fsync, number of the folder's fsync)."""
    out = []
    for c in done.calls:
        if c.kind != "link" or not c.well:
            continue
        temp, folder = c.path, str(Path(c.to).parent)
        writes = [x.n for x in done.calls if x.kind == "write" and x.path == temp]
        synced = [x.n for x in done.calls if x.kind == "fsync" and x.path == temp and x.n < c.n]
        named = [x.n for x in done.calls if x.kind == "fsync" and x.path == folder and x.n > c.n]
        kind = "meta" if "/meta/" in c.to else "keys" if "-keys-" in c.to else "point"
        out.append((kind, c.n, writes, synced, named))
    return out


def assert_each_durable(done):
    found = commits(done)
    assert found, done
    for kind, link, writes, synced, named in found:
        assert writes and synced and max(writes) < max(synced) < link, (kind, done)
        assert named, (kind, done)
    return found


def pin_saved(done, before):
    """The last rename of a pin before a call, or None."""
    saved = [c.n for c in done.calls if c.kind == "rename" and str(c.to).endswith(".pin") and c.n < before]
    return max(saved, default=None)


def test_order_of_a_backup():
    """Point, then metadata that lists it, then the keys copy; the pin has it as pending before its name."""
    with Case(PLAIN, "backup", "{root}/repo", "{root}/two") as case:
        done, _ = case.steps()
        found = assert_each_durable(done)
        assert [kind for kind, *_ in found] == ["point", "meta", "keys"], found
        for (_, _, _, _, named), (_, link, *_rest) in zip(found, found[1:]):
            assert min(named) < link, "each folder is synced before the next object gets its name"
        point = found[0]
        pin = pin_saved(done, point[1])
        assert pin and pin > max(point[2]), "the pin is saved between the last byte and the name"


def test_order_of_a_refresh():
    """New generation: metadata first, the pin, then its keys copy; no point is touched."""
    with Case(ROTATED, "refresh", "{root}/repo") as case:
        done, _ = case.steps()
        found = assert_each_durable(done)
        assert [kind for kind, *_ in found] == ["meta", "keys"], found
        meta, keys = found
        pin = pin_saved(done, keys[1])
        assert min(meta[4]) < pin < keys[1], "the pin follows durable metadata, before anything uses it"
        opened = [c for c in done.calls if c.kind == "open" and "-full-" in c.path]
        assert not opened, "no point is opened"


def test_refresh_opens_no_point():
    """As the kernel saw it: strace, on a chain of 10 GiB in the thorough run."""
    if not shutil.which("strace"):
        tap.note("SKIP no strace: the journal above has shown it on a small chain only")
        return
    size = (10 << 30) if ALL else (16 << 20)
    with Case(PLAIN, "refresh", "{root}/repo") as case:
        root = case.bed.root
        PLAIN.copy_to(root)
        with subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE) as zeros:
            subprocess.run(program(root, "backup", root / "repo", "-", "--stream"), stdin=zeros.stdout, check=True,
                           capture_output=True)
        trace = root / "trace"
        subprocess.run(["strace", "-f", "-o", trace, "-e", "trace=open,openat,openat2",
                        *program(root, "refresh", "--new-generation", root / "repo")], check=True,
                       capture_output=True)
        names = re.findall(r'"([^"]*\.env)"', trace.read_text())
        tap.note(f"{size >> 20} MiB: {len(names)} objects opened, none of them a point")
        assert names and not [n for n in names if "-full-" in n or "-incr-" in n], names


def test_backup_killed_between_any_two_changes():
    with Case(PLAIN, "backup", "{root}/repo", "{root}/two") as case:
        seen = killed(case, [FIRST, SECOND])
        assert seen == {1, 2}, "kills before and after the commit"


def test_backup_after_a_rotation_killed():
    with Case(ROTATED, "backup", "{root}/repo", "{root}/two") as case:
        assert killed(case, [FIRST, SECOND]) == {1, 2}


def test_refresh_killed_between_any_two_changes():
    with Case(ROTATED, "refresh", "{root}/repo") as case:
        assert killed(case, [FIRST]) == {1}


def forgotten(case, what):
    """All of it is there, or none of it is listed; the next run brings it to an end."""
    root = case.bed.root
    listed = json.loads(call(root, "list", root / "repo", "--json").stdout)["points"]
    numbers = [p["number"] for p in listed]
    assert numbers in ([1, 2, 3], [3]), (what, numbers)
    for number, content in zip((1, 2, 3), (FIRST, SECOND, THIRD)):
        if number in numbers:
            call(root, "restore", root / "repo", "--point", number, "-o", root / "out", "--force")
            assert (root / "out").read_bytes() == content, (what, number)
    call(root, "refresh", root / "repo")
    if len(numbers) == 3:
        call(root, *[str(w).format(root=root) for w in case.words])
    assert len(case.committed()) == 1, (what, case.committed())
    call(root, "verify", root / "repo")
    return len(numbers)


def test_forget_killed_between_any_two_changes():
    with Case(THREE, "forget", "{root}/repo", "--point", "1", "--point", "2") as case:
        _, numbers = case.steps()
        seen = set()
        for n in sample(numbers):
            done = case.run(f"kill-before@{n}")
            assert done.killed, (n, done)
            seen.add(forgotten(case, n))
        assert seen == {1, 3}, "kills before and after the tombstones"


def test_forget_removes_children_before_parents():
    with Case(THREE, "forget", "{root}/repo", "--point", "1", "--point", "2") as case:
        done, _ = case.steps()
        calls = [(c.kind, short(c)) for c in done.calls]
        gone = [i for i, (kind, name) in enumerate(calls)
                if kind == "unlink" and ("-incr-" in name or "-full-" in name)]
        assert ["-incr-" in calls[i][1] for i in gone] == [True, False], [calls[i] for i in gone]
        linked = max(i for i, (kind, name) in enumerate(calls) if kind == "link" and "meta/" in name)
        synced = [i for i, (kind, name) in enumerate(calls)
                  if kind == "fsync" and name.rstrip("/").endswith("meta") and i > linked]
        assert synced and linked < synced[0] < gone[0], (linked, synced, gone)


def test_each_change_fails_once():
    """EIO and ENOSPC: a failed job leaves the chain as it was, a committed one is committed."""
    with Case(PLAIN, "backup", "{root}/repo", "{root}/two") as case:
        _, numbers = case.steps()
        chosen = sample(numbers)[:: 1 if ALL else 3]
        for n in chosen:
            for error in ("EIO", "ENOSPC"):
                done = case.run(f"{error}@{n}")
                points = len(case.committed())
                assert points == 2 or done.status != 0, (error, n, done)
                case.check((error, n), [FIRST, SECOND])


if __name__ == "__main__":
    faults.need()
    if not PROGRAM:
        tap.skip_all("the program is not built (option tools)")
    PLAIN, ROTATED, THREE = Start(False), Start(True), Start(False)
    call(THREE.root, "backup", THREE.root / "repo", THREE.root / "two")
    call(THREE.root, "backup", THREE.root / "repo", THREE.root / "three", "--full")
    try:
        tap.run(globals())
    finally:
        for start in (PLAIN, ROTATED, THREE):
            start.remove()
