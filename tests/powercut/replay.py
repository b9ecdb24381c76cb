"""What a file system may show after a power cut, from the journal of libfaultfs.so (with data).

The model is the strictest that POSIX allows. fsync of a file keeps its bytes and its length, fsync
of a folder its entries, and nothing keeps anything else: not a file's fsync its name, not a folder's
that of its parent. What was not synced is lost, or kept, or, for bytes, torn: each sector of a write
on its own. Only the entry made by one call comes or goes as a whole; a rename is an entry made and
one taken away, which can be told apart by a cut.

    world = World(folder)               what is in it by now is durable
    for call in calls:
        world.apply(call)
        for label, tree in world.after_cut(seen): ...       tree: {path: bytes}

seen is a set of the caller's: a tree that it knows by now is not shown again.
"""
import itertools
import math
import os

SECTORS = (512, 4096)
COMBINATIONS = 200


class File:
    def __init__(self, durable=b""):
        self.durable = durable
        self.pending = []  # (offset, bytes) of writes, (length, None) of truncations
        self._known = {}
        self.doubtful = False

    def sync(self):
        if self.doubtful:
            return
        self.durable = self.pick("kept")
        self.pending = []
        self._known = {}

    def change(self, offset, data):
        self.pending.append((offset, data))
        self._known = {}

    def bytes(self, keep=None):
        """With those sectors of pending writes of which keep(number of the write, offset) is true.
        The length is kept with any of them, so that a hole of zeros may be all there is."""
        out = bytearray(self.durable)
        for i, (offset, data) in enumerate(self.pending):
            if data is None:
                if not keep or keep(i, offset):
                    del out[offset:]
                    out.extend(bytes(offset - len(out)))
            elif not keep:
                self._put(out, offset, data)
            else:
                self._write(out, offset, data, lambda at, i=i: keep(i, at))
        return bytes(out)

    @staticmethod
    def _put(out, offset, data):
        out.extend(bytes(max(0, offset - len(out))))
        out[offset:offset + len(data)] = data

    def _write(self, out, offset, data, keep):
        end = offset + len(data)
        at = offset
        while at < end:
            stop = min(end, (at // 512 + 1) * 512)
            if keep(at):
                self._put(out, at, data[at - offset:stop - offset])
            at = stop

    def after_cut(self):
        """(label, bytes) of what may be left: a few telling cases of very many."""
        return self._once("all", lambda: list(self._after_cut()))

    def _once(self, what, make):
        if what not in self._known:
            self._known[what] = make()
        return self._known[what]

    def _after_cut(self):
        yield "lost", self.durable
        if not self.pending:
            return
        kept = self.pick("kept")
        yield "kept", kept
        yield "length only", (self.durable + bytes(len(kept)))[:len(kept)]
        for size in SECTORS:
            for odd in (0, 1):
                yield f"torn at {size}", self.bytes(lambda i, at, s=size, o=odd: at // s % 2 == o)
        for n in range(len(self.pending)):
            yield f"without write {n}", self.bytes(lambda i, at, n=n: i != n)

    def pick(self, label):
        lost = label == "lost" or not self.pending
        return self.durable if lost else self._once("kept", self.bytes)


class Folder:
    def __init__(self):
        self.durable = {}
        self.pending = []  # (name, node or None)

    def now(self, keep=lambda i: True):
        out = dict(self.durable)
        for i, (name, node) in enumerate(self.pending):
            if keep(i):
                out.pop(name, None)
                if node is not None:
                    out[name] = node
        return out

    def sync(self):
        self.durable = self.now()
        self.pending = []

    def after_cut(self):
        """Each subset of a few changes; of more, none, all, each alone, and all but one."""
        n = len(self.pending)
        sizes = range(n + 1) if n <= 4 else (0, 1, n - 1, n)
        for size in sizes:
            for kept in itertools.combinations(range(n), size):
                yield f"with {size} of {n} changes: {kept}", self.now(lambda i, k=kept: i in k)

    def pick(self, label):
        return self.durable if label == "lost" else self.now()


class World:
    def __init__(self, folder, hidden=lambda path: False):
        """hidden: what lies there no promise speaks of. It is lost or kept as a whole, and trees
        that differ in nothing else are one."""
        self.nodes = {}
        self.hidden = hidden
        self.named = []  # (path, node) of each link and rename, in order
        self.root = self._take(folder)

    def _take(self, path):
        found = os.lstat(path)
        if not os.path.isdir(path):
            with open(path, "rb") as f:
                return self.nodes.setdefault(found.st_ino, File(f.read()))
        node = self.nodes[found.st_ino] = Folder()
        for name in os.listdir(path):
            node.durable[name] = self._take(os.path.join(path, name))
        return node

    def apply(self, call):
        """Takes over what the call did; a call that failed or was dropped did nothing. True where
        a cut may leave something else now."""
        if call["kind"] != "say" and call["note"] == "failed":
            self._failed(call)
        if call["kind"] == "say" or call["note"] in ("dropped", "failed") or call["result"] < 0:
            return False
        handler = getattr(self, "_" + call["kind"], None)
        if not handler or (call["kind"] == "open" and not call["created"]):
            return False
        handler(call)
        return True

    def _enter(self, folder, path, node):
        self.nodes[folder].pending.append((path.rsplit("/", 1)[-1], node))

    def _open(self, c):
        # a number that was in use before means another file now
        self.nodes[c["ino"]] = File()
        self._enter(c["folder"], c["path"], self.nodes[c["ino"]])

    def _mkdir(self, c):
        self.nodes[c["ino"]] = Folder()
        self._enter(c["folder"], c["path"], self.nodes[c["ino"]])

    def _write(self, c):
        self.nodes[c["ino"]].change(c["offset"], bytes.fromhex(c["data"]))

    def _truncate(self, c):
        self.nodes[c["ino"]].change(c["offset"], None)

    def _fsync(self, c):
        self.nodes[c["ino"]].sync()

    def _failed(self, c):
        """What a file's fsync failed for may be lost for good, whatever the next one says."""
        node = self.nodes.get(c["ino"])
        if c["kind"] in ("fsync", "fdatasync") and isinstance(node, File):
            node.doubtful = True

    _fdatasync = _fsync

    def _link(self, c):
        self._enter(c["to_folder"], c["to"], self.nodes[c["ino"]])
        self.named.append((c["to"], self.nodes[c["ino"]]))

    def _rename(self, c):
        self._link(c)
        self._enter(c["folder"], c["path"], None)

    def _unlink(self, c):
        self._enter(c["folder"], c["path"], None)

    def waiting(self, call):
        """What the sync that call is has to make durable: "+name" or "-name" of entries that came or
        went, or "bytes"."""
        node = self.nodes[call["ino"]]
        if isinstance(node, File):
            return ["bytes"] if node.pending else []
        return [("+" if child else "-") + name for name, child in node.pending]

    def _reachable(self):
        """Nodes with something pending, whatever a cut leaves of the way there; not the hidden."""
        seen, todo = {}, [("", self.root)]
        while todo:
            path, node = todo.pop()
            if id(node) in seen or self.hidden(path):
                continue
            seen[id(node)] = node
            if isinstance(node, Folder):
                entries = [(n, c) for n, c in node.pending if c] + list(node.durable.items())
                todo += [(f"{path}/{name}" if path else name, child) for name, child in entries]
        return [n for n in seen.values() if n.pending]

    def after_cut(self, seen=None, whole=False):
        """(label, {path: bytes}): each combination of the cases of all nodes where these are few.
        Otherwise every folder alone in each of its cases while all others lost, or kept, what was
        pending; the same for files; and files against folders. whole: the hidden makes a tree another
        one, too."""
        seen = set() if seen is None else seen
        for label, tree in self._trees():
            key = frozenset(i for i in tree.items() if whole or not self.hidden(i[0]))
            if key not in seen:
                seen.add(key)
                yield label, tree

    def _trees(self):
        nodes = self._reachable()
        cases = [list(n.after_cut()) for n in nodes]
        few = math.prod(map(len, cases)) <= COMBINATIONS
        for files, folders in itertools.product(("lost", "kept"), repeat=2):
            base = f"files {files}, folders {folders}"
            yield base, self.tree(files, folders)
            for these in self._combined(nodes, cases) if few else self._alone(nodes, cases):
                label = ", ".join(f"a {type(n).__name__.lower()} {what}" for n, (what, _) in these)
                yield f"{base}, {label}", self.tree(files, folders,
                                                    {id(n): left for n, (_, left) in these})

    @staticmethod
    def _combined(nodes, cases):
        return (tuple(zip(nodes, these)) for these in itertools.product(*cases) if these)

    @staticmethod
    def _alone(nodes, cases):
        return (((n, case),) for n, of_it in zip(nodes, cases) for case in of_it)

    def tree(self, files="kept", folders="kept", chosen=None):
        """Everything lost or kept, but for some nodes."""
        chosen = chosen or {}
        out = {}
        todo = [("", self.root)]
        while todo:
            path, node = todo.pop()
            word = files if isinstance(node, File) else folders
            left = chosen[id(node)] if id(node) in chosen else node.pick(word)
            if isinstance(node, File):
                out[path] = left
                continue
            for name, child in left.items():
                todo.append((f"{path}/{name}" if path else name, child))
        return out
