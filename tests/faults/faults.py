"""Runs a command under libfaultfs.so: what it did, and how it fares when a call goes wrong.

    bed = faults.Bed(command)      command(root) -> list of words
    calls = bed.run().calls        one journal entry for each call below the bed's folder
    bed.run("EIO@fsync:2")         see plan.h
    for n in bed.numbers(): ...    one for each call of the undisturbed command
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import tap

FAULTFS = os.environ.get("FAULTFS")


def need():
    """Ends the program where nothing can be interposed."""
    if os.environ.get("SANITIZED"):
        tap.skip_all("a sanitizer's runtime must be the first library of the process")
    if not FAULTFS or not Path(FAULTFS).exists():
        tap.skip_all("libfaultfs.so is not built: run it by meson")


class Call(dict):
    """One line of the journal. Paths are relative to the bed's folder."""
    __getattr__ = dict.__getitem__

    @property
    def said(self):
        return bytes.fromhex(self["data"]).decode() if self["kind"] == "say" else None

    @property
    def well(self):
        return self["result"] >= 0 and not self["note"]

    def __str__(self):
        if self.said:
            return f"say {self.said.strip()}"
        to = f" -> {self.to}" if self.to else ""
        return f"{self.n} {self.call} {self.path}{to} = {self.result} {self.note}".rstrip()


class Run:
    def __init__(self, status, output, errors, calls):
        self.status, self.output, self.errors, self.calls = status, output, errors, calls
        self.killed = status == -signal.SIGKILL

    def said(self, line):
        return line in self.output.splitlines()

    def __str__(self):
        return "\n".join([f"status {self.status}", self.output, self.errors, *map(str, self.calls)])


class Bed:
    """A folder of its own for each case; on memory where that is possible: nothing here depends on
    a disk, and an fsync costs nothing."""

    def __init__(self, command):
        shm = "/dev/shm"
        self.command = command
        self.top = Path(tempfile.mkdtemp(prefix="faults-", dir=shm if os.access(shm, os.W_OK)
                                         else None)).resolve()
        self.root = self.top / "bed"
        self.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def clear(self):
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()

    def run(self, plan="", command=None, data=False, room=None):
        """command: other than the bed's own. data: the journal has the bytes written. room: so many
        bytes more fit on the disk."""
        journal = self.top / "journal"
        journal.unlink(missing_ok=True)
        env = dict(os.environ, LD_PRELOAD=FAULTFS, FAULTFS_ROOT=str(self.root),
                   FAULTFS_LOG=str(journal), FAULTFS_PLAN=plan)
        if data:
            env["FAULTFS_DATA"] = "1"
        if room is not None:
            env["FAULTFS_ROOM"] = str(room)
        done = subprocess.run((command or self.command)(self.root), env=env, capture_output=True,
                              text=True, timeout=120, check=False, cwd=self.top)
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Run(done.returncode, done.stdout, done.stderr, [self._call(x) for x in lines])

    def _call(self, line):
        call = Call(json.loads(line))
        for key in ("path", "to"):
            if call.get(key):
                call[key] = os.path.relpath(call[key], self.root)
        return call

    def fresh(self, plan="", **more):
        self.clear()
        return self.run(plan, **more)

    def numbers(self):
        """Numbers of all calls that the command makes when nothing is there and nothing fails."""
        return [c.n for c in self.fresh().calls if c.n]

    def count(self, kind):
        return sum(c.kind == kind for c in self.fresh().calls)

    def files(self, folder="."):
        """{path relative to the bed: bytes} of the regular files."""
        return {str(p.relative_to(self.root)): p.read_bytes()
                for p in sorted((self.root / folder).rglob("*")) if p.is_file()}
