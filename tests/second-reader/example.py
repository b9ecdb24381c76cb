#!/usr/bin/python3
"""The worked examples of docs/format.md, section 15, computed in Python only.

    example.py            prints them
    example.py --check    compares them with the document; exit status 1 where they differ
    example.py --write    puts them into the document
    example.py --files D  writes the examples as files into D
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import builder as b
    from second_reader import derive, foreign, image, keystore, pin, verdict
    from second_reader.keys import Keys
    from second_reader.payload import split_footer
except ImportError as e:
    print(f"skipped: {e.name} is missing (python3-cryptography, python3-argon2)")
    sys.exit(77)

FORMAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "format.md")
BLOCK = re.compile(r"(<!-- example: (\S+) -->\n```\n)(.*?)(```\n)", re.S)
PASSWORD = b"correct horse"


def lines(parts):
    """label, bytes: 32 bytes of hex a line."""
    out = []
    for label, what in parts:
        if isinstance(what, str):
            out.append(f"{label:<14}{what}")
            continue
        digits = what.hex()
        pieces = [digits[i:i + 64] for i in range(0, len(digits), 64)] or ["(empty)"]
        for i, piece in enumerate(pieces):
            out.append(f"{label if i == 0 else '':<14}{piece}".rstrip())
    return "\n".join(out) + "\n"


def derivations():
    g, c = b.GS[2], b.CHAIN
    return [("DEK", b.DEK), ("root", b.ROOT), ("GS_1", b.GS[1]), ("GS_2", g), ("chain id", c),
            ("AK_2", derive.AK(g, c, 2)), ("BK_2", derive.BK(g, c, 2)),
            ("PIN_2", derive.PIN(g, c, 2)), ("K_pay", derive.K_pay(b.DEK)),
            ("K_box", derive.K_box(b.DEK)), ("K_hdr", derive.K_hdr(b.DEK)),
            ("", "X(DEK, \"block hash\", \"\") and the hash of 64 KiB of zeros under BK_2:"),
            ("X", derive.X(b.DEK, "block hash")), ("block hash", block_hash(derive.BK(g, c, 2)))]


def block_hash(key, block=bytes(65536)):
    return b.AESGCM(key).encrypt(bytes(12), b"", block)


def slot(dek):
    return b.password_slot(dek, "ops", PASSWORD, algorithm=4, passes=1, memory=8)


def copy_parts(c, core, mut):
    at = 32 + len(core)
    end = at + 32 + len(mut)
    gap = len(c) - 36 - end
    parts = [("PRE", c[:32]), ("ID", c[32:136]), ("P", c[136:192]), ("box length", c[192:196]),
             ("box", core[164:]), ("ATT", c[at:at + 32]), ("MUT", mut)]
    return parts + [("", f"({gap} zeros)")] * (gap > 0) + [("TAG", c[-36:-4]), ("CRC32C", c[-4:])]


def point():
    plain = b.stream(b"hello, envelope", b.attribute("os", b"debian"))
    o = b.build(plain=plain, slot_list=[slot(b.DEK)], box_plain=b.box(attrs=b.attributes()))
    return o


def point_parts(o):
    return ([("box, plain", o.box_plain)] + copy_parts(o.a, o.core, o.mut)
            + [("copy B: PRE", o.b[:32]), ("TAG", o.b[-36:-4]), ("CRC32C", o.b[-4:]),
               ("data", o.plain[:15]), ("attributes", o.plain[15:-128]),
               ("footer", o.plain[-128:]), ("payload", o.payload), ("tail", o.tail),
               ("LINK", o.link)])


def catalogue(o):
    strings = b"first" + o.plain[15:-128]
    row = b.row_of(o, size=15, label_len=5, attributes_at=5, attributes_len=len(strings) - 5)
    plain = b.catalogue([row], strings)
    return b.metadata(2, plain=plain, parent=bytes(range(1, 33)), dek=bytes(range(1, 33)),
                      object_id=bytes(range(0xC0, 0xD0)), slot_list=[slot(bytes(range(1, 33)))])


def catalogue_parts(m):
    s, h = b.secrets(), b.head()
    at = 8 + len(s) + len(h)
    p = m.plain
    return [("length", p[:4]), ("SECRETS", s), ("length", p[4 + len(s):8 + len(s)]), ("head", h),
            ("row", p[at:at + 192]), ("strings", p[at + 192:-128]), ("footer", p[-128:])]


def head_parts(m):
    return [("DEK", m.dek), ("ID", m.core[:104]), ("ATT", m.att), ("LINK", m.link)]


def image_parts(o):
    """Block 0 is stored, 1 is zero, 2 lies in the parent, at 4,096."""
    key = derive.BK(b.GS[2], b.CHAIN, 2)
    kept = image.block_hash(key, bytes([2]) * 808, 4096)
    plain = b.disk(9000, [({0: bytes([3]) * 4096}, {2: (b.at(2, 0, 4096), kept)})], [o.link])
    f = split_footer(plain[-128:])
    index = image.entry(plain[f.rows_at:f.rows_at + 16], 1)[2]
    hashes = index + image.LOCATIONS
    return [("location", plain[index:index + 24]), ("", "(2,045 of zero)"),
            ("hash", plain[hashes:hashes + 48]), ("", "(2,045 of zero)"),
            ("directory", plain[f.rows_at:f.rows_at + 16]),
            ("object table", plain[f.strings_at:f.strings_at + 32]), ("footer", plain[-128:])]


def foreign_parts(head, payload):
    end = len(head)
    core_len = b.header.u32(head, 24)
    mut_len = b.header.u32(head, 28)
    core = head[32:32 + core_len]
    mut = head[64 + core_len:64 + core_len + mut_len]
    parts = copy_parts(head, core[:-17], mut)
    box = next(i for i, (label, _) in enumerate(parts) if label == "box") + 1
    parts[box:box] = [("ctx length", core[-17:-13]), ("context", core[-13:])]
    parts[box + 2] = ("ATT", head[32 + core_len:64 + core_len])
    assert end == 64 + core_len + mut_len + 36
    return parts + [("data", b"sector 0"), ("payload, s=3", payload)]


def examples():
    """name, text, file name, bytes."""
    b.rand = b.Fixed()
    o = point()
    m = catalogue(o)
    p = b.pin_bytes(number=2, link=m.link, key=[b.key(**b.lab_key())],
                    pending=[b.field(1, o.id.object_id) + b.field(2, o.link)])
    head = b.foreign(slot_list=[slot(b.DEK)])
    payload = b.foreign_payload(head, b"sector 0", 3)
    store = b.store()
    prove(o, m, p, head, store)
    return [("derivations", derivations(), None, b""),
            ("object", point_parts(o), "point.env", o.bytes),
            ("metadata", head_parts(m), "metadata.env", m.bytes),
            ("catalogue", catalogue_parts(m), None, b""), ("pin", [("pin", p)], "example.pin", p),
            ("foreign", foreign_parts(head, payload), "foreign.header", head),
            ("foreign-payload", [("payload", payload)], "foreign.payload", payload),
            ("keystore", [("file", store)], "keystore", store),
            ("image", image_parts(o), None, b"")]


def prove(o, m, p, head, store):
    """An example that the reader does not take is none."""
    keys = Keys().add_password(PASSWORD, "ops")
    for what in (o, m):
        assert verdict.verdict(what.bytes, keys).status == "OK"
    pin.parse(p)
    foreign.Foreign(head, keys)
    keystore.Keystore(store, b"open sesame")


def main():
    made = {name: lines(parts) for name, parts, _, _ in examples()}
    with open(FORMAT, encoding="utf-8") as f:
        document = f.read()
    if "--write" in sys.argv:
        document = BLOCK.sub(lambda x: x[1] + made[x[2]] + x[4], document)
        with open(FORMAT, "w", encoding="utf-8") as f:
            f.write(document)
        return 0
    if "--files" in sys.argv:
        for _, _, name, what in examples():
            if name:
                with open(os.path.join(sys.argv[-1], name), "wb") as f:
                    f.write(what)
        return 0
    if "--check" in sys.argv:
        there = {x[2]: x[3] for x in BLOCK.finditer(document)}
        wrong = [name for name in there if there[name] != made.get(name)]
        wrong += [n for n in made if n not in there and n != "foreign-payload"]
        print(f"{len(there)} examples of docs/format.md; other than computed: {wrong or 'none'}")
        return 1 if wrong or not there else 0
    for name, text in made.items():
        print(f"== {name}\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
