"""Section 13: foreign objects."""

from . import box, header, opening, slots
from .data import p64, zero
from .payload import Payload
from .rules import E_FORMAT, E_UNSUPPORTED, Reject, need


def _check_id(i):
    need(i.format == 1, "R-ID-01", E_UNSUPPORTED, f"format {i.format}")
    need(i.serial < header.NUMBER_LIMIT and i.number < header.NUMBER_LIMIT
         and i.generation < header.GENERATION_LIMIT, "R-ID-02", E_FORMAT, "a number")
    need(1 <= i.kind <= 4, "R-ID-03", E_FORMAT, f"kind {i.kind}")
    need(i.kind == header.FOREIGN_KIND, "R-FRN-03", E_FORMAT, "an object of a chain")
    need(i.standing == 0 and i.content == 0 and i.generation == 0 and i.serial == 0
         and i.number == 0 and zero(i.chain_id) and zero(i.parent), "R-FRN-04", E_FORMAT,
         "what belongs to chains is not zero")


def parse(b):
    copy = header.pre(b, header.FOREIGN)
    need(32 + copy.core_len + 32 + copy.mut_len + header.END == copy.capacity, "R-FRN-01",
         E_FORMAT, "the capacity is not its length")
    need(len(b) == copy.capacity, "R-FRN-02", E_FORMAT, "bytes behind the header")
    header.split(copy)
    header.split_core(copy, True)
    need(len(copy.context) <= 1024, "R-FRN-06", E_FORMAT, "the context is too long")
    _check_id(copy.id)
    need(zero(copy.P) and zero(copy.att), "R-FRN-05", E_FORMAT, "P or ATT is not zero")
    header.split_mut(copy)
    copy.slots = slots.parse(copy.slot_bytes, copy.newer)
    return copy


class Foreign:
    """A header whose TAG has verified."""

    def __init__(self, b, keys):
        try:
            self.copy = parse(bytes(b))
        except Reject as r:
            raise r.at("header")
        attempts = opening.Attempts(keys)
        self.dek = attempts.copy(self.copy, foreign=True) or attempts.refuse()
        try:
            opened = box.unseal(self.copy, self.dek)
            need(zero(opened.root) and zero(opened.bk) and not opened.pairs, "R-FRN-07", E_FORMAT,
                 "secrets of a chain")
        except Reject as r:
            raise r.at("box")
        self.sealed = opened.attributes
        self.context = self.copy.context

    def payload(self, source, stream):
        """pieces(0, length) gives the data; there is no footer."""
        ctx = self.copy.id.short + p64(stream) + self.context
        return Payload(source, 0, source.size, self.dek, ctx, None)
