"""What a file system may show after a power cut, from the journal of libfaultfs.so (with data).

The model is the strictest that POSIX allows. fsync of a file keeps its bytes and its length, fsync
of a folder its entries, and nothing keeps anything else: not a file's fsync its name, not a folder's
that of its parent. What was not synced is lost, or kept, or, for bytes, torn: each sector of a write
on its own. Only the entry made by one call comes or goes as a whole; a rename is an entry made and
one taken away, which can be told apart by a cut.

    world = World(inode of the watched folder)
    for call in calls:
        world.apply(call)
        for label, tree in world.after_cut(): ...       tree: {path: bytes}
"""
import itertools

SECTORS = (512, 4096)


class File:
    def __init__(self):
        self.durable = b""
        self.pending = []  # (offset, bytes) of writes, (length, None) of truncations

    def sync(self):
        self.durable = self.bytes()
        self.pending = []

    def bytes(self, keep=lambda i, at: True):
        """With those sectors of pending writes of which keep(number of the write, offset) is true.
        The length is kept with any of them, so that a hole of zeros may be all there is."""
        out = bytearray(self.durable)
        for i, (offset, data) in enumerate(self.pending):
            if data is None:
                if keep(i, offset):
                    del out[offset:]
                    out.extend(bytes(offset - len(out)))
                continue
            self._write(out, offset, data, lambda at, i=i: keep(i, at))
        return bytes(out)

    @staticmethod
    def _write(out, offset, data, keep):
        end = offset + len(data)
        at = offset
        while at < end:
            stop = min(end, (at // 512 + 1) * 512)
            if keep(at):
                out.extend(bytes(max(0, stop - len(out))))
                out[at:stop] = data[at - offset:stop - offset]
            at = stop

    def after_cut(self):
        """(label, bytes) of what may be left: a few telling cases of very many."""
        yield "lost", self.durable
        if not self.pending:
            return
        yield "kept", self.bytes()
        yield "length only", self.durable + bytes(len(self.bytes()) - len(self.durable))
        for size in SECTORS:
            for odd in (0, 1):
                yield f"torn at {size}", self.bytes(lambda i, at, s=size, o=odd: at // s % 2 == o)
        for n in range(len(self.pending)):
            yield f"without write {n}", self.bytes(lambda i, at, n=n: i != n)


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
        yield "lost", self.durable
        if not self.pending:
            return
        yield "kept", self.now()
        if len(self.pending) > 1:
            for n in range(len(self.pending)):
                yield f"only change {n}", self.now(lambda i, n=n: i == n)
                yield f"without change {n}", self.now(lambda i, n=n: i != n)


class World:
    def __init__(self, root_inode):
        self.root = Folder()
        self.nodes = {root_inode: self.root}

    def apply(self, call):
        """Takes over what the call did; a call that failed or was dropped did nothing."""
        if call["kind"] == "say" or call["note"] in ("dropped", "failed") or call["result"] < 0:
            return
        handler = getattr(self, "_" + call["kind"], None)
        if handler:
            handler(call)

    @staticmethod
    def _leaf(path):
        return path.rsplit("/", 1)[-1]

    def _enter(self, folder, path, node):
        self.nodes[folder].pending.append((self._leaf(path), node))

    def _open(self, c):
        if c["created"]:
            # a number that was in use before means another file now
            self.nodes[c["ino"]] = File()
            self._enter(c["folder"], c["path"], self.nodes[c["ino"]])

    def _mkdir(self, c):
        self.nodes[c["ino"]] = Folder()
        self._enter(c["folder"], c["path"], self.nodes[c["ino"]])

    def _write(self, c):
        self.nodes[c["ino"]].pending.append((c["offset"], bytes.fromhex(c["data"])))

    def _truncate(self, c):
        self.nodes[c["ino"]].pending.append((c["offset"], None))

    def _fsync(self, c):
        self.nodes[c["ino"]].sync()

    _fdatasync = _fsync

    def _link(self, c):
        self._enter(c["to_folder"], c["to"], self.nodes[c["ino"]])

    def _rename(self, c):
        self._enter(c["to_folder"], c["to"], self.nodes[c["ino"]])
        self._enter(c["folder"], c["path"], None)

    def _unlink(self, c):
        self._enter(c["folder"], c["path"], None)

    def _reachable(self):
        seen, todo = {}, [self.root]
        while todo:
            node = todo.pop()
            if id(node) in seen:
                continue
            seen[id(node)] = node
            if isinstance(node, Folder):
                everything = [n for _, n in node.pending if n] + list(node.durable.values())
                todo += everything
        return list(seen.values())

    def after_cut(self):
        """(label, {path: bytes}): every folder alone in each of its cases while all others lost, or
        kept, what was pending; the same for files; and files against folders."""
        nodes = [n for n in self._reachable() if n.pending]
        for files, folders in itertools.product(("lost", "kept"), repeat=2):
            base = {id(n): self._pick(n, files if isinstance(n, File) else folders) for n in nodes}
            yield f"files {files}, folders {folders}", self._tree(base)
            for n in nodes:
                for label, left in n.after_cut():
                    what = type(n).__name__.lower()
                    yield (f"files {files}, folders {folders}, one {what} {label}",
                           self._tree(base | {id(n): left}))

    @staticmethod
    def _pick(node, label):
        return next(left for name, left in node.after_cut() if name == label)

    def _tree(self, chosen):
        out = {}
        todo = [("", self.root)]
        while todo:
            path, node = todo.pop()
            left = chosen.get(id(node), node.durable)
            if isinstance(node, File):
                out[path] = left
                continue
            for name, child in left.items():
                todo.append((f"{path}/{name}" if path else name, child))
        return out
