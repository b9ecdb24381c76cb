"""Section 9: payload, footer, stream content; the footer of content image."""

from types import SimpleNamespace

from . import attributes, chunked, derive
from .data import i64, u64, zero
from .header import IMAGE, STREAM
from .rules import E_AUTH, E_FORMAT, Reject, need

FOOTER = 128
ROW = 192
ALIGN = chunked.CHUNK
DIRECTORY_ENTRY, LINK = 16, 32
SEGMENT_LOG2 = 11
IMAGE_MAX = 2**47


class Payload:
    """The plaintext of a payload: n bytes from offset at of source. P None: no header verified."""

    def __init__(self, source, at, n, dek, ctx, P):
        need(chunked.possible(n), "R-PAY-01", E_FORMAT, f"no message has {n} bytes", "payload")
        head = source.read(at, chunked.HEAD)
        need(P is None or head == P, "R-PAY-02", E_AUTH, "its prefix is not P", "payload")
        self.m = chunked.Message(derive.K_pay(dek), "payload", ctx, head, n,
                                 lambda off, k: source.read(at + off, k))
        need(self.m.good, "R-PAY-03", E_AUTH, "the commitment is another one", "payload")
        self.last = self.m.chunk(self.m.chunks - 1)
        need(self.last is not None, "R-PAY-04", E_AUTH, "the last chunk does not open", "payload")
        self.length = self.m.length
        self.kept = (-1, b"")

    def chunk(self, i):
        if i == self.m.chunks - 1:
            return self.last
        if i != self.kept[0]:
            plain = self.m.chunk(i)
            need(plain is not None, "R-PAY-05", E_AUTH, f"chunk {i} does not open", "payload")
            self.kept = (i, plain)
        return self.kept[1]

    def read(self, at, n):
        out = []
        while n > 0:
            piece = self.chunk(at // chunked.CHUNK)[at % chunked.CHUNK:][:n]
            out.append(piece)
            at += len(piece)
            n -= len(piece)
        return b"".join(out)

    def pieces(self, at, n):
        """The same, chunk by chunk."""
        while n > 0:
            piece = self.chunk(at // chunked.CHUNK)[at % chunked.CHUNK:][:n]
            yield piece
            at += len(piece)
            n -= len(piece)


def split_footer(b):
    return SimpleNamespace(
        version=b[0], content=b[1], codec=b[2], block_log2=b[3], segment_log2=b[4], size=u64(b, 8),
        attributes_at=u64(b, 16), attributes_len=u64(b, 24), rows_at=u64(b, 32), rows=u64(b, 40),
        strings_at=u64(b, 48), strings=u64(b, 56), stored_blocks=u64(b, 64), begun=i64(b, 72),
        ended=i64(b, 80))


def follows(at, length, end):
    """Where a part ends that must begin at end; None: it does not. An empty one is at 0."""
    if length == 0:
        return end if at == 0 else None
    return end + length if at == end else None


def _check_no_image(f):
    need(not (f.block_log2 or f.segment_log2 or f.stored_blocks), "R-FTR-06", E_FORMAT,
         "what images have is not zero")


def _check_stream(f, b, limit):
    _check_no_image(f)
    need(zero(b[32:64]), "R-FTR-07", E_FORMAT, "what streams do not have is not zero")
    end = follows(f.attributes_at, f.attributes_len, f.size)
    need(end == limit, "R-FTR-08", E_FORMAT, "data and attributes do not fill the payload")


def _check_metadata(f, b, limit):
    _check_no_image(f)
    need(f.size == 0 and f.attributes_at == 0 and f.attributes_len == 0, "R-FTR-09", E_FORMAT,
         "metadata with a size or final attributes")
    need(f.begun == f.ended, "R-FTR-10", E_FORMAT, "begun and ended differ")
    need(f.rows <= 2**20 and f.strings < 2**32, "R-FTR-11", E_FORMAT, "too many rows or strings")
    begin = f.rows_at if f.rows else f.strings_at if f.strings else limit
    end = follows(f.rows_at, f.rows * ROW, begin)
    end = None if end is None else follows(f.strings_at, f.strings, end)
    need(end == limit, "R-FTR-12", E_FORMAT, "rows and strings do not reach the footer")


def up(n, step):
    return -(-n // step)


def _after_tables(f):
    """Where the object table, or else the directory, ends; None: one of them stands elsewhere."""
    end = 0
    if f.rows:
        if f.rows_at % ALIGN or f.rows_at < f.stored_blocks << f.block_log2:
            return None
        end = f.rows_at + f.rows * DIRECTORY_ENTRY
    elif f.rows_at:
        return None
    if f.strings:
        return f.strings_at + f.strings * LINK if f.strings_at == up(end, ALIGN) * ALIGN else None
    return None if f.strings_at else end


def _check_image(f, b, limit):
    need(12 <= f.block_log2 <= 20 and f.segment_log2 == SEGMENT_LOG2, "R-FTR-13", E_FORMAT,
         "blocks or segments of another length")
    blocks = up(f.size, 1 << f.block_log2)
    need(f.size <= IMAGE_MAX and f.rows == up(blocks, 1 << SEGMENT_LOG2)
         and f.stored_blocks <= blocks and f.strings <= 1000
         and f.attributes_len <= attributes.MAX, "R-FTR-14", E_FORMAT, "impossible counts")
    end = _after_tables(f)
    end = None if end is None else follows(f.attributes_at, f.attributes_len, end)
    need(end == limit, "R-FTR-15", E_FORMAT, "the parts do not reach the footer")


CHECKS = {STREAM: _check_stream, IMAGE: _check_image}


def footer(payload, content):
    need(payload.length >= FOOTER, "R-FTR-01", E_FORMAT, "no room for a footer", "footer")
    limit = payload.length - FOOTER
    b = payload.read(limit, FOOTER)
    f = split_footer(b)
    try:
        need(f.version == 1, "R-FTR-02", E_FORMAT, f"version {f.version}")
        need(f.content == content, "R-FTR-03", E_FORMAT, f"content {f.content}")
        need(f.codec == 0, "R-FTR-04", E_FORMAT, f"codec {f.codec}")
        need(zero(b[5:8]) and zero(b[88:]), "R-FTR-05", E_FORMAT, "zeros are not zero")
        CHECKS.get(content, _check_metadata)(f, b, limit)
    except Reject as r:
        raise r.at("footer")
    return f


def final_attributes(payload, f, box_attributes):
    need(f.attributes_len <= attributes.MAX, "R-ATTR-01", E_FORMAT, "too many attributes",
         "attributes")
    raw = payload.read(f.attributes_at, f.attributes_len)
    try:
        return attributes.parse(raw, box_attributes)
    except Reject as r:
        raise r.at("attributes")


class Stream:
    """Content stream: data, final attributes, footer."""

    def __init__(self, payload, box_attributes=0):
        self.payload = payload
        self.footer = footer(payload, STREAM)
        self.named = final_attributes(payload, self.footer, box_attributes)

    def data(self):
        return self.payload.pieces(0, self.footer.size)


def place(source, capacity):
    """Offset and length of the payload (section 3)."""
    return 2 * capacity, source.size - 2 * capacity - 64
