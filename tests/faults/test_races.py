#!/usr/bin/python3
"""Two hosts work on one chain, and their programs go on in turns: forget, backup and refresh against each other
(docs/design.md, "Forgetting"). Whatever the order, each program succeeds or says why not, every point reads bit for
bit, at no moment has a point lost what it inherits from, and whoever comes next brings everything to an end.

All orders: of the steps by which a backup and a forget show themselves to each other, and of the calls by which one
makes a temporary file where another one cleans. Else orders with at most two switches, drawn by ENVELOPE_SEED.
ENVELOPE_THOROUGH=1: for each two programs all orders of all calls with at most two switches, and all orders of
their steps up to the commit; for a forget and a backup of all steps."""
import collections
import os
import random
import re

import faults
import hosts
import orders
import tap
import turns

ALL = bool(os.environ.get("ENVELOPE_THOROUGH"))
SEED = int(os.environ.get("ENVELOPE_SEED") or random.randrange(1 << 32))
RNG = random.Random(SEED)
DRAWN = 2  # for each of the two that may go first
ALARM = re.compile("misplaced|forged|fork|rollback|repaired")  # nobody has done anything to the repository
SITE = None


class Campaign:
    """players(): two. outcome(race, points): a word for how it went, or a failure."""

    def __init__(self, players, outcome):
        self.players, self.outcome = players, outcome
        self.seen = collections.Counter()

    def begin(self, border, together=()):
        """together: those who have done their first step."""
        SITE.set_back()
        race = turns.Race(SITE.repo, self.players(), border, SITE.watch)
        for who in together:
            race.step(who)
        race.settle()
        return race

    def judge(self, race):
        try:
            points = SITE.check_end()
            self.seen[self.outcome(race, points)] += 1
            alarms = [line for p in race.players.values() for line in p.output.splitlines() if ALARM.search(line)]
            assert all("newer than the metadata in hand" in line for line in alarms), alarms
        except Exception as e:
            said = "".join(f"\n{p.who}: status {p.status}\n{p.output}" for p in race.players.values())
            raise AssertionError(f"{type(e).__name__}: {e}\n{race.story()}{said}") from e

    def told(self):
        return ", ".join(f"{word} {n}" for word, n in sorted(self.seen.items()))

    def note(self, what, tried):
        tap.note(f"{what}: {tried} orders: {self.told()}")
        self.seen.clear()

    def two_switches(self):
        def begin():
            return self.begin(turns.each_call)

        one, other = (p.who for p in self.players())
        for pair in ((one, other), (other, one)):
            if ALL:
                orders.all_within_two_switches(begin, self.judge, *pair)
            else:
                orders.some_within_two_switches(begin, self.judge, *pair, DRAWN, RNG)
        self.note("at most two switches between calls" + ("" if ALL else ", drawn"), self.seen.total())

    def all_orders(self, what, border, together=()):
        done = orders.Interleavings(lambda: self.begin(border, together), self.judge)
        done.run()
        seen = set(self.seen)
        self.note(f"{what}, all of them", done.tried)
        return seen

    def run(self):
        self.two_switches()
        if ALL:
            self.all_orders("steps up to the commit", up_to_the_commit)


def up_to_the_commit(who):
    """What comes after the first object that it has made is one step."""
    return turns.Between(turns.Steps(who), lambda call: True,
                         lambda call: call.kind == "unlink" and call.folder == "tmp")


def labels(points):
    return [p.label for p in points]


def the(label, points):
    return next(p for p in points if p.label == label)


def nth(n, wanted):
    """A function that says yes to the n-th call that wanted says yes to."""
    count = [0]

    def says(call):
        count[0] += wanted(call)
        return count[0] == n and wanted(call)
    return says


def lists_tmp(call):
    return call.kind == "list" and call.path.endswith("/tmp")


def succeeded(race, who):
    assert race.players[who].status == 0, race.players[who].output


def backed_up(race, who, label, points):
    """The number that it says is the point's, if that is still there."""
    succeeded(race, who)
    number = next((p.number for p in points if p.label == label), None)
    assert number is None or f"point {number}: " in race.players[who].output, race.players[who].output


# -- forget against backup: chain of a full and an increment, of which all goes

def backup_and_forget():
    return [SITE.player("backup", "a", SITE.backup("new", "abc")),
            SITE.player("forget", "b", SITE.words("forget", SITE.repo, "--point", 1, "--point", 2))]


def forgotten(race):
    """Did it? Otherwise it says what needs the points."""
    status, output = race.players["forget"].status, race.players["forget"].output
    done = " forgotten, " in output
    assert (status == 0 and (done or "which needs it" in output)) or (status == 1 and "is needed by" in output), output
    return done


def how_forgotten(race, points):
    backed_up(race, "backup", "new", points)
    went = forgotten(race)
    assert labels(points) == (["new"] if went else ["one", "two", "new"]), points
    return f"{'forgotten' if went else 'kept'} under {the('new', points).kind}"


def showing_themselves(who):
    """From where the backup is about to make its file, and the forget its tombstones; what the backup does
    after its file has its name, and is no longer in tmp/, is one step."""
    if who == "forget":
        return turns.Between(turns.Steps(who), lambda call: call.kind == "link")
    return turns.Between(turns.Steps(who), nth(2, lists_tmp),
                         lambda call: call.kind == "unlink" and call.folder == "tmp")


def test_forget_and_backup_show_themselves():
    seen = Campaign(backup_and_forget, how_forgotten).all_orders("steps", showing_themselves, ("backup", "forget"))
    assert seen == {"forgotten under full", "forgotten under increment", "kept under increment"}, seen


def test_forget_against_backup():
    campaign = Campaign(backup_and_forget, how_forgotten)
    campaign.run()
    if ALL:
        campaign.all_orders("steps", turns.Steps)


# -- the same when a third host has just made a full that the forget keeps

def backup_full_and_forget():
    full = SITE.backup("full", "xyz", "--full", "--beside")
    return [SITE.player("backup", "a", SITE.backup("new", "abc")),
            SITE.player("forget", "b", SITE.words("forget", SITE.repo, "--keep-last", 1),
                        before=lambda: SITE.run("c", full))]


def how_kept(race, points):
    """The last one stays, with what it stands on: which one is the last depends on who listed first."""
    backed_up(race, "backup", "new", points)
    forgotten(race)
    by_number = {p.number: p.label for p in points}
    assert {"new", "full"} & set(labels(points)), points
    assert all(p.parent in by_number for p in points if p.parent), points
    return ", ".join(p.label + (f" on {by_number[p.parent]}" if p.parent else "") for p in points)


def test_forget_up_to_a_full_against_backup():
    Campaign(backup_full_and_forget, how_kept).run()


# -- refresh against backup

def backup_and_refresh():
    return [SITE.player("backup", "a", SITE.backup("new", "abc")),
            SITE.player("refresh", "b", SITE.words("refresh", SITE.repo))]


def how_refreshed(race, points):
    backed_up(race, "backup", "new", points)
    succeeded(race, "refresh")
    assert labels(points) == ["one", "two", "new"], points
    new = the("new", points)
    return f"{new.kind} for version {new.key.version}"


def making_and_cleaning(who):
    """One makes a temporary file and locks it; the other one removes what is not locked."""
    if who == "refresh":
        return turns.Between(turns.each_call(who), lists_tmp,
                             lambda call: call.kind == "list" and not lists_tmp(call))
    return turns.Between(turns.each_call(who), lambda call: call.creates, lambda call: call.kind == "write")


def test_making_a_file_where_one_cleans():
    campaign = Campaign(backup_and_refresh, how_refreshed)
    campaign.all_orders("calls", making_and_cleaning, ("backup", "refresh"))


def after_a_rotation():
    backup, refresh = backup_and_refresh()
    refresh.before = lambda: SITE.next_key("pool-02.pem")
    return [backup, refresh]


def test_refresh_after_a_rotation_against_backup():
    Campaign(after_a_rotation, how_refreshed).run()


# -- two backups

def two_backups(*more):
    return [SITE.player(label, host, SITE.backup(label, blocks, *more))
            for label, host, blocks in (("this", "a", "abc"), ("that", "b", "abd"))]


def how_beside(race, points):
    backed_up(race, "this", "this", points)
    backed_up(race, "that", "that", points)
    assert sorted(labels(points)) == ["one", "that", "this", "two"], points
    parents = {p.label: next((q.label for q in points if q.number == p.parent), None) for p in points}
    return ", ".join(f"{label} on {parents[label]}" for label in ("this", "that"))


def how_alone(race, points):
    busy = [w for w, p in race.players.items() if p.status == 1 and "another run is writing" in p.output]
    for who in {"this", "that"} - set(busy):
        backed_up(race, who, who, points)
    assert len(busy) < 2 and set(labels(points)) == {"one", "two", "this", "that"} - set(busy), points
    return "one is refused" if busy else "both"


def test_two_backups():
    Campaign(two_backups, how_alone).run()


def test_two_backups_beside_each_other():
    Campaign(lambda: two_backups("--beside"), how_beside).run()


# -- forget against refresh, which removes what is forgotten, too

def forget_and_refresh():
    return [SITE.player("forget", "a", SITE.words("forget", SITE.repo, "--point", 1, "--point", 2)),
            SITE.player("refresh", "b", SITE.words("refresh", SITE.repo))]


def how_removed(race, points):
    succeeded(race, "forget")
    succeeded(race, "refresh")
    assert not points, points
    return "nothing is left"


def test_forget_against_refresh():
    Campaign(forget_and_refresh, how_removed).run()


if __name__ == "__main__":
    faults.need()
    if not hosts.PROGRAM:
        tap.skip_all("the program is not built (option tools)")
    if not ALL:
        tap.note(f"seed {SEED} (ENVELOPE_SEED)")
    SITE = hosts.Site()
    SITE.run("a", SITE.backup("one", "aaa"))
    SITE.run("a", SITE.backup("two", "aba"))
    SITE.keep()
    tap.run(globals(), after=SITE.remove)
