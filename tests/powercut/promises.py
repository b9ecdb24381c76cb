"""What has to hold in every state that a power cut may leave, from the files alone: the program is not
run. What the objects say of themselves is read by the second reader's header and wire (format.md);
which points a metadata object lists, by whoever has its keys."""
import re
from functools import lru_cache
from types import SimpleNamespace

from second_reader import header, wire

KEPT_METADATA = 8  # older ones may go
OBJECT = re.compile(r".*/(meta|points)/[^/]+\.env\Z")
PIN = re.compile(r".*/([0-9a-f]{64})\.pin\Z")
SECTION = re.compile(rb"^\[chain\.([0-9a-f]{64})\]$", re.M)

PENDING = wire.Message("Pending", {1: wire.Field("object_id", wire.BYTES)})
REMEMBERED = wire.Message("Pin", {1: wire.Field("chain_id", wire.BYTES),
                                  4: wire.Field("number", wire.U64),
                                  5: wire.Field("link", wire.BYTES),
                                  10: wire.Field("pending", PENDING, many=True)})


def hidden(path):
    """Writes under way: no promise speaks of them."""
    return path.endswith("/tmp") or "/tmp/" in path or path.endswith(".lock")


@lru_cache(maxsize=64)
def pin(data):
    p = wire.decode(REMEMBERED, data[12:-4], newer=True)
    return SimpleNamespace(number=p.number, link=p.link, pending={x.object_id for x in p.pending})


def described(path, data):
    """What an object is, as its header says."""
    copy = header.parse(data[:int.from_bytes(data[20:24], "big")], header.ROLE_A)
    i = copy.id
    what = "meta" if "/meta/" in path else "keys" if i.kind == header.METADATA else "point"
    return SimpleNamespace(what=what, generation=i.generation, number=i.number, link=copy.link,
                           parent=i.parent, id=i.object_id)


class Truth:
    """What the runs wrote, known from their end.

    versions   path: [bytes], what may be found there, oldest first; of an object there is one
    lists      number of metadata: paths of the points that it lists"""

    def __init__(self, tree, lists):
        self.versions = {p: [d] for p, d in tree.items() if not hidden(p)}
        self.lists = dict(lists)
        self.facts = {}

    def learn(self, path, data):
        known = self.versions.setdefault(path, [])
        if data not in known:
            known.append(data)

    def of(self, path):
        if path not in self.facts:
            self.facts[path] = described(path, self.versions[path][0])
        return self.facts[path]

    def points(self):
        return {p for p in self.versions if OBJECT.match(p) and self.of(p).what == "point"}

    def forgotten(self, path, number):
        """Earlier metadata listed it, and this does not."""
        return (path not in self.lists[number]
                and any(path in self.lists[n] for n in self.lists if n < number))


class Promises:
    """floor: what must be there, {path: bytes}, or a later version of it; gone: what must not."""

    def __init__(self, truth, floor, gone=frozenset()):
        self.truth = truth
        self.floor = {p: d for p, d in floor.items() if p in truth.versions}
        self.gone = gone

    def broken(self, tree):
        """The first promise that a state breaks, or None."""
        state = State(self.truth, tree)
        for rule in (self._whole, self._there, self._catalogue, self._generations, self._copies,
                     self._pins, self._ancestors, self._configured):
            for fault in rule(state):
                return fault
        return None

    def _whole(self, state):
        for path, data in state.tree.items():
            if data not in self.truth.versions.get(path, (data,)):
                yield f"{path} is there in part: {len(data)} bytes"
            if OBJECT.match(path) and path not in self.truth.versions:
                yield f"{path} was never made"
        for path in self.gone & state.tree.keys():
            yield f"{path} is there again"

    def _there(self, state):
        for path, data in self.floor.items():
            versions = self.truth.versions[path]
            if path not in state.tree:
                if not state.may_be_gone(path):
                    yield f"{path} is gone"
            elif versions.index(state.tree[path]) < versions.index(data):
                yield f"{path} is an older one again"

    @staticmethod
    def _catalogue(state):
        """Metadata comes after what it lists; the tombstone comes before the point goes."""
        for meta in state.metas:
            for path in sorted(state.truth.lists[meta.number] - state.tree.keys()):
                if not state.may_be_gone(path):
                    yield f"metadata {meta.number} lists {path}, which is not there"

    @staticmethod
    def _generations(state):
        """Metadata and keys copy of a generation come before its points."""
        for what, found in (("metadata", state.metas), ("keys copy", state.copies)):
            top = max((o.generation for o in found), default=0)
            for point in state.points:
                if point.generation > top:
                    yield f"a point of generation {point.generation}, and no {what} of it"

    @staticmethod
    def _copies(state):
        for copy in state.copies:
            if copy.number > state.newest_number or not (
                    any(m.link == copy.link for m in state.metas) or state.old(copy.number)):
                yield f"a keys copy of metadata {copy.number}, which is not there"

    @staticmethod
    def _pins(state):
        """A pin is never ahead, and knows of each point of this host that is not listed."""
        for pinned in state.pins:
            if not any(m.number == pinned.number and m.link == pinned.link for m in state.metas):
                yield f"the pin names metadata {pinned.number}, which is not there"
        for path in state.unlisted:
            if not any(state.truth.of(path).id in p.pending for p in state.pins):
                yield f"{path} is neither listed nor pending"

    @staticmethod
    def _ancestors(state):
        links = {p.link for p in state.points} | {bytes(32)}
        for point in state.points:
            if point.parent not in links:
                yield f"point {point.id.hex()} lost the one that it builds on"

    @staticmethod
    def _configured(state):
        """The configuration names a chain when there is one, and a pin of it."""
        for path, data in state.tree.items():
            for chain in SECTION.findall(data) if path.endswith("/envelope.ini") else ():
                pins = [p for p in state.tree if PIN.match(p) and chain.decode() in p]
                if not state.metas or not pins:
                    yield f"{path} names a chain, and its metadata or pin is not there"


class State:
    def __init__(self, truth, tree):
        self.truth = truth
        self.tree = tree
        objects = [p for p in tree if p in truth.versions and OBJECT.match(p)]
        self.points = self._all(objects, "point")
        self.copies = self._all(objects, "keys")
        self.metas = self._all(objects, "meta")
        self.newest_number = max((m.number for m in self.metas), default=0)
        self.pins = [pin(d) for p, d in tree.items()
                     if PIN.match(p) and d in truth.versions.get(p, ())]
        listed = truth.lists.get(self.newest_number, ())
        self.unlisted = [p for p in objects if truth.of(p).what == "point" and p not in listed
                         and not self.may_be_gone(p)]

    def _all(self, objects, what):
        return [self.truth.of(p) for p in objects if self.truth.of(p).what == what]

    def old(self, number):
        return number <= self.newest_number - KEPT_METADATA

    def may_be_gone(self, path):
        """A forgotten point, metadata or a keys copy behind which there is enough."""
        if not OBJECT.match(path) or not self.newest_number:
            return False
        fact = self.truth.of(path)
        if fact.what == "keys":
            return sum(c.number > fact.number for c in self.copies) >= 2
        if fact.what == "meta":
            return self.old(fact.number)
        return self.truth.forgotten(path, self.newest_number)
