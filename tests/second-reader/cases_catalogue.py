"""Section 10: metadata payload."""

import builder as b
from support import Case


def catalogue(**over):
    return b.metadata(plain=b.catalogue(**over)).bytes


class Catalogue(Case):
    def fault(self, rule, part=None, **over):
        return self.fatal(rule, catalogue(**over), part)

    def head(self, rule, **over):
        self.fault(rule, "head", head_bytes=b.head(**over))

    def row(self, rule, strings=b"", **over):
        self.fault(rule, "rows", rows=[b.row(**over)], strings=strings)

    def test_whole(self):
        strings = b"first" + b.attribute("os", b"12")
        rows = [b.row(label_len=5), b.row(number=2, kind=2, parent=1, attributes_at=5,
                                          attributes_len=len(strings) - 5, flags=2)]
        for over in (dict(), dict(rows=rows, strings=strings), dict(strings=b"x"),
                     dict(rows=[b.row()]), dict(rows=[b.row(dek=bytes(32), flags=1)])):
            self.whole(catalogue(**over))
        m = self.whole(catalogue(rows=rows, strings=strings)).opened.metadata
        self.assertEqual([r.label for r in m.rows], ["first", ""])
        self.assertEqual(m.rows[1].named, {"os": b"12"})
        self.assertEqual(m.head.chain_name, "web01")

    def test_footer(self):
        self.fault("R-FTR-03", "footer", content=1)
        self.fault("R-FTR-06", "footer", block=12)
        self.fault("R-FTR-09", "footer", size=1)
        self.fault("R-FTR-09", "footer", attributes_at=1)
        self.fault("R-FTR-09", "footer", attributes_len=1)
        self.fault("R-FTR-10", "footer", ended=b.BEGUN + 1)
        self.fault("R-FTR-11", "footer", rows_n=2**20 + 1)
        self.fault("R-FTR-11", "footer", strings_n=2**32)
        self.fault("R-FTR-12", "footer", rows_at=8)
        self.fault("R-FTR-12", "footer", strings_at=8)
        self.fault("R-FTR-12", "footer", rows_n=1, rows_at=2**63)
        row = [b.row()]
        self.fault("R-FTR-12", "footer", rows=row, strings=b"x", strings_at=9)

    def test_layout(self):
        def raw(plain):
            self.fatal("R-META-01", b.metadata(plain=plain + b.footer(0, ended=b.BEGUN)).bytes,
                       "metadata")
        for plain in (b"", b"\0\0\0", b"\xff" * 4, bytes(7), b.p32(1) + bytes(4),
                      b.p32(68) + b.secrets((1,)) + b.p32(1)):
            raw(plain)
        self.fault("R-META-01", "metadata", head_bytes=bytes(16777216))
        self.fault("R-META-02", "metadata", gap=b"\0")
        self.fault("R-META-02", "metadata", gap=b"\0", rows=[b.row()])
        self.fault("R-META-02", "metadata", gap=b"\0", strings=b"x")

    def test_secrets(self):
        def bad(rule, secrets, part="SECRETS"):
            self.fault(rule, part, secret_bytes=secrets)
        for wrong in (b"", b.ROOT, b.secrets()[:-1], b.secrets() + b"\0"):
            bad("R-SEC-01", wrong)
        many = {g: bytes(32) for g in range(1, 4098)}
        bad("R-SEC-01", b.secrets(range(1, 4098), gs=many))
        for gens in ((0, 1), (2, 1), (2, 2), (1, 2**31)):
            bad("R-SEC-02", b.secrets(gens, gs={g: bytes(32) for g in gens}))
        bad("R-META-03", b.secrets(root=b"\1" * 32), "metadata")
        bad("R-META-04", b.secrets((1,)), "metadata")
        self.fatal("R-META-05", b.metadata(plain=b.catalogue(), gs=b.GS[1]).bytes, "metadata")
        self.fatal("R-META-05", b.metadata(att=b"\1" * 32).bytes, "metadata")

    def test_head(self):
        for name in ("", ".x", "X", "a b", "x" * 65, "a/b"):
            self.head("R-HEAD-01", chain_name=name)
        for serial in (0, 2**48):
            self.head("R-HEAD-02", serial=serial)
        lab = b.lab
        self.head("R-HEAD-03", recipient=[])
        self.head("R-HEAD-03", recipient=[b.recipient(kind=2, name=str(n)) for n in range(17)])
        for bad in (lab(kind=4), lab(kind=0), lab(kms_id=""), lab(name=""), lab(name="x" * 256),
                    lab(fingerprint=bytes(32)), dict(kind=2, name="x", kms_id="lab"),
                    dict(kind=2, name=""), dict(kind=2, name="x", fingerprint=bytes(32)),
                    dict(kind=3, name="x"), dict(kind=3, name="x", fingerprint=bytes(31)),
                    dict(kind=3, name="", fingerprint=bytes(32))):
            self.head("R-HEAD-04", recipient=[b.recipient(**bad)])
        fp = bytes(range(32))
        for two in ([lab(), lab()], [dict(kind=2, name="x")] * 2,
                    [dict(kind=3, name="x", fingerprint=fp), dict(kind=3, name="y",
                                                                  fingerprint=fp)]):
            self.head("R-HEAD-05", recipient=[b.recipient(**r) for r in two])
        self.whole(catalogue(head_bytes=b.head(recipient=[
            b.recipient(kind=2, name="x"), b.recipient(kind=3, name="x", fingerprint=fp),
            b.recipient(**lab(name="x")), b.recipient(**lab(name="y"))])))

    def test_keys(self):
        self.head("R-HEAD-06", key_set=[b.field(1, 0)] * 65537)
        self.head("R-HEAD-06", past=[b.field(1, n + 1) + b.field(2, bytes(32))
                                     for n in range(1025)])
        for bad in (dict(kind=4), dict(version=0), dict(key_id=""), dict(kms_id=""),
                    dict(fingerprint=bytes(31)), dict(spki=b"x"), dict(key_id="x" * 256)):
            self.head("R-HEAD-07", key=[b.key(**b.lab_key(**bad))] * 2)
        for bad in (dict(kind=2, name="x", version=1), dict(kind=2, name="x", key_id="1"),
                    dict(kind=2, name="x", fingerprint=bytes(32)), dict(kind=3, name="x"),
                    dict(kind=3, name="x", fingerprint=bytes(32), version=1)):
            self.head("R-HEAD-07", key=[b.key(**bad)] * 2)
        for bad in (b"", b.field(1, b"\1\0"), b.field(1, b"\0\0"), b.field(1, 2)):
            self.head("R-HEAD-08", key_set=[bad])
        self.whole(catalogue(head_bytes=b.head(key_set=[b.field(1, 0) + b.field(1, 1)])))
        self.whole(catalogue(head_bytes=b.head(key=[b.key(**b.lab_key(fingerprint=b""))] * 2)))

    def test_lists(self):
        def stone(object_id, number=1):
            return b.field(1, object_id) + b.field(2, number)
        for bad in ([stone(bytes(15))], [stone(bytes(16), 2**48)], [stone(bytes(16))] * 2):
            self.head("R-HEAD-09", tombstone=bad)

        def past(number, link=bytes(32)):
            return b.field(1, number) + b.field(2, link)
        for bad in ([past(1, bytes(31))], [past(0)], [past(2**48)], [past(2), past(2)],
                    [past(2), past(1)]):
            self.head("R-HEAD-10", past=bad)
        self.whole(catalogue(head_bytes=b.head(tombstone=[stone(bytes(16)), stone(b"\1" * 16, 0)],
                                               past=[past(1), past(2)], rebuilt=True)))

    def test_wire(self):
        self.head("R-WIRE-02", extra=b.field(8, 1))
        self.head("R-WIRE-02", extra=b.field(10, b""))
        self.head("R-WIRE-05", extra=b.field(2, 1))
        self.head("R-WIRE-06", extra=b.field(6, 2))
        self.head("R-WIRE-04", extra=b.field(5, 2))
        self.whole(b.metadata(plain=b.catalogue(head_bytes=b.head(extra=b.field(8, 1))),
                              minor=1).bytes)

    def test_row(self):
        self.row("R-ROW-01", zeros=bytes(11) + b"\1")
        self.row("R-ROW-02", number=0)
        self.row("R-ROW-02", number=2**48)
        self.fault("R-ROW-02", "rows", rows=[b.row(number=2), b.row(number=2)])
        self.row("R-ROW-03", number=2, parent=1)
        self.row("R-ROW-03", number=2, parent=2, kind=2)
        for bad in (dict(format=0), dict(format=2), dict(kind=0), dict(kind=3), dict(standing=2),
                    dict(standing=1), dict(content=0), dict(content=3), dict(generation=0),
                    dict(generation=2**31), dict(metadata_number=2**48), dict(serial=2**48),
                    dict(standing=1, generation=0, kind=2)):
            self.row("R-ROW-04", **bad)
        for bad in (dict(label_at=1), dict(attributes_at=1), dict(label_len=1, label_at=2**31),
                    dict(label_len=3), dict(attributes_len=3)):
            self.row("R-ROW-05", b"ab", **bad)
        self.row("R-ROW-05", b"a" * 256, label_len=256)
        self.row("R-ROW-05", b"a" * 8193, attributes_len=8193)
        self.row("R-ROW-06", key_set=1)
        self.row("R-ROW-07", revision=0)
        self.row("R-ROW-08", k=4)
        self.row("R-ROW-09", provenance=0)
        self.row("R-ROW-09", provenance=6)
        self.row("R-ROW-10", flags=4)
        self.row("R-ROW-10", flags=0x8000)
        self.row("R-ROW-11", dek=bytes(32))
        self.row("R-ROW-11", flags=1)
        self.row("R-ROW-12", b"\xff", label_len=1)
        self.row("R-ROW-12", b"\xff", attributes_len=1)
