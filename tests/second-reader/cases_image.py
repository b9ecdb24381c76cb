"""Sections 9 and 9.1: disks."""

import io
import shutil

import builder as b
from cases_repository import Repo, meta
from second_reader import derive, image, verdict
from second_reader.chain import Repository
from second_reader.data import p32
from support import Case, password_keys

BLOCK = 4096
SEGMENT = 2048 * BLOCK
BK2 = derive.BK(b.GS[2], b.CHAIN, 2)


def block(n, length=BLOCK):
    return (p32(n) * (BLOCK // 4))[:length]


def hashed(n, length=BLOCK, key=BK2):
    return image.block_hash(key, block(n, length), BLOCK)


def disk_id(n=0xA0, **over):
    return b.make_id(**dict(dict(content=2, object_id=bytes([n]) * 16), **over))


def built(plain, n=0xA0, pairs=(), **over):
    """An image's point; an increment where there are pairs."""
    if pairs:
        over = dict(over, kind=2, parent=pairs[0][0])
    generation = over.get("generation", 2)
    detached = over.get("standing", 0)
    roots = (b.EMPTY, b.EMPTY) if detached else \
        (b.ROOT, derive.BK(b.GS[generation], b.CHAIN, generation))
    attrs = b.attributes(n & 15 or 1)
    return b.build(id=disk_id(n, **over), dek=bytes([n]) * 32, plain=plain,
                   box_plain=b.box(*roots, attrs=attrs, pairs=pairs),
                   gs=None if detached else b.GS[generation])


def small(**over):
    """Blocks 0 and 2 are stored, 1 is zero, 2 is short."""
    return b.disk(2 * BLOCK + 100, [({0: block(1), 2: block(2, 100)}, {})], **over)


SMALL = block(1) + bytes(BLOCK) + block(2, 100)


class Footers(Case):
    def plain(self, rule, plain):
        self.fatal(rule, built(plain).bytes, "footer")

    def test_footer(self):
        for rule, over in (("R-FTR-03", dict(content=1)), ("R-FTR-13", dict(block=11)),
                           ("R-FTR-13", dict(block=21)), ("R-FTR-13", dict(segment=10)),
                           ("R-FTR-13", dict(segment=0)), ("R-FTR-14", dict(size=2**47 + 1)),
                           ("R-FTR-14", dict(size=2**64 - 1)), ("R-FTR-14", dict(size=0)),
                           ("R-FTR-14", dict(rows=2)), ("R-FTR-14", dict(rows=0)),
                           ("R-FTR-14", dict(size=SEGMENT + 1)), ("R-FTR-14", dict(stored=4)),
                           ("R-FTR-14", dict(strings=1001)),
                           ("R-FTR-14", dict(attributes_len=8193)),
                           ("R-FTR-15", dict(rows_at=1)), ("R-FTR-15", dict(rows_at=0)),
                           ("R-FTR-15", dict(rows_at=2**64 - 16384)),
                           ("R-FTR-15", dict(strings_at=1)), ("R-FTR-15", dict(strings=1)),
                           ("R-FTR-15", dict(attributes_at=1)),
                           ("R-FTR-15", dict(attributes_len=1))):
            self.plain(rule, small(**over))
        final = b.attribute("os", b"x")
        good = small(final=final)
        self.plain("R-FTR-15", good[:-128] + b"\0" + good[-128:])
        self.plain("R-FTR-15", b.disk(0, [], rows_at=16384))

    def test_tables(self):
        link = b"\1" * 32
        good = b.disk(BLOCK, [b.entry_at(0)], [link])
        at = 16384
        for rule, over in (("R-FTR-15", dict(strings_at=at + 16384)), ("R-FTR-15", dict(stored=1)),
                           ("R-FTR-15", dict(strings_at=16)), ("R-FTR-15", dict(strings=2))):
            self.plain(rule, b.disk(BLOCK, [b.entry_at(0)], [link], **over))
        self.assertEqual(image.u64(good[-128:], 48), at)
        self.whole(built(good).bytes)

    def test_empty(self):
        for o in (built(b.disk(0, [])), built(b.disk(0, [], final=b.attribute("os", b"x")))):
            self.assertEqual(b"".join(self.whole(o.bytes).opened.stream.data()), b"")


class Alone(Case):
    """A full: nothing else is needed."""

    def data(self, what):
        result = self.whole(what.bytes)
        return b"".join(result.opened.stream.data())

    def fault(self, rule, plain, part=None):
        self.fatal(rule, built(plain).bytes, part)

    def test_small(self):
        self.assertEqual(self.data(built(small(final=b.attribute("os", b"x")))), SMALL)

    def test_detached(self):
        dek = bytes([0xA0]) * 32
        plain = small(key=derive.X(dek, "block hash"))
        self.assertEqual(self.data(built(plain, standing=1, generation=0)), SMALL)
        self.fatal("R-IMG-08", built(small(), standing=1, generation=0).bytes, "block")

    def test_segments(self):
        """A segment of zeros, one that ends with the disk, blocks of another length."""
        for log2 in (12, 13, 20):
            n = 1 << log2
            last = bytes([7]) * (n - 1)
            plain = b.disk(2048 * n * 2 + n - 1, [({5: bytes([9]) * n}, {}), b.entry_at(0),
                                                 ({0: last}, {})], log2=log2)
            stream = self.whole(built(plain).bytes).opened.stream
            got = {at: index for at, _, index in stream.segments()}
            self.assertEqual([bool(x) for x in got.values()], [True, False, True])
            self.assertEqual(stream.block(got[0], 5, n), bytes([9]) * n)
            self.assertIsNone(stream.block(got[0], 4, n))
            self.assertEqual(stream.block(got[2 * 2048 * n], 0, n - 1), last)

    def test_directory(self):
        for entry in (b.entry_at(0, second=1), b.entry_at(0, zeros=b"\0\0\0\1"), b.entry_at(3),
                      b.entry_at(0, 1), b.entry_at(0, 0, 16384), b.entry_at(1, 1),
                      b.entry_at(2, 0), b.entry_at(1, 0, 4096)):
            self.fault("R-IMG-02", b.disk(BLOCK, [entry]), "directory")
        for at in (16384, 2**64 - 16384, 2**63):
            self.fault("R-IMG-05", b.disk(BLOCK, [b.entry_at(1, 0, at)]), "index")

    def test_locations(self):
        for v in (b.at(3), b.at(0, 1), b.at(0, 0, 4096), b.at(1, 1), b.at(2, 0)):
            self.fault("R-IMG-03", b.disk(BLOCK, [({}, {0: (v, bytes(16))})]), "index")
        for at in (2**24, (2**48 - 1) * 4096, 16384 * 4):
            self.fault("R-IMG-05", b.disk(BLOCK, [({}, {0: (b.at(1, 0, at), bytes(16))})]),
                       "block")

    def test_behind_the_end(self):
        """What an index says of blocks that the disk has not is not looked at."""
        junk = {1: (2**64 - 1, b"\1" * 16), 2047: (b.at(0, 5), bytes(16))}
        self.assertEqual(self.data(built(b.disk(BLOCK, [({0: block(3)}, junk)]))), block(3))

    def test_hash(self):
        self.fault("R-IMG-08", b.disk(BLOCK, [({}, {0: (b.at(1), hashed(1))})]), "block")
        self.fault("R-IMG-08", small(key=b"\1" * 32), "block")
        dirty = small()
        end = BLOCK + 100
        self.assertEqual(dirty[end], 0)
        o = built(dirty[:end] + b"\1" + dirty[end + 1:])
        self.assertEqual(self.data(o), SMALL)  # behind the end of the disk

    def test_table(self):
        link = b"\1" * 32
        self.fault("R-IMG-01", b.disk(BLOCK, [b.entry_at(0)], [link, b"\2" * 32, link]))

    def test_missing(self):
        pair = (b"\1" * 32, b"\2" * 32)
        result = verdict.examine(built(b.disk(2 * BLOCK, [({0: block(1)}, {
            1: (b.at(2, 0, 0), hashed(2))})], [pair[0]]), pairs=[pair]).bytes, password_keys())
        self.assertEqual((result.fatal.status, result.fatal.rule), ("E_NOT_FOUND", ""))
        stream = result.opened.stream
        self.assertEqual(stream.block(stream.index(0), 0, BLOCK), block(1))


class Inherited(Case):
    """A full, an increment on it, and one on that."""

    def setUp(self):
        self.repo = Repo()
        self.addCleanup(shutil.rmtree, self.repo.path)
        self.points = []

    def add(self, plain, *parents, **over):
        """parents: the nearest first."""
        o = built(plain, len(self.points) + 1, [(p.link, p.dek) for p in parents], **over)
        self.points.append(o)
        self.repo.point(o, "incr" if parents else "full")
        return o

    def list(self, *points, **over):
        sizes = [image.u64(p.plain[-128:], 8) for p in points]
        self.repo.meta(meta(9, rows=[b.row_of(p, number=p.dek[0], size=size)
                                     for p, size in zip(points, sizes)], **over))

    def restored(self, number):
        chain = Repository(self.repo.path).chain("web01")
        chain.load(password_keys())
        out = io.BytesIO()
        return chain.restore(number, password_keys(), out), out.getvalue()

    def reads(self, number, data):
        """With metadata, and without: the point and its own key."""
        for listed in (False, True):
            if listed:
                self.list(*self.points)
            result, got = self.restored(number)
            self.assertEqual((result.verdict().status, got == data), ("OK", True),
                             str(result.fatal))

    def fault(self, rule, number):
        for listed in (False, True):
            if listed:
                self.list(*self.points)
            self.saw(self.restored(number)[0].fatal, rule)

    def three(self, generation=2):
        key = derive.BK(b.GS[generation], b.CHAIN, generation)
        one = self.add(b.disk(2 * SEGMENT, [({0: block(1), 1: block(2), 9: block(3)}, {}),
                                            ({4: block(4)}, {})], key=key), generation=generation)
        two = self.add(b.disk(2 * SEGMENT, [({1: block(5)}, {
            0: (b.at(2, 0, 0), hashed(1, key=key)),
            9: (b.at(2, 0, 2 * BLOCK), hashed(3, key=key))}),
            b.entry_at(2, 0, image.u64(one.plain, len(one.plain) - 128 - 16 + 8))], [one.link],
            key=key), one, generation=generation)
        return one, two

    def disk(self, *blocks):
        d = bytearray(2 * SEGMENT)
        for at, n in blocks:
            d[at * BLOCK:(at + 1) * BLOCK] = block(n)
        return bytes(d)

    def test_merged(self):
        one, two = self.three()
        first = image.u64(two.plain, 16384 * 4 + 8)
        third = b.disk(2 * SEGMENT, [b.entry_at(2, 0, first), ({0: block(6)}, {
            4: (b.at(2, 1, 4 * 16384), hashed(4))})], [two.link, one.link])
        self.assertEqual(one.plain[4 * 16384:4 * 16384 + BLOCK], block(4))
        self.add(third, two, one)
        self.reads(2, self.disk((0, 1), (1, 5), (9, 3), (2052, 4)))
        self.reads(3, self.disk((0, 1), (1, 5), (9, 3), (2048, 6), (2052, 4)))

    def test_not_named(self):
        """An index of another object that names what the point's own table has not."""
        _, two = self.three()
        first = image.u64(two.plain, 16384 * 4 + 8)
        self.add(b.disk(SEGMENT, [b.entry_at(2, 0, first)], [two.link]), two)
        self.fault("R-IMG-04", 3)

    def test_other_blocks(self):
        one = self.add(b.disk(8192, [({0: bytes([1]) * 8192}, {})], log2=13))
        two = b.build(id=b.make_id(object_id=b"\2" * 16), dek=b"\2" * 32, plain=b.stream(bytes(BLOCK)),
                      box_plain=b.box(attrs=b.attributes(2)))
        self.points.append(two)
        self.repo.point(two)
        for parent in (one, two):
            self.add(b.disk(BLOCK, [({}, {0: (b.at(2, 0, 0), hashed(1))})], [parent.link]), parent)
        self.repo.meta(meta(9, rows=[b.row_of(p, number=p.dek[0], size=image.u64(
            p.plain[-128:], 8)) for p in self.points]))
        for number in (3, 4):
            self.saw(self.restored(number)[0].fatal, "R-IMG-06")

    def test_rotated(self):
        """Blocks of another generation by the hash; an index of it is not believed."""
        one, two = self.three(generation=1)
        good = {0: (b.at(2, 1, 0), hashed(1)), 1: (b.at(2, 0, 0), hashed(5))}
        self.add(b.disk(2 * SEGMENT, [({9: block(7)}, good), b.entry_at(0)],
                        [two.link, one.link]), two, one)
        self.reads(3, self.disk((0, 1), (1, 5), (9, 7)))
        first = image.u64(two.plain, 16384 * 4 + 8)
        self.add(b.disk(2 * SEGMENT, [b.entry_at(2, 0, first), b.entry_at(0)],
                        [two.link, one.link]), two, one)
        self.fault("R-IMG-07", 4)
        self.add(b.disk(2 * SEGMENT, [({}, {0: (b.at(2, 1, BLOCK), hashed(1))}), b.entry_at(0)],
                        [two.link, one.link]), two, one)
        self.fault("R-IMG-08", 5)

    def test_detached(self):
        key = derive.X(b"\1" * 32, "block hash")
        one = self.add(b.disk(BLOCK, [({0: block(1)}, {})], key=key), standing=1, generation=0)
        self.add(b.disk(BLOCK, [({}, {0: (b.at(2), hashed(1))})], [one.link]), one)
        self.reads(2, block(1))
        self.add(b.disk(BLOCK, [b.entry_at(2, 0, 16384)], [one.link]), one)
        self.fault("R-IMG-07", 3)

    def test_forgotten(self):
        """No row lists the parent any more: its DEK is in the box."""
        one, two = self.three()
        self.list(two)
        result, got = self.restored(2)
        self.assertEqual((result.fatal, got), (None, self.disk((0, 1), (1, 5), (9, 3), (2052, 4))))
        wrong = b.build(id=disk_id(7, kind=2, parent=one.link), dek=b"\7" * 32, plain=two.plain,
                        box_plain=b.box(attrs=b.attributes(7), pairs=[(one.link, b"\x55" * 32)]))
        self.repo.point(wrong, "incr")
        self.saw(self.restored(7)[0].fatal, "R-OPEN-07")
