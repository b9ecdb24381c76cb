"""Section 1.2 and 8: one object, one verdict. What campaigns import.

    verdict(path_or_bytes, keys) -> (status, part, rule)
"""

from collections import namedtuple

from . import foreign, header, keystore, metadata, opening, pin
from .data import source
from .rules import OK, Reject

Verdict = namedtuple("Verdict", "status part rule")


class Result:
    """fatal: what ended the reading, None: everything was read. findings: events on the way."""

    def __init__(self, fatal, findings, opened=None):
        self.fatal = fatal
        self.findings = findings
        self.opened = opened

    def rules(self):
        return [r.rule for r in self.findings + ([self.fatal] if self.fatal else [])]

    def verdict(self):
        worst = self.fatal or (self.findings[0] if self.findings else None)
        return Verdict(worst.status, worst.part, worst.rule) if worst else Verdict(OK, "", "")

    def as_dict(self):
        v = self.verdict()
        d = {"status": v.status, "part": v.part, "rule": v.rule, "served": self.fatal is None,
             "findings": [r.as_dict() for r in self.findings]}
        if self.fatal:
            d["fatal"] = self.fatal.as_dict()
        return d


def drain(opened, out=None):
    """Reads (and writes) all of a point, so that every chunk is verified: a disk's own too where
    no block lies in it, if nobody waits for the disk."""
    if out is None:
        for _ in opened.payload.pieces(0, opened.payload.length):
            pass
    for piece in opened.stream.data():
        if out:
            out.write(piece)


def guarded(work):
    """Runs work(notes), notes collecting the Opened; a Reject becomes the fatal one."""
    opened = None
    try:
        for opened in work():
            pass
    except Reject as r:
        findings = getattr(r, "findings", None)
        if findings is None:
            findings = opened.findings if opened else []
        return Result(r, findings, opened)
    return Result(None, opened.findings, opened)


def steps(what, keys, secrets=None, out=None, find=opening.nowhere):
    """The stages of opening an object by its own slots; each yields what is known by then."""
    opened = opening.read_headers(source(what))
    yield opened
    opening.unlock(opened, keys, secrets)
    yield opened
    opening.open_payload(opened, secrets, find)
    yield opened
    if opened.copy.id.kind == header.METADATA:
        metadata.read(opened)
    else:
        drain(opened, out)
    yield opened


def examine(what, keys, secrets=None, out=None, find=opening.nowhere):
    return guarded(lambda: steps(what, keys, secrets, out, find))


def examine_listed(what, row, chain, secrets, out=None, find=opening.nowhere):
    """An object that a row lists (8.6)."""
    def work():
        for opened in opening.listed_steps(source(what), row, chain, secrets, find):
            yield opened
        drain(opened, out)
        yield opened
    return guarded(work)


def verdict(what, keys):
    return examine(what, keys).verdict()


def _only(work):
    try:
        work()
    except Reject as r:
        return Verdict(r.status, r.part, r.rule)
    return Verdict(OK, "", "")


def verdict_pin(b):
    return _only(lambda: pin.parse(bytes(b)))


def verdict_keystore(b, passphrase):
    """With every private half opened."""
    def work():
        store = keystore.Keystore(b, passphrase)
        for e in store.file.entries:
            if e.state != keystore.DESTROYED:
                store.open_entry(e)
    return _only(work)


def verdict_foreign(head, keys, payload=None, stream=0):
    def work():
        f = foreign.Foreign(head, keys)
        if payload is not None:
            p = f.payload(source(payload), stream)
            for _ in p.pieces(0, p.length):
                pass
    return _only(work)
