"""Section 8: opening an object, in its order."""

from types import SimpleNamespace

from . import box, chunked, derive, header, image, payload, tail
from .rules import E_AUTH, E_FORMAT, E_LIMIT, E_NO_KEY, E_NOT_FOUND, Reject, need

NEWER = ("R-PRE-06", "R-PRE-07", "R-ID-01")
NAMES = ("copy A", "copy B")


class Headers:
    """Both copies (3.3, 8.1). copy[i] is None where a copy is not whole, and why[i] says why."""

    def __init__(self, source):
        self.source = source
        self.copy = [None, None]
        self.why = [None, None]
        self.raw = [None, None]  # what was split of a copy whose CRC is right
        self._take(0, lambda: header.parse_at(source, 0, header.ROLE_A))
        if self.copy[0]:
            self._take_b(self.copy[0].capacity)
        else:
            self._search_b()

    def _take(self, i, parse):
        try:
            self.copy[i] = self.raw[i] = parse()
            self.why[i] = None
        except Reject as r:
            self.why[i] = r.at(NAMES[i])
            self.raw[i] = getattr(r, "copy", None)

    def _take_b(self, at):
        self._take(1, lambda: header.parse_at(self.source, at, header.ROLE_B))

    def _search_b(self):
        first = None
        for at in header.CAPACITIES:
            self._take_b(at)
            if self.copy[1]:
                return
            if first is None and self.source.read(at, 8) == header.MAGIC:
                first = self.why[1], self.raw[1]
        self.why[1], self.raw[1] = first or (
            Reject("R-PRE-02", E_FORMAT, "no header is there", NAMES[1]), None)

    def whole(self):
        return [i for i in (0, 1) if self.copy[i]]

    def newer(self, i):
        return bool(self.why[i]) and self.why[i].rule in NEWER

    def compare(self):
        """8.1; raises what ends the opening."""
        undamaged = [i for i in (0, 1) if self.copy[i] or self.newer(i)]
        a, b = self.raw
        need(undamaged, "R-OPEN-01", E_FORMAT, "no header copy is whole", "header")
        both = len(self.whole()) == 2
        if len(undamaged) == 2:
            rewrapped = both and a.revision != b.revision
            same = a.pre[:-4] == b.pre[:-4] if rewrapped else a.pre == b.pre
            need(same, "R-OPEN-02", E_AUTH, "the copies' PRE differ", "header")
        for i in undamaged:
            if self.newer(i):
                raise self.why[i]
        if both:
            need(a.core == b.core and a.att == b.att, "R-OPEN-03", E_AUTH,
                 "the copies' CORE or ATT differ", "header")
            need(a.revision != b.revision or a.mut == b.mut, "R-OPEN-04", E_AUTH,
                 "the copies' MUT differ at one revision", "header")

    def order(self):
        """Whole copies, the higher revision first, A before B."""
        return sorted(self.whole(), key=lambda i: (-self.copy[i].revision, i))


class Opened:
    """What is known of an object; findings are events (1.2), in the order they were met."""

    def __init__(self, source, headers):
        self.source = source
        self.headers = headers
        self.findings = [headers.why[i] for i in (0, 1)
                         if headers.why[i] and not headers.newer(i)]
        self.stale = []  # copies of a lower revision: no fault
        self.dek = None
        self.copy = None  # the verified copy of the highest revision
        self.box = None
        self.stream = None
        self.metadata = None
        self.by_catalogue = False

    def note(self, rule, status, text, part):
        self.findings.append(Reject(rule, status, text, part))


def committed(copy, dek):
    return chunked.committed(derive.K_pay(dek), "payload", copy.id.short, copy.P)


def verifies(copy, dek, foreign=False):
    """8.3 and 8.4."""
    return header.tag_good(copy, dek) and (foreign or committed(copy, dek))


class Attempts:
    """8.2: who is tried, in which order, and how often it may fail."""

    def __init__(self, keys):
        self.keys = keys
        self.failures = set()
        self.key_used = False

    def _failed(self, slot, was_key):
        self.key_used |= was_key
        self.failures.add((slot.kind, slot.algorithm, slot.wrapped, slot.salt))
        need(len(self.failures) < self.keys.max_failures, "R-OPEN-06", E_LIMIT,
             f"{len(self.failures)} slots failed", "header")

    def copy(self, copy, foreign=False):
        """The DEK that opens this copy, or None."""
        for way in (self.keys.local, self.keys.kms):
            for slot in copy.slots:
                for was_key, dek in way(slot):
                    if dek and verifies(copy, dek, foreign):
                        return dek
                    self._failed(slot, was_key)
        return None

    def refuse(self):
        need(not self.key_used, "R-OPEN-07", E_AUTH,
             "a key that a slot names was used, and nothing verified", "header")
        raise Reject("R-OPEN-05", E_NO_KEY,
                     "no key at hand opens it: a wrong password, or an altered header"
                     if self.failures else "no key at hand opens it", "header")


def _unlock(opened, keys):
    headers = opened.headers
    attempts = Attempts(keys)
    for i in headers.order():
        dek = attempts.copy(headers.copy[i])
        if dek:
            return dek
    return attempts.refuse()


def settle(opened, dek):
    """Which copies verify under the DEK: the highest revision of them wins."""
    headers = opened.headers
    good = [i for i in headers.order() if verifies(headers.copy[i], dek)]
    if not good:
        return False
    opened.dek = dek
    opened.copy = headers.copy[good[0]]
    for i in headers.whole():
        if i not in good:
            opened.note("R-OPEN-08", E_AUTH, "TAG does not verify: altered", NAMES[i])
        elif headers.copy[i].revision < opened.copy.revision:
            opened.stale.append(NAMES[i])
    return True


def read_headers(source):
    """8.1"""
    opened = Opened(source, Headers(source))
    try:
        opened.headers.compare()
    except Reject as r:
        r.findings = opened.findings
        raise
    return opened


def _boxed(opened, secrets):
    try:
        opened.box = box.open_box(opened.copy, opened.dek, secrets)
    except Reject as r:
        raise r.at("box")


def unlock(opened, keys, secrets=None):
    """8.2 to 8.5"""
    assert settle(opened, _unlock(opened, keys))
    _boxed(opened, secrets)
    return opened


def check_tail(opened, capacity, object_id, link):
    """Section 7."""
    size = opened.source.size
    need(size >= 2 * capacity + 72 + 64, "R-TAIL-01", E_FORMAT, "the object is cut", "tail")
    try:
        tail.check(opened.source.read(size - tail.BYTES, tail.BYTES), object_id, link,
                   size - 2 * capacity - tail.BYTES)
    except Reject as r:
        opened.findings.append(r)


def open_boxed(source, dek):
    """8.6: an object that the box of a point names, by the DEK there."""
    opened = read_headers(source)
    need(settle(opened, dek), "R-OPEN-07", E_AUTH, "no copy verifies under the DEK of the box",
         "header")
    _boxed(opened, None)
    return opened


def take_content(opened, i, dek, secrets, find):
    """Section 9, and 9.1 with find(opened, LINK) for the objects that a disk inherits from."""
    before = len(opened.box.attributes) if opened.box else 0
    if i.content != header.IMAGE:
        opened.stream = payload.Stream(opened.payload, before)
        return
    key = image.hash_key(dek, i, opened.box, secrets)
    need(key, "", E_NO_KEY, "nothing in hand has the key of its block hashes", "block")
    opened.stream = image.Image(opened.payload, before, i, key,
                                lambda link: find(opened, link))


def nowhere(_opened, link):
    """Of one object alone."""
    raise Reject("", E_NOT_FOUND, f"object {link.hex()}, which blocks lie in, is not at hand",
                 "object")


def open_payload(opened, secrets=None, find=nowhere):
    """Sections 7 and 9 behind a verified header."""
    copy = opened.copy
    check_tail(opened, copy.capacity, copy.id.object_id, copy.link)
    at, n = payload.place(opened.source, copy.capacity)
    opened.payload = payload.Payload(opened.source, at, n, opened.dek, copy.id.short, copy.P)
    if copy.id.kind != header.METADATA:
        take_content(opened, copy.id, opened.dek, secrets, find)
    return opened


def _listed_payload(opened, row, chain, P, secrets, find):
    """8.6: place and length are the row's."""
    capacity = 16384 << row.k
    n = row.stored - 2 * capacity - tail.BYTES
    end = 2 * capacity + n
    need(n >= 72 and opened.source.size >= end, "R-META-13", E_FORMAT,
         f"{opened.source.size} of {row.stored} bytes: it is cut", "payload")
    if opened.source.size == row.stored:
        check_tail(opened, capacity, row.object_id, row.link)
    else:
        opened.note("R-META-14", E_FORMAT, f"{opened.source.size} bytes, not {row.stored}", "tail")
    opened.payload = payload.Payload(opened.source, 2 * capacity, n, row.dek,
                                     header.row_id(row, chain), P)
    i = SimpleNamespace(content=row.content, standing=row.standing, generation=row.generation,
                        chain_id=chain)
    take_content(opened, i, row.dek, secrets, find)
    need(opened.stream.footer.size == row.size, "R-META-12", E_AUTH, "the row has another size",
         "footer")
    opened.dek = row.dek
    return opened


def _usable(opened, row):
    """8.6: does a copy verify under the row's DEK? Otherwise events say why none does."""
    try:
        opened.headers.compare()
    except Reject as r:
        opened.findings.append(r)
        return False
    if settle(opened, row.dek):
        return True
    opened.note("R-OPEN-10", E_AUTH, "no copy verifies under the row's DEK", "header")
    return False


def listed_steps(source, row, chain, secrets, find=nowhere):
    """8.6, an object that a row lists, by the row's DEK; yields what is known by then."""
    opened = Opened(source, Headers(source))
    yield opened
    if not _usable(opened, row):
        opened.by_catalogue = True
        yield _listed_payload(opened, row, chain, None, secrets, find)
        return
    need(opened.copy.link == row.link, "R-OPEN-09", E_AUTH, "its LINK is not that of the row",
         "header")
    _boxed(opened, secrets)
    yield _listed_payload(opened, row, chain, opened.copy.P, secrets, find)


def summary(opened):
    """For JSON: what the object is, as its header says."""
    copy = opened.copy or next((c for c in opened.headers.copy if c), None)
    if copy is None:
        return {}
    i = copy.id
    return {"kind": {1: "full", 2: "increment", 3: "metadata"}[i.kind],
            "standing": "detached" if i.standing else "attested", "content": i.content,
            "chain_id": i.chain_id.hex(), "object_id": i.object_id.hex(),
            "generation": i.generation, "serial": i.serial, "metadata_number": i.number,
            "parent": i.parent.hex(), "link": copy.link.hex(), "revision": copy.revision,
            "capacity": copy.capacity}


