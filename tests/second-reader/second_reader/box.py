"""Section 5: box."""

from types import SimpleNamespace

from . import attributes, chunked, derive
from .data import Cursor, Short, zero
from .header import ATTESTED, FOREIGN_KIND, FULL, INCREMENT
from .rules import E_AUTH, E_FORMAT, Reject, need

STEP = 256


def parse(plain):
    c = Cursor(plain)
    try:
        box = SimpleNamespace(root=c.take(32), bk=c.take(32))
        a = c.u32()
        need(a <= 8192, "R-BOX-03", E_FORMAT, "attributes too long")
        box.attributes = c.take(a)
        n = c.u32()
        need(n <= 1000, "R-BOX-03", E_FORMAT, "too many ancestors")
        box.pairs = [(c.take(32), c.take(32)) for _ in range(n)]
    except Short:
        raise Reject("R-BOX-03", E_FORMAT, "the box is cut") from None
    need(len(plain) % STEP == 0 and c.left() < STEP, "R-BOX-04", E_FORMAT, "the box's length")
    need(zero(c.take(c.left())), "R-BOX-05", E_FORMAT, "the box's filling")
    return box


def unseal(copy, dek):
    need(chunked.possible(len(copy.box)), "R-BOX-01", E_FORMAT, "the box's sealed length")
    plain = chunked.open_whole(derive.K_box(dek), "box", copy.id.bytes, copy.box)
    need(plain is not None, "R-BOX-02", E_AUTH, "the box does not open")
    return parse(plain)


def _check_roots(box, i, secrets):
    attested = i.kind in (FULL, INCREMENT) and i.standing == ATTESTED
    if not attested:
        need(zero(box.root) and zero(box.bk), "R-BOX-07", E_FORMAT, "a root where none belongs")
        return
    need(derive.equal(derive.chain_id(box.root), i.chain_id), "R-BOX-08", E_AUTH,
         "the root is that of another chain")
    gs = secrets.gs.get(i.generation) if secrets else None
    if gs:
        need(derive.equal(box.bk, derive.BK(gs, i.chain_id, i.generation)), "R-BOX-09", E_AUTH,
             "the block hash key is not that of the generation")


def open_box(copy, dek, secrets=None):
    """All of section 5 but for foreign objects; secrets: SECRETS in hand."""
    box = unseal(copy, dek)
    assert copy.id.kind != FOREIGN_KIND
    box.named = attributes.parse(box.attributes)
    need(copy.id.kind == INCREMENT or not box.pairs, "R-BOX-06", E_FORMAT, "ancestors of a full")
    _check_roots(box, copy.id, secrets)
    return box
