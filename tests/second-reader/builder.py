"""Makes objects, pins, keystores and repositories for the tests and the examples: never used by the
reader. What it makes is right unless it is told otherwise; `retouch` makes it wrong in one place."""

import datetime
import hashlib
import os
from types import SimpleNamespace

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from second_reader import chunked, derive, header, image, keystore, pin, tail, wrap
from second_reader.data import crc32c, p32, p64

DEK = bytes(range(0x00, 0x20))
ROOT = bytes(range(0x20, 0x40))
GS = {1: bytes(range(0x40, 0x60)), 2: bytes(range(0x60, 0x80))}
CHAIN = derive.chain_id(ROOT)
BEGUN = 1775945703000  # 2026-04-11T22:15:03Z
KEEP = object()


class Fixed:
    """Instead of random bytes, where an example must come out the same each time."""

    def __init__(self, seed=b"example"):
        self.seed = seed
        self.n = 0

    def __call__(self, n):
        self.n += 1
        return hashlib.shake_256(self.seed + p32(self.n)).digest(n)


rand = os.urandom


def i64(n):
    return n.to_bytes(8, "big", signed=True)


def p16(n):
    return n.to_bytes(2, "big")


def seal(key, purpose, ctx, m, salt=None):
    """Section 1.4"""
    salt = salt or rand(24)
    k, nonce, commitment = chunked.schedule(key, purpose, ctx, salt)
    out = [salt, commitment]
    aead = AESGCM(k)
    for i in range(len(m) // chunked.CHUNK + 1):
        part = m[i * chunked.CHUNK:(i + 1) * chunked.CHUNK]
        n = (int.from_bytes(nonce, "big") ^ i).to_bytes(12, "big")
        out.append(aead.encrypt(n, part, None))
    return b"".join(out)


# -- protobuf (1.6)

def varint(n):
    n &= 2**64 - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(int(value))


def message(names, values, extra=b""):
    """names in the order of their numbers; what is absent, zero or empty is left out."""
    out = b""
    for number, name in enumerate(names, 1):
        value = values.get(name)
        for v in value if isinstance(value, list) else [value] if value else []:
            out += field(number, v)
    return out + extra + values.get("extra", b"")


SLOT = ("kind algorithm kms_id name key_id version fingerprint wrapped salt memory_kib passes"
        .split())
RECIPIENT = "kind kms_id name fingerprint".split()
KEY = "kind kms_id name key_id version fingerprint superseded spki".split()
HEAD = "chain_name serial recipient key key_set rebuilt tombstone base past".split()
PIN = "chain_id generation pin number link serial recipient key kms_ms pending".split()


# -- slots (4)

def password_slot(dek, name="ops", password=b"correct horse", algorithm=wrap.PBKDF2, passes=1,
                  memory=8):
    s = dict(kind=2, algorithm=algorithm, name=name, salt=rand(16), passes=passes)
    if algorithm == wrap.ARGON2ID:
        s["memory_kib"] = memory
    kek = wrap.password_kek(algorithm, password, s["salt"], memory, passes)
    return dict(s, wrapped=aes_key_wrap_with_padding(kek, dek))


def rsa_slot(dek, public, kind=1, algorithm=1, kms_id="lab", name="vm", version=1):
    s = dict(kind=kind, algorithm=algorithm, name=name, fingerprint=wrap.fingerprint(public),
             wrapped=public.encrypt(dek, wrap.oaep(algorithm)))
    if kind == 1:
        s.update(kms_id=kms_id, key_id=f"{name}/{version}", version=version)
    return s


def kwp_slot(dek, kek, kms_id="lab", name="aes", key_id="0815", version=1):
    return dict(kind=1, algorithm=3, kms_id=kms_id, name=name, key_id=key_id, version=version,
                wrapped=aes_key_wrap_with_padding(kek, dek))


def slots(many):
    return b"".join(field(1, s if isinstance(s, bytes) else message(SLOT, s)) for s in many)


# -- headers (3)

def make_id(kind=1, standing=0, content=1, chain=CHAIN, object_id=bytes(range(0xA0, 0xB0)),
            generation=2, serial=1, number=1, parent=bytes(32), format=1):
    return (bytes([format, kind, standing, content]) + chain + object_id + p32(generation)
            + p64(serial) + p64(number) + parent)


def attribute(name, value):
    name = name if isinstance(name, bytes) else name.encode()
    return bytes([len(name)]) + name + p16(len(value)) + value


def attributes(number=1, label="first", begun=BEGUN, more=()):
    own = [(".begun", i64(begun)), (".label", label.encode()), (".number", p64(number))]
    return b"".join(attribute(n, v) for n, v in own + list(more))


def box(root=ROOT, bk=None, attrs=b"", pairs=()):
    if bk is None:
        bk = derive.BK(GS[2], CHAIN, 2)
    b = root + bk + p32(len(attrs)) + attrs + p32(len(pairs)) + b"".join(a + d for a, d in pairs)
    return b + bytes(-len(b) % 256)


EMPTY = bytes(32)


def footer(content=1, size=0, attributes_at=0, attributes_len=0, rows_at=0, rows=0, strings_at=0,
           strings=0, begun=BEGUN, ended=BEGUN + 1500, version=1, codec=0, block=0, segment=0,
           stored=0, five=b"\0\0\0", end=bytes(40)):
    return (bytes([version, content, codec, block, segment]) + five
            + b"".join(p64(n) for n in (size, attributes_at, attributes_len, rows_at, rows,
                                        strings_at, strings, stored))
            + i64(begun) + i64(ended) + end)


def stream(data=b"", final=b"", **over):
    f = dict(size=len(data), attributes_at=len(data) if final else 0, attributes_len=len(final))
    return data + final + footer(**dict(f, **over))


# -- images (9.1)

def at(kind, number=0, offset=0):
    """A location."""
    return kind << 62 | number << 48 | offset // image.UNIT


def entry_at(kind, number=0, offset=0, second=0, zeros=bytes(4)):
    """An entry of the directory."""
    return bytes([kind, second]) + p16(number) + zeros + p64(offset)


def aligned(b):
    return b + bytes(-len(b) % 16384)


def index(locations, hashes):
    return (b"".join(p64(locations.get(n, 0)) for n in range(image.SEGMENT))
            + b"".join(hashes.get(n, bytes(16)) for n in range(image.SEGMENT)))


def segment(begin, blocks, inherited, key, log2):
    """Stored blocks and index, that begin at that offset; where the index is."""
    out, locations, hashes = b"", {}, {}
    for n, block in blocks.items():
        locations[n] = at(1, 0, begin + len(out))
        hashes[n] = image.block_hash(key, block, 1 << log2)
        out += block + bytes((1 << log2) - len(block))
    for n, (location, block_hash) in inherited.items():
        locations[n], hashes[n] = location, block_hash
    out = aligned(out)
    return out + index(locations, hashes), begin + len(out)


def disk(length, segments, table=(), key=None, log2=12, final=b"", **over):
    """segments: an entry of the directory, or (stored blocks by their number, (location, hash) by
    the number of a block)."""
    key = key or derive.BK(GS[2], CHAIN, 2)
    out, entries, stored = b"", [], 0
    for s in segments:
        if isinstance(s, bytes):
            entries.append(s)
            continue
        out = aligned(out)
        more, where = segment(len(out), *s, key, log2)
        entries.append(entry_at(1, 0, where))
        out += more
        stored += len(s[0])
    f = dict(content=2, size=length, block=log2, segment=11, stored=stored, rows=len(entries),
             strings=len(table), attributes_len=len(final))
    out = aligned(out)
    f["rows_at"] = len(out) if entries else 0
    out += b"".join(entries)
    out = aligned(out) if table else out
    f["strings_at"] = len(out) if table else 0
    out += b"".join(table)
    f["attributes_at"] = len(out) if final else 0
    return out + final + footer(**dict(f, **over))


def mut(slot_bytes, revision=1):
    return p64(revision) + p32(len(slot_bytes)) + slot_bytes


def copy(role, core, att, mut_bytes, dek, capacity, minor=0, **pre):
    pre = dict(dict(magic=header.MAGIC, major=1, zero=0, incompat=0, ro=0, core_len=len(core),
                    mut_len=len(mut_bytes), gap=b""), **pre)
    head = (pre["magic"] + bytes([pre["major"], minor, role, pre["zero"]]) + p32(pre["incompat"])
            + p32(pre["ro"]) + p32(capacity) + p32(pre["core_len"]) + p32(pre["mut_len"]))
    b = head + core + att + mut_bytes + pre["gap"]
    b += bytes(capacity - header.END - len(b))
    b += derive.MAC(derive.K_hdr(dek), "header", b)
    return b + p32(crc32c(b))


def capacity_for(need):
    return next((c for c in header.CAPACITIES if need <= c // 2), 131072)


def make_tail(object_id, n, link, version=1, flags=0, zeros=bytes(4), end=bytes(4),
              magic=tail.MAGIC):
    b = magic + p16(version) + p16(flags) + zeros + object_id + p64(n) + link[:16] + end
    return b + p32(crc32c(b))


def build(id=None, plain=None, box_plain=None, gs=KEEP, slot_list=None, dek=DEK, revision=1,
          revision_b=None, att=None, slot_bytes=None, mut_bytes=None, core_tail=b"", box_sealed=None,
          payload=None, tail_over=None, payload_ctx=None, box_ctx=None, capacity=None,
          core_bytes=None, P=None, **pre):
    """A whole object and its parts. gs None: detached."""
    i = make_id() if id is None else id
    parts = header.split_id(i)
    gs = (GS[2] if parts.standing == 0 else None) if gs is KEEP else gs
    if box_plain is None:
        box_plain = box(attrs=attributes())
    plain = stream(b"hello, envelope") if plain is None else plain
    payload = payload or seal(derive.K_pay(dek), "payload", payload_ctx or i[:56], plain)
    sealed = box_sealed or seal(derive.K_box(dek), "box", box_ctx or i, box_plain)
    core = core_bytes or i + (P or payload[:56]) + p32(len(sealed)) + sealed + core_tail
    if att is None:
        att = header.att_of(gs, parts.chain_id, parts.generation, core) if gs else EMPTY
    if slot_bytes is None:
        slot_bytes = slots(slot_list if slot_list is not None else [password_slot(dek)])
    m = mut(slot_bytes, revision) if mut_bytes is None else mut_bytes
    c = capacity or capacity_for(32 + len(core) + 32 + len(m) + 36)
    a = copy(1, core, att, m, dek, c, **pre)
    m = m if revision_b is None else mut(slot_bytes, revision_b)
    b = copy(2, core, att, m, dek, c, **pre)
    link = derive.link(core, att)
    t = make_tail(parts.object_id, len(payload), link, **(tail_over or {}))
    return SimpleNamespace(bytes=a + b + payload + t, a=a, b=b, payload=payload, tail=t, core=core,
                           att=att, mut=m, link=link, id=parts, dek=dek, capacity=c, plain=plain,
                           box_plain=box_plain, sealed=sealed)


def finish(copy_bytes, dek=None):
    """CRC (and with a DEK, TAG) over what a copy holds now."""
    b = copy_bytes[:-36]
    b += derive.MAC(derive.K_hdr(dek), "header", b) if dek else copy_bytes[-36:-4]
    return b + p32(crc32c(b))


def invert(x):
    return bytes(255 - v for v in x)


def retouch(o, at, new, copies="AB", dek=None, crc=True):
    """The object with `new` at `at` in its header copies, CRC (and TAG, with a DEK) made right. Where
    a random byte happens to be `new`, something else."""
    out = []
    for name, c in (("A", o.a), ("B", o.b)):
        if name in copies:
            there = c[at:at + len(new)]
            c = c[:at] + (new if new != there else invert(new)) + c[at + len(new):]
            c = finish(c, dek) if crc else c
        out.append(c)
    return b"".join(out) + o.payload + o.tail


# -- metadata (10)

def secrets(gens=(1, 2), root=ROOT, gs=None):
    return root + b"".join(p32(g) + (gs or GS)[g] for g in gens)


def recipient(**r):
    return message(RECIPIENT, r)


def key(**k):
    return message(KEY, k)


def lab(**over):
    return dict(dict(kind=1, kms_id="lab", name="vm"), **over)


def lab_key(**over):
    return dict(dict(lab(), key_id="vm/1", version=1, fingerprint=bytes(range(32))), **over)


def head(**over):
    h = dict(chain_name="web01", serial=1,
             recipient=[recipient(**lab()), recipient(kind=2, name="ops")],
             key=[key(**lab_key()), key(kind=2, name="ops")],
             key_set=[field(1, b"\0\1")])
    return message(HEAD, dict(h, **over))


def row(object_id=bytes(range(0xA0, 0xB0)), link=bytes(range(1, 33)), dek=DEK, number=1, parent=0,
        metadata_number=1, serial=1, revision=1, begun=BEGUN, ended=BEGUN + 1500, size=15,
        stored=33000, generation=2, key_set=0, label_at=0, attributes_at=0, label_len=0,
        attributes_len=0, format=1, kind=1, standing=0, content=1, k=0, provenance=1, flags=0,
        zeros=bytes(12)):
    return (object_id + link + dek + p64(number) + p64(parent) + p64(metadata_number) + p64(serial)
            + p64(revision) + i64(begun) + i64(ended) + p64(size) + p64(stored) + p32(generation)
            + p32(key_set) + p32(label_at) + p32(attributes_at) + p16(label_len)
            + p16(attributes_len) + bytes([format, kind, standing, content, k, provenance])
            + p16(flags) + zeros)


def row_of(o, **over):
    """The row of a built point."""
    i = o.id
    r = dict(object_id=i.object_id, link=o.link, dek=o.dek, metadata_number=i.number,
             serial=i.serial, size=len(o.plain) - 128, stored=len(o.bytes),
             generation=i.generation, kind=i.kind, standing=i.standing, content=i.content,
             k=header.CAPACITIES.index(o.capacity))
    return row(**dict(r, **over))


def catalogue(rows=(), strings=b"", secret_bytes=None, head_bytes=None, gap=b"", rows_n=None,
              strings_n=None, **over):
    """rows_n, strings_n: what the footer says instead of the truth."""
    s = secrets() if secret_bytes is None else secret_bytes
    h = head() if head_bytes is None else head_bytes
    front = p32(len(s)) + s + p32(len(h)) + h + gap
    body = b"".join(rows)
    f = dict(content=0, rows=len(rows) if rows_n is None else rows_n,
             rows_at=len(front) if rows else 0,
             strings=len(strings) if strings_n is None else strings_n,
             strings_at=len(front) + len(body) if strings else 0, ended=BEGUN)
    return front + body + strings + footer(**dict(f, **over))


def metadata(number=1, generation=2, parent=bytes(32), plain=None, serial=1, object_id=None,
             gs=None, dek=None, **over):
    i = make_id(kind=3, content=0, number=number, generation=generation, parent=parent,
                serial=serial, object_id=object_id or rand(16))
    return build(**dict(dict(id=i, plain=catalogue() if plain is None else plain,
                             box_plain=box(EMPTY, EMPTY), gs=gs or GS[generation],
                             dek=dek or rand(32)), **over))


# -- pin (12)

def pin_bytes(body=None, magic=pin.MAGIC, length=None, crc=None, **over):
    p = dict(chain_id=CHAIN, generation=2, pin=derive.PIN(GS[2], CHAIN, 2), number=1,
             link=bytes(range(1, 33)), serial=1, recipient=[recipient(**lab())],
             key=[key(**lab_key(spki=b"\x30\x00"))], kms_ms=BEGUN,
             pending=[field(1, bytes(16)) + field(2, bytes(32))])
    body = message(PIN, dict(p, **over)) if body is None else body
    b = magic + p32(len(body) if length is None else length) + body
    return b + p32(crc32c(b) if crc is None else crc)


# -- foreign (13)

def foreign(context=b"disk of vm-17", sealed=b"theirs", dek=DEK, id=None, P=bytes(56),
            att=bytes(32), box_plain=None, extra=0, slot_list=None, **pre):
    i = id or make_id(kind=4, content=0, chain=EMPTY, generation=0, serial=0, number=0)
    b = seal(derive.K_box(dek), "box", i,
             box(EMPTY, EMPTY, sealed) if box_plain is None else box_plain)
    core = i + P + p32(len(b)) + b + p32(len(context)) + context
    m = mut(slots(slot_list or [password_slot(dek)]))
    return copy(0, core, att, m, dek, 32 + len(core) + 32 + len(m) + 36 + extra, **pre)


def foreign_payload(head_bytes, data, stream_number, context=b"disk of vm-17", dek=DEK):
    return seal(derive.K_pay(dek), "payload", head_bytes[32:88] + p64(stream_number) + context,
                data)


# -- keystore (14)

STORE_KEY = bytes(range(0x80, 0xA0))


def entry(private, name="vm", version=1, state=1, **over):
    public = private.public_key()
    der = private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    e = dict(dict(name=name.encode(), spki=wrap.spki(public),
                  fingerprint=wrap.fingerprint(public), der=der, sealed=None), **over)
    sealed = e["sealed"]
    if sealed is None:
        ctx = bytes([len(e["name"])]) + e["name"] + p32(version) + e["fingerprint"]
        sealed = seal(derive.X(STORE_KEY, "keystore seal"), "keystore", ctx, e["der"])
        sealed = b"" if state == keystore.DESTROYED else sealed
    return (bytes([len(e["name"])]) + e["name"] + p32(version) + bytes([state]) + i64(BEGUN)
            + e["fingerprint"] + p16(len(e["spki"])) + e["spki"] + p32(len(sealed)) + sealed)


def store(entries=(), passphrase=b"open sesame", magic=keystore.MAGIC, version=1, zeros=bytes(2),
          memory=8, passes=1, revision=1, count=None, behind=b"", mac=None, salt=None):
    salt = salt or rand(16)
    kek = wrap.argon2id(passphrase, salt, max(memory, 8), max(passes, 1)) if memory < 2**17 else \
        bytes(32)
    b = (magic + p16(version) + zeros + p32(memory) + p32(passes) + salt
         + aes_key_wrap_with_padding(kek, STORE_KEY) + p64(revision)
         + p32(len(entries) if count is None else count) + b"".join(entries) + behind)
    return b + (mac or derive.MAC(derive.X(STORE_KEY, "keystore mac"), "keystore", b))


def i64_of(eight):
    return int.from_bytes(eight, "big", signed=True)


def utc(ms):
    """As in the names of section 2."""
    t = datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc)
    return t.strftime("%Y%m%dT%H%M%SZ")
