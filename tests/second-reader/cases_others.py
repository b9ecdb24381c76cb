"""Sections 12 to 14: pin, foreign objects, keystore."""

import builder as b
from second_reader import derive, foreign, keystore, pin, verdict, wrap
from second_reader.data import source
from second_reader.keys import Keys
from support import Case, password_keys, private


class Pin(Case):
    def fault(self, rule, body=None, **over):
        self.refused(rule, lambda: pin.parse(b.pin_bytes(body, **over)))

    def test_whole(self):
        p = pin.parse(b.pin_bytes())
        self.assertEqual((p.number, p.generation, len(p.pending)), (1, 2, 1))

    def test_frame(self):
        good = b.pin_bytes()
        for bad in (b"", good[:15], b.pin_bytes(magic=bytes(8)), b.pin_bytes(bytes(65521))):
            self.refused("R-PIN-01", lambda: pin.parse(bad))
        self.fault("R-PIN-02", length=7)
        self.refused("R-PIN-02", lambda: pin.parse(good + b"\0"))
        self.fault("R-PIN-03", crc=0)

    def test_message(self):
        for bad in (dict(chain_id=bytes(31)), dict(pin=b""), dict(link=bytes(33))):
            self.fault("R-PIN-04", **bad)
        for g in (0, 2**31):
            self.fault("R-PIN-05", generation=g)
        for bad in (dict(number=0), dict(number=2**48), dict(serial=0), dict(serial=2**48)):
            self.fault("R-PIN-06", **bad)
        one = b.recipient(**b.lab())
        for bad in ([], [one, one], [b.recipient(kind=4)], [one] * 17):
            self.fault("R-PIN-07", recipient=bad)
        for bad in (b.lab_key(version=0), b.lab_key(spki=bytes(2049)), dict(kind=9),
                    dict(kind=2, name="x", spki=b"x")):
            self.fault("R-PIN-08", key=[b.key(**bad)])
        entry = b.field(1, bytes(16)) + b.field(2, bytes(32))
        for bad in ([entry] * 129, [b.field(1, bytes(16))], [b.field(2, bytes(32))]):
            self.fault("R-PIN-09", pending=bad)
        self.fault("R-WIRE-02", extra=b.field(11, 1))
        self.fault("R-WIRE-01", body=b"\x0a")

    def test_every_flip(self):
        good = b.pin_bytes()
        for at in range(8 * len(good)):
            bad = bytearray(good)
            bad[at // 8] ^= 1 << at % 8
            self.assertEqual(verdict.verdict_pin(bad).status, "E_FORMAT")


class Foreign(Case):
    def fault(self, rule, what=None, **over):
        self.refused(rule, lambda: foreign.Foreign(what or b.foreign(**over), password_keys()))

    def test_whole(self):
        head = b.foreign()
        f = foreign.Foreign(head, password_keys())
        self.assertEqual((f.context, f.sealed), (b"disk of vm-17", b"theirs"))
        for n in (0, 5, 16384, 40000):
            sealed = b.foreign_payload(head, bytes(n), 3)
            p = f.payload(source(sealed), 3)
            self.assertEqual(b"".join(p.pieces(0, p.length)), bytes(n))

    def test_header(self):
        i = dict(kind=4, content=0, chain=b.EMPTY, generation=0, serial=0, number=0)
        self.fault("R-PRE-12", mut_len=2**31)
        self.fault("R-PRE-08", what=b.build().a)
        self.fault("R-FRN-01", extra=8)
        self.fault("R-FRN-02", what=b.foreign() + b"\0")
        self.fault("R-FRN-03", id=b.make_id())
        for bad in (dict(standing=1), dict(content=1), dict(chain=b.CHAIN), dict(generation=1),
                    dict(serial=1), dict(number=1), dict(parent=b"\1" * 32)):
            self.fault("R-FRN-04", id=b.make_id(**dict(i, **bad)))
        self.fault("R-FRN-05", P=b"\1" * 56)
        self.fault("R-FRN-05", att=b"\1" * 32)
        self.fault("R-FRN-06", context=bytes(1025))
        self.fault("R-FRN-07", box_plain=b.box(b.ROOT, b.EMPTY))
        self.fault("R-FRN-07", box_plain=b.box(b.EMPTY, b.ROOT))
        self.fault("R-FRN-07", box_plain=b.box(b.EMPTY, b.EMPTY, pairs=[(b.ROOT, b.ROOT)]))
        self.fault("R-BOX-03", sealed=bytes(8193))
        foreign.Foreign(b.foreign(sealed=bytes(8192), context=bytes(1024)), password_keys())

    def test_keys(self):
        self.refused("R-OPEN-05", lambda: foreign.Foreign(b.foreign(), Keys()))
        key = private(1)
        slot = b.rsa_slot(b"\1" * 32, key.public_key())
        self.refused("R-OPEN-07", lambda: foreign.Foreign(b.foreign(slot_list=[slot]),
                                                          Keys().add_private(key)))

    def test_payload(self):
        head = b.foreign()
        f = foreign.Foreign(head, password_keys())
        sealed = b.foreign_payload(head, bytes(40000), 3)

        def read(what, stream=3):
            p = f.payload(source(what), stream)
            return b"".join(p.pieces(0, p.length))
        self.refused("R-PAY-01", lambda: read(sealed[:56]))
        self.refused("R-PAY-03", lambda: read(sealed, 4))
        self.refused("R-PAY-03", lambda: read(b.foreign_payload(head, b"", 3, b"other")))
        self.refused("R-PAY-04", lambda: read(sealed[:-1]))
        self.refused("R-PAY-04", lambda: read(sealed[:56 + 16400]
                                              + sealed[56 + 2 * 16400:56 + 2 * 16400 + 20]))
        swapped = sealed[:56] + sealed[56 + 16400:56 + 2 * 16400] + sealed[56:56 + 16400]
        self.refused("R-PAY-05", lambda: read(swapped + sealed[56 + 2 * 16400:]))


class Keystore(Case):
    def fault(self, rule, what=None, passphrase=b"open sesame", **over):
        self.refused(rule, lambda: keystore.Keystore(what or b.store(**over), passphrase))

    def setUp(self):
        self.k1, self.k2 = private(1), private(2)
        self.two = [b.entry(self.k1, state=2), b.entry(self.k2, version=2)]

    def test_whole(self):
        gone = b.entry(private(3), name="aa", version=1, state=4, spki=b"")
        s = keystore.Keystore(b.store([gone, b.entry(private(4), name="aa", version=2)]
                                      + self.two), b"open sesame")
        got = s.private("vm", "vm/2", wrap.fingerprint(self.k2.public_key()))
        self.assertEqual(got.private_numbers(), self.k2.private_numbers())
        self.assertIsNone(s.private("vm", "vm/1", wrap.fingerprint(self.k2.public_key())))
        self.assertIsNone(s.private("vm", "vm/3", wrap.fingerprint(self.k2.public_key())))
        o = b.build(slot_list=[b.rsa_slot(b.DEK, self.k1.public_key())]).bytes
        self.whole(o, Keys().add_keystore(s, "lab"))
        self.whole(o, Keys().add_keystore(s))
        self.fatal("R-OPEN-05", o, "header", Keys().add_keystore(s, "other"))
        scoped = Keys().add_keystore(s, "lab")
        scoped.scope = {("lab", "other")}
        self.fatal("R-OPEN-05", o, "header", scoped)

    def test_file(self):
        self.fault("R-KS-01", b.store()[:119])
        self.fault("R-KS-01", magic=bytes(8))
        self.fault("R-KS-02", version=2)
        self.fault("R-KS-03", zeros=b"\0\1")
        for bad in (dict(memory=7), dict(memory=262145), dict(passes=0), dict(passes=17)):
            self.fault("R-KS-04", **bad)
        self.fault("R-KS-05", revision=0)
        self.fault("R-KS-06", count=65537)
        self.fault("R-KS-07", entries=self.two, count=3)
        self.fault("R-KS-07", entries=self.two, behind=b"\0")
        self.fault("R-KS-07", entries=[self.two[1][:-1]])

    def test_entries(self):
        k = self.k1
        for name in (b"", b"x" * 65, b"a b", b"a\n"):
            self.fault("R-KS-08", entries=[named(k, name)])
        self.fault("R-KS-09", entries=[b.entry(k, version=0)])
        for bad in ([self.two[1], self.two[0]], [self.two[1]] * 2,
                    [b.entry(k, name="b"), b.entry(k, name="a")],
                    [b.entry(k, name="ab"), b.entry(k, name="a")]):
            self.fault("R-KS-10", entries=bad)
        for state in (0, 3, 5):
            self.fault("R-KS-11", entries=[b.entry(k, state=state)])
        for bad in ([b.entry(k, state=2)], [b.entry(k), b.entry(k, version=2)],
                    [b.entry(k), b.entry(k, version=2, state=2)],
                    [b.entry(k), b.entry(k, version=2, state=4)]):
            self.fault("R-KS-12", entries=bad)
        for bad in (b.entry(k, sealed=b""), b.entry(k, sealed=bytes(8193)),
                    b.entry(k, state=4, sealed=b"x")):
            self.fault("R-KS-13", entries=[bad])
        for bad in (b.entry(k, spki=b""), b.entry(k, spki=bytes(2049))):
            self.fault("R-KS-14", entries=[bad])

    def test_secrets(self):
        self.fault("R-KS-15", passphrase=b"wrong")
        self.fault("R-KS-16", mac=bytes(32))

        def opened(entry):
            s = keystore.Keystore(b.store([entry]), b"open sesame")
            return lambda: s.open_entry(s.file.entries[0])
        self.refused("R-KS-17", opened(b.entry(self.k1, sealed=bytes(2000))))
        self.refused("R-KS-17", opened(b.entry(self.k1, sealed=bytes(20))))
        self.refused("R-KS-18", opened(b.entry(self.k1, der=b"no key")))
        self.refused("R-KS-18", opened(b.entry(self.k1, fingerprint=bytes(32))))
        self.refused("R-KS-19", opened(b.entry(self.k1, spki=b"x")))
        der = self.k2.private_bytes(b.serialization.Encoding.DER, b.serialization.PrivateFormat.PKCS8,
                                    b.serialization.NoEncryption())
        self.refused("R-KS-18", opened(b.entry(self.k1, der=der)))


def named(key, name):
    e = bytearray(b.entry(key, name="n" * (len(name) or 1)))
    return bytes([len(name)]) + name + bytes(e[1 + (len(name) or 1):])


class KnownAnswers(Case):
    def test_derivations(self):
        """The secrets of the worked examples (section 15)."""
        g, c = b.GS[2], b.CHAIN
        self.assertEqual([x.hex() for x in (
            c, derive.AK(g, c, 2), derive.BK(g, c, 2), derive.PIN(g, c, 2), derive.K_pay(b.DEK),
            derive.K_box(b.DEK), derive.K_hdr(b.DEK))], [
            "a1a7e9ff37648771c7a29118710bf75b852743fc5818ef4814c5b955be842f8f",
            "1741449efc2b55069fbfdbb52da026563718937de3e185b820819d057169c8ba",
            "2e5a991afa81c71bb6672a42ba5c7b2466a38152cac9e0f0f3a9bf8c0c86517c",
            "3f15fa69d315aaaa84970bfc59707c8ab735a2f4050227728a4af9be3a6faaf5",
            "67d5d3dd533cb528aa3b9e0a3feb07e27226d727818f42b8f657e89d700c25f2",
            "295265ae6a8fd058922a4a6b845fbe83f7e9cc5f4ae8bd96e779f2b4691afc13",
            "360ebec8f3565d15dcf48c48b14e9123e51645997d3d2688d5c30394650fae8f"])

    def test_crc32c(self):
        self.assertEqual(b.crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(b.crc32c(bytes(32)), 0x8A9136AA)
        self.assertEqual(b.crc32c(b"\xff" * 32), 0x62A8AB43)
        for n in (63, 64, 65, 1000, 16384):
            x = b"ab" + bytes(n) + b"c" + bytes(n) + b"\1"
            r = 0xFFFFFFFF
            for byte in x:
                r ^= byte
                for _ in range(8):
                    r = r >> 1 ^ (0x82F63B78 if r & 1 else 0)
            self.assertEqual(b.crc32c(x), r ^ 0xFFFFFFFF)
