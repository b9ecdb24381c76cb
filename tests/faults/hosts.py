"""A repository, a keystore and hosts that each remember the chain for themselves, made once and set back for each
race; and what must hold of the repository, at every moment and in the end."""
import filecmp
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import libenvelope

import turns

PROGRAM = os.environ.get("ENVELOPE_PROGRAM", "")
BLOCK = 65536
HOSTS = ("a", "b", "c")
BEGINNING = 2 * 16384 + 56  # of the points here: two headers, and what stands before the first chunk
UNLISTED = 4  # ENVELOPE_POINT_UNLISTED


class Header:
    """Of an object's file, as far as it goes: docs/format.md 3.4 and 6."""

    def __init__(self, path):
        with open(path, "rb") as f:
            identity = f.read(136)[32:]
            size = f.seek(0, os.SEEK_END)
            f.seek(max(0, size - 64))
            tail = f.read()
        self.increment = len(identity) == 104 and identity[1] == 2
        self.parent = identity[72:88]  # a LINK, the half that a tail has
        self.link = tail[40:56] if tail.startswith(b"\x89END\r\n\x1a\n") else None
        self.begun = size > BEGINNING


class Site:
    def __init__(self):
        shm = "/dev/shm"
        self.top = Path(tempfile.mkdtemp(prefix="races-", dir=shm if os.access(shm, os.W_OK) else None)).resolve()
        self.root, self.kept = self.top / "site", self.top / "kept"
        self.repo, self.ks = self.root / "repo", self.root / "ks"
        self.data, self.seen = {}, {}
        for host in HOSTS:
            (self.root / host).mkdir(parents=True)
        passphrase = self.root / "pass"
        passphrase.write_text("pass\n")
        passphrase.chmod(0o600)
        self.next_key("pool-01.pem")
        self.call("a", "init", self.repo, "--kms", f"lab=keystore:{self.ks},passphrase-file={passphrase}",
                  "--key", "lab/vm")
        self.ctx = libenvelope.Context()
        self.kms = self.ctx.keystore(str(self.ks), b"pass")

    def remove(self):
        shutil.rmtree(self.top)

    def next_key(self, pem):
        """A version more, of those made before: making one takes seconds."""
        done = subprocess.run([os.environ["KEYSTORE_STEPS"], str(self.root), Path(os.environ["TEST_KEYS"]) / pem],
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def source(self, label, blocks):
        """A disk: a letter for each block."""
        self.data[label] = b"".join(letter.encode() * BLOCK for letter in blocks)
        path = self.root / label
        path.write_bytes(self.data[label])
        return path

    def words(self, *words):
        return [PROGRAM, *map(str, words)]

    def backup(self, label, blocks, *more):
        return self.words("backup", self.repo, self.source(label, blocks), "--label", label, *more)

    def env(self, host):
        env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
        return dict(env, HOME=str(self.root / host), LC_ALL="C.UTF-8")

    def call(self, host, *words):
        self.run(host, self.words(*words))

    def run(self, host, words):
        done = subprocess.run(words, env=self.env(host), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}"

    def keep(self):
        """What is there now is where every race begins. All hosts know the chain as the first does."""
        for host in HOSTS[1:]:
            shutil.copytree(self.root / "a", self.root / host, dirs_exist_ok=True)
        shutil.copytree(self.root, self.kept)

    def set_back(self):
        for name in ("repo", *HOSTS):
            shutil.rmtree(self.root / name)
            shutil.copytree(self.kept / name, self.root / name)
        if not filecmp.cmp(self.kept / "ks" / "keystore", self.ks / "keystore", shallow=False):
            shutil.rmtree(self.ks)
            shutil.copytree(self.kept / "ks", self.ks)
            self.kms = self.ctx.keystore(str(self.ks), b"pass")  # the other one would see a rollback
        self.seen = {}

    def player(self, who, host, words, before=None):
        return turns.Player(who, words, self.env(host), before)

    # -- at every moment

    def headers(self, folder):
        """The files as they are now: {path: Header}. Objects do not change."""
        out = {}
        for path in self.repo.glob(f"chains/*/{folder}/*"):
            if folder == "tmp" or path not in self.seen:
                try:
                    self.seen[path] = Header(path)
                except FileNotFoundError:
                    continue
            out[path] = self.seen[path]
        return out

    def watch(self):
        """No child is without its parent, also if everybody died here; and what has passed its last look at the
        metadata, and stores blocks, keeps what it inherits from."""
        objects = self.headers("points")
        links = {h.link for h in objects.values()}
        for path, header in {**objects, **self.headers("tmp")}.items():
            needs = header.increment and (path in objects or header.begun)
            assert not needs or header.parent in links, f"{path.name} has no parent"

    # -- in the end

    def open(self, host):
        keys = self.ctx.keyring()
        keys.add_kms("lab", self.kms, libenvelope.USE_WRAP | libenvelope.USE_UNWRAP |
                     libenvelope.USE_NAMES_EXCLUSIVE)
        keys.wrap_for("lab", "vm")
        (pin,) = (self.root / host).glob(".local/state/envelope/*.pin")
        return self.ctx.directory(str(self.repo)).open_chain(keys, pin=pin.read_bytes(), save_pin=pin.write_bytes,
                                                             serial=1)

    def read_all(self, chain):
        """Each point bit for bit."""
        points = chain.points()
        for p in points:
            with chain.read(p.number) as reader:
                same = reader.pread(0, len(reader)) == self.data[p.label]
            assert same, f"point {p.number} ({p.label}) reads other than it was written"
        return points

    def check_end(self):
        """The points of the end, after whoever comes next has brought it about: all listed, nothing under way or
        waiting. Then they are forgotten, too, and nothing remains."""
        with self.open("a") as chain:
            before = self.read_all(chain)
            chain.verify()
            chain.refresh()
            points = self.read_all(chain)
            assert sorted(p.label for p in points) == sorted(p.label for p in before), (before, points)
            assert not [p for p in points if p.flags & UNLISTED], points
        self.check_files(points)
        with self.open("b") as chain:
            assert [p.object for p in chain.points()] == [p.object for p in points]
            if points:
                chain.forget(*[p.number for p in points])
            assert not chain.points()
        assert not self.objects() and not self.headers("tmp"), list(self.objects())
        return points

    def objects(self):
        return {p: h for p, h in self.headers("points").items() if "-keys-" not in p.name}

    def check_files(self, points):
        """The listed objects and those that they inherit from, and no others."""
        objects = self.objects()
        by_link = {h.link: p for p, h in objects.items()}
        wanted = set()
        for name in (p.object for p in points):
            path = self.repo / name
            while path and path not in wanted:
                wanted.add(path)
                path = by_link.get(objects[path].parent) if objects[path].increment else None
        assert set(objects) == wanted, (sorted(objects), sorted(wanted))
        assert not self.headers("tmp"), list(self.headers("tmp"))
