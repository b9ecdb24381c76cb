"""Sections 3 to 9: one object."""

import builder as b
from second_reader import chunked, derive, header, verdict
from second_reader.data import p32, p64
from second_reader.keys import Keys
from second_reader.metadata import Secrets
from support import Case, password_keys, private

ONE = b.build()


def at_core(at):
    return 32 + at


def copies(copy, o=ONE):
    """The object with other bytes for both copies."""
    return copy + copy[:10] + b"\2" + copy[11:] + o.payload + o.tail


def with_id(**over):
    return b.build(id=b.make_id(**over)).bytes


def with_slots(*many, **over):
    return b.build(slot_list=list(many), **over).bytes


class Whole(Case):
    def test_small(self):
        result = self.whole(ONE.bytes)
        self.assertEqual(b"".join(result.opened.stream.data()), b"hello, envelope")
        self.assertEqual(result.opened.box.named[".label"], b"first")

    def test_lengths(self):
        for n in (0, 1, 16255, 16256, 16257, 16383, 16384, 16385, 3 * 16384, 3 * 16384 - 128,
                  57344):
            data = bytes(i * 7 & 255 for i in range(n))
            o = b.build(plain=b.stream(data, b.attribute("size", b"x")))
            result = self.whole(o.bytes)
            self.assertEqual(b"".join(result.opened.stream.data()), data)
            self.assertEqual(result.opened.stream.named, {"size": b"x"})

    def test_capacities(self):
        for n, capacity in ((0, 16384), (120, 32768), (250, 65536), (600, 131072), (1000, 131072)):
            parent = b"\1" * 32
            pairs = [(parent, b"\2" * 32)] * n
            i = b.make_id(kind=2, parent=parent) if n else b.make_id()
            o = b.build(id=i, box_plain=b.box(attrs=b.attributes(), pairs=pairs))
            self.assertEqual(o.capacity, capacity)
            self.whole(o.bytes)
            self.event("R-PRE-02", b"\0" + o.bytes[1:], "copy A")

    def test_every_slot(self):
        kms, board = private(1), private(2)
        sha1 = b.rsa_slot(b.DEK, private(3).public_key(), algorithm=2, name="old")
        o = with_slots(b.rsa_slot(b.DEK, kms.public_key()),
                       b.rsa_slot(b.DEK, board.public_key(), kind=3, name="board"),
                       b.password_slot(b.DEK), b.password_slot(b.DEK, "a2", b"p", 4),
                       b.kwp_slot(b.DEK, bytes(32)), sha1)
        for keys in (Keys().add_private(kms), Keys().add_private(board), password_keys(),
                     Keys().add_password(b"p", "a2"), Keys().add_password(b"p"),
                     Keys(allow_sha1=True).add_private(private(3))):
            self.whole(o, keys)
        self.fatal("R-OPEN-05", o, "header", Keys().add_private(private(3)))
        self.fatal("R-OPEN-05", o, "header", Keys().add_private(private(4)))

    def test_detached(self):
        o = b.build(id=b.make_id(standing=1, generation=0),
                    box_plain=b.box(b.EMPTY, b.EMPTY, b.attributes()))
        self.whole(o.bytes)

    def test_newer_minor(self):
        slot = b.message(b.SLOT, b.password_slot(b.DEK), extra=b.field(99, 1))
        for extra in (b.field(20, b"x"), b.varint(20 << 3 | 1) + bytes(8),
                      b.varint(20 << 3 | 5) + bytes(4), b.field(20, 5)):
            self.whole(b.build(slot_bytes=b.slots([slot]) + extra, minor=1).bytes)

    def test_ro_compat(self):
        self.whole(b.build(ro=1).bytes)

    def test_stale(self):
        o = b.build(revision=2, revision_b=1)
        self.assertEqual(self.whole(o.bytes).opened.stale, ["copy B"])
        o = b.build(revision=1, revision_b=2)
        result = self.whole(o.bytes)
        self.assertEqual((result.opened.stale, result.opened.copy.revision), (["copy A"], 2))

    def test_rewrap_cut_off(self):
        """Copy B has more slots already: MUT has another length."""
        more = b.build(slot_list=[b.password_slot(b.DEK), b.kwp_slot(b.DEK, bytes(32))],
                       core_bytes=ONE.core, payload=ONE.payload, revision=2)
        result = self.whole(ONE.a + more.b + ONE.payload + ONE.tail)
        self.assertEqual((result.opened.stale, len(result.opened.copy.slots)), (["copy A"], 2))


class Pre(Case):
    def fault(self, rule, **pre):
        """The rule of both copies; the object has no whole one."""
        result = self.fatal("R-OPEN-01", b.build(**pre).bytes)
        self.assertEqual([r.rule for r in result.findings], [rule, rule])
        self.saw(result.findings[0], rule)

    def test_cut(self):
        result = self.fatal("R-OPEN-01", ONE.bytes[:31])
        self.saw(result.findings[0], "R-PRE-01")
        result = self.fatal("R-OPEN-01", ONE.bytes[:16383])
        self.saw(result.findings[0], "R-PRE-04")
        self.fatal("R-OPEN-01", b"")

    def test_magic(self):
        self.event("R-PRE-02", b"\x88" + ONE.bytes[1:], "copy A")
        at = ONE.capacity
        self.event("R-PRE-02", ONE.bytes[:at] + b"\x88" + ONE.bytes[at + 1:], "copy B")

    def test_capacity_impossible(self):
        for c in (0, 35, 131073, 2**32 - 1):
            self.event("R-PRE-03", b.retouch(ONE, 20, p32(c), "A"), "copy A")

    def test_crc(self):
        self.event("R-PRE-05", b.retouch(ONE, 300, b"\xff", "A", crc=False), "copy A")
        self.event("R-PRE-05", b.retouch(ONE, 300, b"\xff", "B", crc=False), "copy B")
        self.event("R-PRE-05", b.retouch(ONE, 16380, b"\xff", "B", crc=False), "copy B")

    def test_newer(self):
        self.fatal("R-PRE-06", b.build(major=2).bytes, "copy A")
        self.fatal("R-PRE-07", b.build(incompat=1).bytes, "copy A")
        newer = b.retouch(ONE, 8, b"\2", "A")
        self.fatal("R-PRE-06", newer[:16384] + bytes(16384) + newer[32768:])

    def test_role(self):
        self.event("R-PRE-08", b.retouch(ONE, 10, b"\2", "A", b.DEK), "copy A")
        self.event("R-PRE-08", b.retouch(ONE, 10, b"\1", "B", b.DEK), "copy B")

    def test_byte_11(self):
        self.event("R-PRE-09", b.retouch(ONE, 11, b"\1", "B", b.DEK), "copy B")
        self.fault("R-PRE-09", zero=1)

    def test_capacity_odd(self):
        short = b.copy(1, ONE.core, ONE.att, ONE.mut, b.DEK, 16000)
        o = short + ONE.bytes[16000:]
        self.event("R-PRE-10", o, "copy A")

    def test_b_elsewhere(self):
        far = b.copy(2, ONE.core, ONE.att, ONE.mut, b.DEK, 32768)
        result = verdict.examine(ONE.a + far, password_keys())
        self.saw(next(r for r in result.findings if r.part == "copy B"), "R-PRE-11")

    def test_too_large(self):
        self.event("R-PRE-12", b.retouch(ONE, 24, p32(2**32 - 1), "A"), "copy A")
        self.fault("R-PRE-12", mut_len=16384)


class Header(Case):
    def fault(self, rule, what, part="copy A"):
        result = self.fatal("R-OPEN-01", what)
        self.saw(result.findings[0], rule)
        self.assertEqual(result.findings[0].part, part)

    def test_zeros(self):
        self.event("R-HDR-01", b.retouch(ONE, 16000, b"\1", "A", b.DEK), "copy A")
        self.fault("R-HDR-01", b.build(gap=b"\1").bytes)

    def test_core(self):
        self.fault("R-HDR-02", b.build(core_tail=b"\0").bytes)
        self.fault("R-HDR-02", b.build(core_bytes=ONE.core[:150]).bytes)
        self.fault("R-HDR-02", b.build(core_bytes=ONE.core[:160] + p32(9999)).bytes)

    def test_mut(self):
        good = ONE.mut
        for bad in (b"", good[:11], good + b"\0", good[:-1]):
            self.fault("R-HDR-03", b.build(mut_bytes=bad).bytes)
        self.fault("R-HDR-04", b.build(mut_bytes=bytes(8) + good[8:]).bytes)

    def test_foreign(self):
        i = b.make_id(kind=4, content=0, chain=b.EMPTY, generation=0, serial=0, number=0)
        self.fault("R-HDR-05", b.build(id=i, gs=None).bytes)

    def test_detached_att(self):
        self.fault("R-HDR-06", b.build(id=b.make_id(standing=1, generation=0), att=b"\1" * 32,
                                       box_plain=b.box(b.EMPTY, b.EMPTY)).bytes)

    def test_id(self):
        some = b"\1" * 32
        self.fatal("R-ID-01", with_id(format=2), "copy A")
        self.fault("R-ID-02", with_id(serial=2**48))
        self.fault("R-ID-02", with_id(number=2**48))
        self.fault("R-ID-02", with_id(generation=2**31))
        for kind in (0, 5, 255):
            self.fault("R-ID-03", with_id(kind=kind))
        self.fault("R-ID-04", with_id(kind=3, content=1))
        self.fault("R-ID-04", with_id(kind=3, content=0, standing=1))
        self.fault("R-ID-05", with_id(kind=3, content=0, number=0))
        self.fault("R-ID-05", with_id(kind=3, content=0, generation=0))
        self.fault("R-ID-06", with_id(kind=3, content=0, parent=some))
        self.fault("R-ID-07", with_id(content=0))
        self.fault("R-ID-07", with_id(content=3))
        self.fault("R-ID-08", with_id(parent=some))
        self.fault("R-ID-08", with_id(kind=2))
        self.fault("R-ID-09", with_id(standing=2))
        self.fault("R-ID-10", with_id(generation=0))
        self.fault("R-ID-11", with_id(standing=1))
        self.fault("R-ID-11", with_id(standing=1, kind=2, generation=0, parent=some))


class Wire(Case):
    def fault(self, rule, slot_bytes, **over):
        result = self.fatal("R-OPEN-01", b.build(slot_bytes=slot_bytes, **over).bytes)
        self.saw(result.findings[0], rule)

    def test_malformed(self):
        good = b.slots([b.password_slot(b.DEK)])
        for bad in (b"\x0a", b"\x0a\x80", good[:-1], b"\x0a" + b"\x80" * 5 + b"\0", b"\0\0",
                    b"\x80" * 5 + b"\1", b"\xff" * 4 + b"\x1f", b"\xff" * 11,
                    b"\x0a\x02\x08\x80", b"\x0a\x0b\x08" + b"\xff" * 9 + b"\2"):
            self.fault("R-WIRE-01", bad)
        for bad in (b"\x53", b"\x54", b"\x56", b"\x57", b"\x51" + bytes(7), b"\x55" + bytes(3)):
            self.fault("R-WIRE-01", good + bad, minor=1)

    def test_unknown(self):
        good = b.slots([b.password_slot(b.DEK)])
        self.fault("R-WIRE-02", good + b.field(2, 1))
        self.fault("R-WIRE-03", good + b.field(2, 1) * 1025, minor=1)
        self.whole(b.build(slot_bytes=good + b.field(2, 1) * 1024, minor=1).bytes)

    def test_fields(self):
        good = b.message(b.SLOT, b.password_slot(b.DEK))
        self.fault("R-WIRE-04", b.slots([good + b"\x0a\x01\x02"]))
        self.fault("R-WIRE-04", b.varint(1 << 3) + b"\1")
        self.fault("R-WIRE-05", b.slots([good + b.field(1, 2)]))
        self.fault("R-WIRE-06", b.slots([b.field(1, 2**32)]))
        for name in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\0b", b"\xf4\x90\x80\x80"):
            self.fault("R-WIRE-07", with_name(name))
        self.whole(b.build(slot_bytes=b.slots([good + b.field(6, 0)])).bytes)


def with_name(name):
    s = b.password_slot(b.DEK)
    del s["name"]
    return b.slots([b.message(b.SLOT, s) + b.field(4, name)])


class Slots(Case):
    def fault(self, rule, *many):
        result = self.fatal("R-OPEN-01", with_slots(*many))
        self.saw(result.findings[0], rule)

    def bad(self, rule, slot, **over):
        self.fault(rule, dict(slot, **over))

    def test_counts(self):
        self.fault("R-SLOT-01")
        kwp = [b.kwp_slot(b.DEK, bytes([n]) * 32, key_id=str(n)) for n in range(17)]
        self.fault("R-SLOT-01", *kwp)
        self.whole(with_slots(*kwp[:15], b.password_slot(b.DEK)))
        words = [b.password_slot(b.DEK, f"p{n}") for n in range(5)]
        self.fault("R-SLOT-11", *words)
        self.whole(with_slots(*words[:4]), Keys().add_password(b"correct horse"))

    def test_table(self):
        kwp = b.kwp_slot(b.DEK, bytes(32))
        rsa = dict(b.rsa_slot(b.DEK, private(1).public_key()))
        escrow = dict(b.rsa_slot(b.DEK, private(1).public_key(), kind=3, name="board"))
        pw = b.password_slot(b.DEK)
        a2 = b.password_slot(b.DEK, algorithm=4)
        for kind in (0, 4, 5):
            self.bad("R-SLOT-02", pw, kind=kind)
        for slot, algorithms in ((kwp, (0, 4, 5, 6)), (pw, (0, 1, 3, 6)), (escrow, (0, 3, 4))):
            for algorithm in algorithms:
                self.bad("R-SLOT-03", slot, algorithm=algorithm)
        for kms_id in ("", "a b", "x" * 65, "ä", "a\n"):
            self.bad("R-SLOT-04", kwp, kms_id=kms_id)
        self.bad("R-SLOT-04", pw, kms_id="lab")
        self.bad("R-SLOT-04", escrow, kms_id="lab")
        for slot in (kwp, rsa, pw, escrow):
            self.bad("R-SLOT-05", slot, name="")
            self.bad("R-SLOT-05", slot, name="ä" * 128)
        for slot, key_id in ((kwp, ""), (rsa, "x" * 256), (pw, "1"), (escrow, "1")):
            self.bad("R-SLOT-06", slot, key_id=key_id)
        for slot, version in ((kwp, 0), (rsa, 0), (pw, 1), (escrow, 1)):
            self.bad("R-SLOT-07", slot, version=version)
        for slot, length in ((kwp, 32), (pw, 32), (rsa, 0), (rsa, 31), (escrow, 33)):
            self.bad("R-SLOT-08", slot, fingerprint=bytes(length))
        for slot, lengths in ((kwp, (0, 32, 48)), (pw, (0, 256)), (rsa, (40, 255, 1025)),
                              (escrow, (40,))):
            for length in lengths:
                self.bad("R-SLOT-09", slot, wrapped=bytes(length))
        for slot in (kwp, rsa, escrow):
            for over in (dict(salt=bytes(16)), dict(memory_kib=8), dict(passes=1)):
                self.bad("R-SLOT-10", slot, **over)
        for over in (dict(salt=bytes(15)), dict(salt=b""), dict(memory_kib=8), dict(passes=0),
                     dict(passes=10_000_001)):
            self.bad("R-SLOT-10", pw, **over)
        for over in (dict(memory_kib=7), dict(memory_kib=262145), dict(passes=0),
                     dict(passes=17)):
            self.bad("R-SLOT-10", a2, **over)

    def test_twice(self):
        public = private(1).public_key()
        kwp = b.kwp_slot(b.DEK, bytes(32))
        self.fault("R-SLOT-12", kwp, b.kwp_slot(b.DEK, b"\1" * 32, name="other"))
        self.fault("R-SLOT-12", b.password_slot(b.DEK), b.password_slot(b.DEK, algorithm=4))
        self.fault("R-SLOT-12", b.rsa_slot(b.DEK, public, kind=3, name="a"),
                   b.rsa_slot(b.DEK, public, kind=3, name="b"))
        self.whole(with_slots(kwp, b.kwp_slot(b.DEK, b"\1" * 32, kms_id="other"),
                              b.password_slot(b.DEK)))
        self.fault("R-SLOT-13", kwp, dict(kwp, key_id="0816"))


class Opening(Case):
    def test_copies_differ(self):
        for copy in "AB":
            self.fatal("R-OPEN-02", b.retouch(ONE, 16, p32(1), copy, b.DEK), "header")
            self.fatal("R-OPEN-02", b.retouch(ONE, 8, b"\2", copy, b.DEK), "header")
            self.fatal("R-OPEN-03", b.retouch(ONE, at_core(105), b"\xee", copy), "header")
            self.fatal("R-ID-01", b.retouch(ONE, at_core(0), b"\2", copy), f"copy {copy}")
            self.fatal("R-OPEN-03", b.retouch(ONE, 32 + len(ONE.core), b"\xee", copy), "header")
            last = 32 + len(ONE.core) + 32 + len(ONE.mut) - 1
            self.fatal("R-OPEN-04", b.retouch(ONE, last, b"\2", copy, b.DEK), "header")

    def test_copies_of_two_deks(self):
        other = b.build(dek=b"\7" * 32)
        self.fatal("R-OPEN-03", ONE.a + other.b + ONE.payload + ONE.tail, "header")

    def test_no_key(self):
        self.fatal("R-OPEN-05", ONE.bytes, "header", Keys())
        self.fatal("R-OPEN-05", ONE.bytes, "header", Keys().add_password(b"wrong", "ops"))
        self.fatal("R-OPEN-05", ONE.bytes, "header", Keys().add_password(b"correct horse", "x"))

    def test_limit(self):
        keys = password_keys().add_password(b"wrong")
        keys.max_failures = 3
        words = [b.password_slot(b.DEK, f"p{n}") for n in range(4)]
        self.fatal("R-OPEN-06", with_slots(*words), "header", keys)
        keys.max_failures = 32
        self.fatal("R-OPEN-05", with_slots(*words), "header", keys)
        del keys.passwords[:]
        self.fatal("R-OPEN-05", with_slots(*words), "header", keys)

    def test_alike(self):
        """A slot that does not unwrap, another DEK, TAG, the commitment: one rule, one text."""
        keys = Keys().add_private(private(1))
        slot = b.rsa_slot(b.DEK, private(1).public_key())
        o = b.build(slot_list=[slot])
        texts = set()
        for bad in (b.build(slot_list=[dict(slot, wrapped=b"\1" * 512)]),
                    b.build(slot_list=[dict(slot, wrapped=b"\1" * 256)]),
                    b.build(slot_list=[b.rsa_slot(b"\9" * 32, private(1).public_key())]),
                    b.build(slot_list=[slot], P=b"\1" * 56)):
            texts.add(self.fatal("R-OPEN-07", bad.bytes, "header", keys).fatal.text)
        texts.add(self.fatal("R-OPEN-07", b.retouch(o, 16350, b"\1"), "header", keys).fatal.text)
        self.assertEqual(len(texts), 1)

    def test_tag_in_one_copy(self):
        for copy in "AB":
            self.event("R-OPEN-08", b.retouch(ONE, 16350, b"\1", copy), f"copy {copy}")
        raised = b.retouch(ONE, 32 + len(ONE.core) + 32, p64(7), "A")
        self.event("R-OPEN-08", raised, "copy A")


class Box(Case):
    def fault(self, rule, box_plain, id=None):
        return self.fatal(rule, b.build(id=id, box_plain=box_plain).bytes, "box")

    def test_sealed(self):
        self.fatal("R-BOX-01", b.build(box_sealed=bytes(71)).bytes, "box")
        self.fatal("R-BOX-01", b.build(box_sealed=ONE.sealed[:56]).bytes, "box")
        self.fatal("R-BOX-02", b.build(box_ctx=bytes(104)).bytes, "box")
        self.fatal("R-BOX-02", b.build(box_sealed=flip(ONE.sealed, len(ONE.sealed) - 1)).bytes, "box")

    def test_plain(self):
        bk = derive.BK(b.GS[2], b.CHAIN, 2)
        attrs = b.attribute("a", b"x" * 8188)
        self.fault("R-BOX-03", b.box(attrs=attrs + b"\1"))
        self.fault("R-BOX-03", bytes(60))
        self.fault("R-BOX-03", b.ROOT + bk + p32(4000) + bytes(188))
        self.fault("R-BOX-03", b.ROOT + bk + p32(0) + p32(1001) + bytes(64 * 1001))
        self.fault("R-BOX-03", b.ROOT + bk + p32(0) + p32(4) + bytes(184))
        self.fault("R-BOX-04", b.box() + bytes(256))
        self.fault("R-BOX-04", b.box()[:-1])
        self.fault("R-BOX-05", b.box()[:-1] + b"\1")
        self.fault("R-BOX-06", b.box(pairs=[(b.ROOT, b.ROOT)]))

    def test_root(self):
        det = b.make_id(standing=1, generation=0)
        self.fault("R-BOX-07", b.box(), det)
        self.fault("R-BOX-07", b.box(b.EMPTY), det)
        self.fault("R-BOX-08", b.box(b.EMPTY, b.EMPTY))
        self.fault("R-BOX-08", b.box(b"\1" * 32))
        other = b.build(box_plain=b.box(bk=b"\1" * 32))
        self.fatal("R-BOX-09", other.bytes, "box", secrets=Secrets(b.secrets()))
        self.whole(other.bytes)

    def test_attributes(self):
        def bad(rule, attrs):
            self.fault(rule, b.box(attrs=attrs))
        bad("R-ATTR-02", b"\1")
        bad("R-ATTR-02", b.attribute("a", b"xy")[:-1])
        for name in (b"", b"A", b"a b", b"x" * 65, b"a\n", "ä".encode()):
            bad("R-ATTR-03", b.attribute(name, b""))
        bad("R-ATTR-04", b.attribute("b", b"") + b.attribute("a", b""))
        bad("R-ATTR-04", b.attribute("a", b"") * 2)
        bad("R-ATTR-04", b.attribute("ab", b"") + b.attribute("a", b""))
        bad("R-ATTR-05", b.attribute(".label", b"x" * 256))
        bad("R-ATTR-05", b.attribute(".label", b"\xff"))
        bad("R-ATTR-05", b.attribute(".label", b"\0"))
        bad("R-ATTR-05", b.attribute(".number", b"\1"))
        bad("R-ATTR-05", b.attribute(".number", bytes(8)))
        bad("R-ATTR-05", b.attribute(".number", p64(2**48)))
        bad("R-ATTR-05", b.attribute(".begun", bytes(9)))
        own = b.attribute(".later", b"?") + b.attribute("a", b"") + b.attribute("ab", b"")
        self.whole(b.build(box_plain=b.box(attrs=own)).bytes)


class Tail(Case):
    def fault(self, rule, **over):
        self.event(rule, b.build(tail_over=over).bytes, "tail")

    def test_tail(self):
        self.fatal("R-TAIL-01", ONE.bytes[:2 * 16384 + 135], "tail")
        self.fault("R-TAIL-02", magic=bytes(8))
        self.event("R-TAIL-03", ONE.bytes[:-1] + bytes([ONE.bytes[-1] ^ 1]), "tail")
        self.fault("R-TAIL-04", version=2)
        self.fault("R-TAIL-04", flags=1)
        self.fault("R-TAIL-04", zeros=b"\0\0\0\1")
        self.fault("R-TAIL-04", end=b"\0\0\0\1")

    def test_of_another(self):
        n = len(ONE.payload)
        i = ONE.id.object_id
        front = ONE.bytes[:-64]
        self.event("R-TAIL-05", front + b.make_tail(bytes(16), n, ONE.link), "tail")
        self.event("R-TAIL-06", front + b.make_tail(i, n + 1, ONE.link), "tail")
        self.event("R-TAIL-07", front + b.make_tail(i, n, bytes(32)), "tail")


class Payload(Case):
    def plain(self, rule, plain, part="footer"):
        self.fatal(rule, b.build(plain=plain).bytes, part)

    def test_sealed(self):
        o = b.build(plain=b.stream(bytes(57344)))
        front, n = 32768, len(o.payload)
        for cut in range(1, 16):
            short = o.bytes[:front + 56 + 16400 + cut] + o.tail
            self.fatal("R-PAY-01", short, "payload")
        for at in (front, front + 23, front + 24, front + 55):
            self.fatal("R-PAY-02", flip(o.bytes, at), "payload")
        self.fatal("R-PAY-04", flip(o.bytes, front + n - 1), "payload")
        self.fatal("R-PAY-04", flip(o.bytes, front + 56 + 3 * 16400), "payload")
        self.fatal("R-PAY-04", o.bytes[:front + 56 + 2 * 16400 + 100] + o.tail, "payload")
        self.fatal("R-PAY-04", o.bytes[:front + 56 + 2 * 16400 - 1] + o.tail, "payload")
        self.fatal("R-PAY-04", o.bytes[:-64] + b"\0" + o.tail, "payload")
        self.fatal("R-PAY-04", o.bytes[:-1], "payload")
        for at in (front + 56, front + 56 + 16399, front + 56 + 16400, front + 56 + 3 * 16400 - 1):
            self.fatal("R-PAY-05", flip(o.bytes, at), "payload")

    def test_context(self):
        o = b.build(payload_ctx=bytes(56))
        self.fatal("R-OPEN-05", o.bytes, "header")

    def test_footer(self):
        data = b"some data"
        self.plain("R-FTR-01", bytes(127))
        for rule, over in (("R-FTR-02", dict(version=2)), ("R-FTR-03", dict(content=0)),
                           ("R-FTR-03", dict(content=2)), ("R-FTR-04", dict(codec=1)),
                           ("R-FTR-05", dict(five=b"\0\0\1")),
                           ("R-FTR-05", dict(end=bytes(39) + b"\1")),
                           ("R-FTR-06", dict(block=16)), ("R-FTR-06", dict(segment=11)),
                           ("R-FTR-06", dict(stored=1)), ("R-FTR-07", dict(rows=1)),
                           ("R-FTR-07", dict(rows_at=1)), ("R-FTR-07", dict(strings=1)),
                           ("R-FTR-07", dict(strings_at=1)), ("R-FTR-08", dict(size=8)),
                           ("R-FTR-08", dict(size=10)), ("R-FTR-08", dict(size=2**64 - 1)),
                           ("R-FTR-08", dict(attributes_at=9)),
                           ("R-FTR-08", dict(size=8, attributes_at=7, attributes_len=1)),
                           ("R-FTR-08", dict(size=8, attributes_at=8, attributes_len=2)),
                           ("R-FTR-08", dict(attributes_at=9, attributes_len=2**64 - 1))):
            self.plain(rule, b.stream(data, **over))

    def test_attributes(self):
        self.plain("R-ATTR-03", b.stream(b"", b.attribute("A", b"")), "attributes")
        most = 8192 - len(b.attributes()) - 4
        self.whole(b.build(plain=b.stream(b"x", b.attribute("a", bytes(most)))).bytes)
        self.plain("R-ATTR-01", b.stream(b"x", b.attribute("a", bytes(most + 1))), "attributes")
        self.plain("R-ATTR-01", b.stream(b"x", bytes(8193)), "attributes")


def flip(what, at, bit=1):
    return what[:at] + bytes([what[at] ^ bit]) + what[at + 1:]


class Chunked(Case):
    def test_lengths(self):
        for n in list(range(0, 40)) + list(range(16370, 16400)) + [32768, 49152 - 1]:
            m = b.seal(b.DEK, "x", b"", bytes(n))
            self.assertTrue(chunked.possible(len(m)))
            self.assertEqual(chunked.plain_length(len(m)), n)
            self.assertEqual(chunked.open_whole(b.DEK, "x", b"", m), bytes(n))
        possible = {len(b.seal(b.DEK, "x", b"", bytes(n))) for n in range(16384 * 2 + 50)}
        self.assertEqual(possible, {n for n in range(max(possible) + 1) if chunked.possible(n)})
        self.assertEqual(header.CAPACITIES[0], 16384)
