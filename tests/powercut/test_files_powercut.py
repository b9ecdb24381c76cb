#!/usr/bin/python3
"""Single files of the program's when the power is cut: the keystore, what is restored, an exported
key. Each is the old one or the new one, whole; the new one once that was said. Both its syncs are
needed for that."""
import faults
import jobs
import tap
from jobs import PROGRAM, home, keystores, steps
from journey import Journey, short

BLOCK = 65536
# a hole, and one at the end, which are not written
DISK = b"\1" * 70000 + bytes(5 * BLOCK) + b"\2" * 5000 + bytes(3 * BLOCK)


def assert_kept(leg, what=""):
    bad = [f"{leg.name} {what}: cut after {c}: {label}: {f}" for c, label, _, f in leg.states() if f]
    assert not bad, "\n".join(bad[:5])


def assert_all_needed(leg, paths):
    """The syncs of the run that have something to do, but for a lock alone, by path; each is
    needed."""
    syncs = [sync for sync, waiting in leg.syncs() if waiting not in ([], ["+lock"])]
    assert [short(s.path) for s in syncs] == paths, [s.path for s in syncs]
    assert_kept(leg)
    for sync in syncs:
        assert leg.breaks(sync), f"{leg.name}: {sync} is not needed"


def versions(leg, path):
    """Contents that the states of a run show there, None: no such file."""
    return {tree.get(path) for _, _, tree, _ in leg.states()}


def after_each_kill(journey, first, make, among=lambda call: True):
    """The run is killed after each of its changes, and made again. first: as it is undisturbed."""
    numbers = [c.n for c in first.done.calls
               if c.kind in ("mkdir", "write", "rename", "unlink", "truncate") and c.well and among(c)]
    for n in numbers:
        journey.back(first)
        assert_kept(make(plan=f"kill-after@{n}"), f"killed after {n}")
        again = make()
        assert_kept(again, f"after one killed after {n}")
    tap.note(f"killed after each of {len(numbers)} changes")


def test_keystore_that_is_made():
    with Journey({}) as journey:
        leg = journey.run_other("keystore", steps())
        assert_all_needed(leg, [".", "ks/keystore.new", "ks"])
        assert len(versions(leg, "ks/keystore")) == 2
        after_each_kill(journey, leg, lambda **how: journey.run_other("keystore", steps(), **how))


def test_keystore_that_changes():
    with Journey({"ks/keystore": keystores(1)[0]}) as journey:
        leg = journey.run_other("keystore", steps(2))
        assert_all_needed(leg, ["ks/keystore.new", "ks"])
        assert len(versions(leg, "ks/keystore")) == 2


def test_key_that_is_sealed_for():
    """Whoever made it died before it was on disk: it is made durable by whoever uses it."""
    with Journey(home(keystores(1)[0])) as journey:
        init(journey)
        first = journey.run_other("keystore", steps(2))
        named = next(c.n for c in first.done.calls if c.kind == "rename")
        journey.back(first)
        journey.run_other("keystore", steps(2), plan=f"kill-after@{named}")
        leg = journey.run("backup", "backup", journey.root / "repo", journey.source("disk", DISK))
        assert "v2" in leg.done.errors, leg.done
        assert_kept(leg)
        sync = next(sync for sync, waiting in leg.syncs() if "+keystore" in waiting)
        assert leg.breaks_from(sync), "it is asked more than once which one is the newest"


def init(journey, **how):
    return journey.run("init", *jobs.init(journey.root), **how)


def test_configuration_and_pin():
    """With the folders that are made for them. The first sync of home is made up for by the second,
    and that of a pin's first name by that of its last."""
    with Journey(home(keystores(1)[0])) as journey:
        leg = init(journey)
        assert_kept(leg)
        syncs = [sync for sync, waiting in leg.syncs() if waiting and sync.path.startswith("home")]
        state, config = "home/.local/state/envelope", "home/.config/envelope"
        needed = [short(s.path) for s in syncs if leg.breaks(s)]
        assert needed == ["home/.local", "home/.local/state", f"{state}/NEW.pin.NEW", state, "home",
                          "home/.config", f"{config}/envelope.ini.NEW", config], needed
        after_each_kill(journey, leg, lambda **how: init(journey, **how),
                        lambda c: c.kind == "mkdir" and ".local" in c.path)


def test_restored_file():
    with Journey(home(keystores(1)[0])) as journey:
        init(journey)
        journey.run("backup", "backup", journey.root / "repo", journey.source("disk", DISK))
        words = ("restore", journey.root / "repo", "-o", journey.root / "out")
        leg = journey.run("restore", *words)
        assert_all_needed(leg, ["out.partial", "."])
        assert versions(leg, "out") == {None, DISK}
        after_each_kill(journey, leg, lambda **how: journey.run("restore", *words, "--force", **how))
        journey.back(leg, {"out": b"old"})
        leg = journey.run("restore", *words, "--force")
        assert_all_needed(leg, ["out.partial", "."])
        assert versions(leg, "out") == {b"old", DISK}


def test_exported_key():
    with Journey(home(keystores(1)[0])) as journey:
        root = journey.root
        words = ("keystore", "export", root / "ks", "--key", "vm", "--passphrase-file", root / "pass",
                 "-o", root / "key.pem")
        leg = journey.run("export", *words)
        assert_all_needed(leg, ["key.pem.NEW", "."])
        assert len(versions(leg, "key.pem")) == 2


if __name__ == "__main__":
    faults.need()
    if not PROGRAM:
        tap.skip_all("the program is not built (option tools)")
    tap.run(globals())
