"""Sections 2, 8.6 and 11: a repository."""

import io
import os
import shutil
import tempfile

import builder as b
from second_reader import derive, header, pin
from second_reader.chain import Repository
from second_reader.keys import Keys
from second_reader.rules import Reject
from support import Case, password_keys

FOLDER = f"web01-{b.CHAIN[:8].hex()}"
GS3 = {**b.GS, 3: b"\x33" * 32, 4: b"\x44" * 32}


class Repo:
    """A repository that grows file by file."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="second-reader-")

    def put(self, name, what, folder=FOLDER):
        path = os.path.join(self.path, "chains", folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(what)
        return path

    def point(self, o, word="full", folder=FOLDER):
        return self.put(f"points/20260411T221503Z-{word}-{o.id.object_id.hex()}.env", o.bytes,
                        folder)

    def meta(self, o, folder=FOLDER):
        return self.put(f"meta/{o.id.number:020}.env", o.bytes, folder)


def point(n, data=b"", **over):
    i = b.make_id(object_id=bytes([n]) * 16, **over)
    attested = over.get("standing", 0) == 0
    roots = () if attested else (b.EMPTY, b.EMPTY)
    return b.build(id=i, dek=bytes([n]) * 32, plain=b.stream(data or b"data %d" % n),
                   box_plain=b.box(*roots, attrs=b.attributes(n)))


def meta(number=2, rows=(), head_bytes=None, gens=(1, 2), gs=GS3, **over):
    plain = b.catalogue(rows, secret_bytes=b.secrets(gens, gs=gs), head_bytes=head_bytes)
    return b.metadata(number, generation=gens[-1], plain=plain, gs=gs[gens[-1]], **over)


def past(*many):
    return [b.field(1, o.id.number) + b.field(2, o.link) for o in many]


def pinned(o, g=2, **over):
    return pin.parse(b.pin_bytes(generation=g, pin=derive.PIN(GS3[g], b.CHAIN, g),
                                 number=o.id.number, link=o.link, **over))


class Repository_(Case):
    def setUp(self):
        self.repo = Repo()
        self.addCleanup(shutil.rmtree, self.repo.path)
        self.p1, self.p2 = point(1), point(2)
        self.m = meta(rows=[b.row_of(self.p1), b.row_of(self.p2, number=2)])

    def load(self, host_pin=None, name="web01", keys=None):
        chain = Repository(self.repo.path).chain(name)
        self.found = chain.load(keys or password_keys(), host_pin)
        return chain

    def all(self):
        self.repo.point(self.p1)
        self.repo.point(self.p2)
        self.repo.meta(self.m)

    def restored(self, chain, number, keys=None):
        out = io.BytesIO()
        result = chain.restore(number, keys or password_keys(), out)
        return result, out.getvalue()

    def finding(self, chain, rule):
        found = [r for _, r in chain.findings + chain.repository.findings if r.rule == rule]
        self.assertTrue(found, [str(r) for _, r in chain.findings])
        self.saw(found[0], rule)


class Restore(Repository_):
    def test_through_metadata(self):
        self.all()
        chain = self.load()
        self.assertEqual(chain.latest(), 2)
        for n in (1, 2):
            result, data = self.restored(chain, n)
            self.assertEqual((result.verdict().status, data), ("OK", b"data %d" % n))
        self.assertEqual(chain.findings, [])
        self.assertRaises(LookupError, chain.restore, 3, password_keys(), io.BytesIO())

    def test_keys_copy(self):
        self.all()
        shutil.rmtree(os.path.join(self.repo.path, "chains", FOLDER, "meta"))
        self.repo.point(self.m, "keys")
        self.assertEqual(self.restored(self.load(), 2)[1], b"data 2")

    def test_without_metadata(self):
        self.repo.point(self.p1)
        self.repo.point(self.p2)
        chain = self.load()
        self.assertFalse(self.found)
        self.assertEqual(self.restored(chain, 2)[1], b"data 2")
        with self.assertRaises(Reject) as caught:
            self.restored(chain, 2, Keys())
        self.assertEqual(caught.exception.status, "E_NO_KEY")

    def test_by_the_catalogue_alone(self):
        self.all()
        whole = self.p1.bytes
        self.repo.put(f"points/x-{self.p1.id.object_id.hex()}.env", b"")
        for damage, rule in ((bytes(32768) + whole[32768:], "R-OPEN-01"),
                             (b.retouch(self.p1, 16350, b"\1"), "R-OPEN-10"),
                             (b.retouch(self.p1, 200, b"\xee"), "R-OPEN-10"),
                             (b.retouch(self.p1, 200, b"\xee", "A"), "R-OPEN-03"),
                             (b.retouch(self.p1, 16, b"\xee", "B"), "R-OPEN-02")):
            path = self.repo.point(self.p1)
            with open(path, "wb") as f:
                f.write(damage)
            result, data = self.restored(self.load(), 1)
            self.assertIsNone(result.fatal, str(result.fatal))
            self.saw(next(r for r in result.findings if r.rule == rule), rule)
            self.assertEqual(data, b"data 1")
            self.assertTrue(result.opened.by_catalogue)
        with open(path, "wb") as f:
            f.write(bytes(32768) + bytes([whole[32768] ^ 1]) + whole[32769:])
        result, data = self.restored(self.load(), 1)
        self.saw(result.fatal, "R-PAY-03")
        self.assertEqual(data, b"")

    def test_length(self):
        self.all()
        whole = self.p1.bytes
        path = self.repo.point(self.p1)
        for what, rule in ((whole + b"\0", "R-META-14"), (whole[:-1], "R-META-14"),
                           (whole[:-64], "R-META-14"), (whole[:-65], "R-META-13"),
                           (whole[:100], "R-META-13")):
            with open(path, "wb") as f:
                f.write(what)
            result, data = self.restored(self.load(), 1)
            served = rule == "R-META-14"
            self.assertEqual((result.fatal is None, data), (served, b"data 1" if served else b""))
            self.saw(result.findings[-1] if served else result.fatal, rule)
        self.repo.point(self.p1)
        self.repo.meta(meta(3, rows=[b.row_of(self.p1, stored=2 * 16384 + 135)]))
        self.saw(self.restored(self.load(), 1)[0].fatal, "R-META-13")

    def test_link(self):
        self.all()
        other = b.build(id=self.p1.id.bytes, dek=self.p1.dek, box_plain=self.p1.box_plain,
                        plain=b.stream(b"evil"))
        self.repo.point(other)
        result, data = self.restored(self.load(), 1)
        self.saw(result.fatal, "R-OPEN-09")
        self.assertEqual(data, b"")

    def test_row_without_dek(self):
        self.all()
        rows = [b.row_of(self.p1, dek=bytes(32), flags=1), b.row_of(self.p2, number=2)]
        self.repo.meta(meta(3, rows=rows))
        self.assertEqual(self.restored(self.load(), 1)[1], b"data 1")

    def test_missing_and_different(self):
        self.all()
        rows = [b.row_of(self.p1, size=99), b.row_of(point(7), number=2)]
        self.repo.meta(meta(3, rows=rows))
        chain = self.load()
        result = chain.restore(1, password_keys(), io.BytesIO())
        self.saw(result.fatal, "R-META-12")
        self.saw(chain.restore(2, password_keys(), io.BytesIO()).fatal, "R-META-11")

    def test_unlisted(self):
        self.all()
        new = point(3, number=2)
        forged = b.build(id=point(4).id.bytes, dek=b"\4" * 32, gs=b"\7" * 32,
                         box_plain=b.box(attrs=b.attributes(4)))
        for o in (new, forged, point(5, generation=9)):
            self.repo.point(o)
        chain = self.load()
        self.assertEqual(self.restored(chain, 3)[1], b"data 3")
        item = next(i for i in chain.unlisted() if i.link == forged.link)
        self.saw(chain.examine_unlisted(item, password_keys()).fatal, "R-OPEN-11")
        self.assertIsNone(chain.examine_unlisted(item, password_keys(), {forged.link}).fatal)
        with self.assertRaises(Reject):
            self.restored(chain, 4)

    def test_parent(self):
        self.all()
        good = point(3, kind=2, parent=self.p1.link)
        bad = point(4, kind=2, parent=self.m.link)
        for o in (good, bad):
            self.repo.point(o, "incr")
        chain = self.load()
        self.assertEqual(self.restored(chain, 3)[1], b"data 3")
        self.saw(self.restored(chain, 4)[0].fatal, "R-OPEN-12")

    def test_tombstone(self):
        self.repo.point(self.p1)
        stone = b.field(1, self.p1.id.object_id) + b.field(2, 1)
        self.repo.meta(meta(head_bytes=b.head(tombstone=[stone])))
        self.assertEqual(self.load().unlisted(), [])


class Names(Repository_):
    def test_not_regular(self):
        self.all()
        place = os.path.join(self.repo.path, "chains", FOLDER, "points")
        os.mkfifo(os.path.join(place, "fifo.env"))
        os.symlink(self.repo.path, os.path.join(place, "link.env"))
        os.symlink("/dev/null", os.path.join(place, "other"))
        chain = self.load()
        self.finding(chain, "R-NAME-01")
        self.assertEqual(len(chain.repository.findings), 2)

    def test_names(self):
        self.all()
        self.repo.put("points/empty.env", b"")
        self.repo.put("points/notes.txt", b"nothing of ours")
        self.repo.put("points/imported", point(3).bytes)
        repository = Repository(self.repo.path)
        self.assertEqual([os.path.basename(i.path) for i in repository.items if i.reject],
                         ["empty.env"])
        self.assertEqual(len(repository.items), 5)

    def test_chain_name(self):
        self.repo.meta(meta(head_bytes=b.head(chain_name="web02")))
        self.finding(self.load(), "R-NAME-02")

    def test_misplaced(self):
        self.all()
        self.repo.point(point(3), folder="other-0011223344556677")
        chain = self.load()
        self.finding(chain, "R-NAME-03")
        self.assertEqual(self.restored(chain, 3)[1], b"data 3")


class Newest(Repository_):
    def reject(self, rule, host_pin=None):
        self.refused(rule, lambda: self.load(host_pin))

    def test_highest(self):
        ms = [meta(n) for n in (1, 2, 3)]
        for m in ms:
            self.repo.meta(m)
        self.repo.meta(meta(4, gens=(1, 2, 3)))
        self.assertEqual(self.load().item.id.number, 4)

    def test_not_openable(self):
        self.repo.meta(meta(1))
        self.repo.meta(meta(2, slot_list=[b.kwp_slot(b.DEK, bytes(32))]))
        chain = self.load()
        self.assertEqual(chain.item.id.number, 1)
        self.finding(chain, "R-OPEN-05")
        self.refused("R-OPEN-05", lambda: self.load(keys=Keys()))

    def test_not_verified(self):
        self.repo.meta(meta(2))
        self.repo.meta(meta(9, att=b"\1" * 32))
        chain = self.load()
        self.assertEqual(chain.item.id.number, 2)
        self.finding(chain, "R-META-05")
        os.unlink(self.repo.meta(meta(2)))
        self.refused("R-META-05", self.load)

    def test_fork(self):
        a, c = meta(2), meta(2)
        self.repo.meta(a)
        self.repo.point(c, "keys")
        self.reject("R-META-06")
        chain = self.load(pinned(a))
        self.assertEqual(chain.item.link, a.link)
        self.finding(chain, "R-META-08")

    def test_fork_of_secrets(self):
        self.repo.meta(meta(2, gens=(1, 3)))
        self.repo.meta(meta(3, gens=(1, 2)))
        self.reject("R-META-06")

    def test_pin(self):
        one = meta(1)
        two = meta(2, head_bytes=b.head(past=past(one)))
        three = meta(3, head_bytes=b.head(past=past(one, two)), gens=(1, 2, 3))
        for m in (one, two, three):
            self.repo.meta(m)
        for m, g in ((one, 2), (two, 2), (three, 3)):
            chain = self.load(pinned(m, g))
            self.assertEqual((chain.item.id.number, [r.rule for _, r in chain.findings]
                              .count("R-META-08")), (3, 0))
        self.reject("R-META-07", pinned(one, 4))
        evil = meta(4, gens=(1, 2, 4), head_bytes=b.head(past=past(one, two, three)))
        self.repo.meta(evil)
        chain = self.load(pinned(three, 3))
        self.assertEqual(chain.item.link, three.link)
        self.finding(chain, "R-META-07")

    def test_off_the_branch(self):
        one, other = meta(1), meta(1)
        self.repo.meta(one)
        self.repo.meta(meta(2, head_bytes=b.head(past=past(other))))
        chain = self.load(pinned(one))
        self.assertEqual(chain.item.link, one.link)
        self.finding(chain, "R-META-08")

    def test_older_than_past(self):
        one, five = meta(1), meta(5)
        six = meta(6, head_bytes=b.head(past=past(five)))
        self.repo.meta(six)
        self.assertEqual(self.load(pinned(one)).item.link, six.link)

    def test_below_the_pin(self):
        self.repo.meta(meta(2))
        self.finding(self.load(pinned(meta(3))), "R-META-09")

    def test_missing(self):
        self.all()
        chain = self.load()
        self.assertEqual(chain.findings, [])
        self.repo.point(point(3, number=7))
        self.finding(self.load(), "R-META-10")
        self.repo.point(point(3, serial=7))
        self.finding(self.load(), "R-META-10")
        self.repo.point(b.build(id=point(3, number=7).id.bytes, gs=b"\7" * 32))
        self.assertEqual(self.load().findings, [])
        self.assertEqual(header.METADATA, 3)
