"""Section 11: newest metadata, forks, points; with 2 and 8.6, a whole repository."""

from . import attributes, derive, header, names, opening, verdict
from .data import File, u64
from .rules import E_AUTH, E_FORMAT, E_NO_KEY, E_ROLLBACK, Reject, need


class Item:
    """A file that claims to be an object. opened: 8.1 went well; otherwise reject says why not."""

    def __init__(self, entry):
        self.entry = entry
        self.path = entry.path
        self.source = File(entry.path)
        self.reject = None
        self.opened = None
        self.done = None
        try:
            self.opened = opening.read_headers(self.source)
            copy = self.opened.headers.copy[self.opened.headers.order()[0]]
            self.id, self.link, self.copy = copy.id, copy.link, copy
        except Reject as r:
            self.reject = r
            self.id = self.link = self.copy = None

    def metadata(self, keys):
        """Its verdict as metadata, worked out once."""
        if self.done is None:
            self.done = verdict.examine(self.source, keys)
        return self.done


class Repository:
    def __init__(self, path):
        entries, self.findings = names.scan(path)
        self.items = [Item(e) for e in entries]
        for item in self.items:
            digits = item.entry.chain_digits
            if item.id and digits and item.id.chain_id[:8].hex() != digits:
                self.findings.append((item.path, Reject(
                    "R-NAME-03", E_FORMAT, "misplaced: its chain id is another", "name")))

    def chain_ids(self, name=None):
        """Chain ids in the folders of that name, or in all."""
        return sorted({i.id.chain_id for i in self.items
                       if i.id and (name is None or i.entry.chain_name == name)})

    def chain(self, name=None):
        """The chain of that name, or the only one; LookupError."""
        found = self.chain_ids(name)
        if name:
            own = [c for c in found if any(i.entry.chain_digits == c[:8].hex() and
                                           i.entry.chain_name == name for i in self.items)]
            found = own or found
        if len(found) != 1:
            raise LookupError(f"{len(found)} chains: " + ", ".join(c.hex() for c in found))
        return Chain(self, found[0], name)


class Chain:
    def __init__(self, repository, chain_id, name=None):
        self.repository = repository
        self.id = chain_id
        self.name = name
        self.findings = []  # (path, Reject)
        mine = [i for i in repository.items if i.id and i.id.chain_id == chain_id]
        self.candidates = [i for i in mine if i.id.kind == header.METADATA]
        self.points = [i for i in mine if i.id.kind != header.METADATA]
        self.beheaded = [i for i in repository.items
                         if not i.id and i.entry.chain_digits == chain_id[:8].hex()]
        self.item = None  # newest metadata
        self.meta = None

    def note(self, item, rule, status, text):
        self.findings.append((item.path, Reject(rule, status, text, "chain")))

    # -- 11.1

    def load(self, keys, pin=None):
        """Finds the newest metadata. False: there is no candidate. Reject: 11.1."""
        if not self.candidates:
            return False
        verified = self._verified(keys)
        branch = self._on_branch(verified, pin) if pin else verified
        newest = self._no_fork(branch)
        self.item, self.meta = newest, newest.done.opened.metadata
        if pin and newest.id.number < pin.number:
            self.note(newest, "R-META-09", E_ROLLBACK, "older than the pinned metadata")
        if self.name and self.meta.head.chain_name != self.name:
            self.note(newest, "R-NAME-02", E_AUTH, f"it is {self.meta.head.chain_name}")
        self._missing()
        return True

    def _verified(self, keys):
        good = {}
        for i in self.candidates:
            if i.metadata(keys).fatal is None:
                good.setdefault(i.link, i)
            else:
                self.findings.append((i.path, i.done.fatal))
        if good:
            return list(good.values())
        faults = {i.done.fatal.status for i in self.candidates}
        if E_NO_KEY in faults:
            raise Reject("R-OPEN-05", E_NO_KEY, "no key at hand opens any metadata", "metadata")
        raise max(self.candidates, key=lambda i: i.id.number).done.fatal

    def _branch_fault(self, item, pin):
        """R-META-07, R-META-08, for what is not older than the pinned object."""
        secrets = item.done.opened.metadata.secrets
        gs = secrets.gs.get(pin.generation)
        if not gs or not derive.equal(derive.PIN(gs, self.id, pin.generation), pin.pin):
            return "R-META-07", E_AUTH, "SECRETS do not give PIN_g"
        past = item.done.opened.metadata.head.past
        pair = (pin.number, pin.link)
        on = ((item.id.number, item.link) == pair or pair in [(p.number, p.link) for p in past]
              or (past and pin.number < past[0].number))
        return None if on else ("R-META-08", E_ROLLBACK, "neither pinned nor behind the pinned")

    def _on_branch(self, verified, pin):
        on, older = [], [i for i in verified if i.id.number < pin.number]
        for item in [i for i in verified if i not in older]:
            fault = self._branch_fault(item, pin)
            if fault:
                self.note(item, *fault)
            else:
                on.append(item)
        need(on or older, "R-META-07", E_AUTH, "no metadata is on the branch of the pin", "chain")
        return on or [max(older, key=lambda i: i.id.number)]

    def _no_fork(self, items):
        items = sorted(items, key=lambda i: i.id.number)
        for a, b in zip(items, items[1:]):
            lower = a.done.opened.metadata.secrets.raw
            higher = b.done.opened.metadata.secrets.raw
            need(a.id.number != b.id.number and higher.startswith(lower), "R-META-06", E_ROLLBACK,
                 f"a fork: metadata {a.id.number} ({a.link.hex()}) and {b.id.number} "
                 f"({b.link.hex()})", "chain")
        return items[-1]

    def _missing(self):
        secrets, head = self.meta.secrets, self.meta.head
        for i in self.points:
            newest = i.id.standing == 0 and i.id.generation == secrets.newest
            later = newest and (i.id.number > self.item.id.number or i.id.serial > head.serial)
            if later and self.attested(i):
                self.note(i, "R-META-10", E_ROLLBACK, "it names metadata that is missing")

    def attested(self, item):
        """None: SECRETS lack its generation."""
        gs = self.meta.secrets.gs.get(item.id.generation)
        if not gs:
            return None
        att = header.att_of(gs, self.id, item.id.generation, item.copy.core)
        return derive.equal(att, item.copy.att)

    # -- 11.2

    def object_of(self, row):
        """The item that a row lists: by LINK, with dead headers by the names' hint."""
        for i in self.points:
            if i.link == row.link:
                return i
        for i in self.points + self.beheaded:
            if row.object_id == (i.id.object_id if i.id else i.entry.object_id):
                return i
        return None

    def examine_row(self, row, keys, out=None):
        """A listed point."""
        item = self.object_of(row)
        if item is None:
            return verdict.Result(Reject("R-META-11", E_FORMAT, f"point {row.number} is not there",
                                         "object"), [])
        if row.flags & 1:
            result = verdict.examine(item.source, keys, self.meta.secrets, out, self.inherited)
            if item.link != row.link and not result.fatal:
                result.fatal = Reject("R-OPEN-09", E_AUTH, "another LINK than the row's", "header")
        else:
            result = verdict.examine_listed(item.source, row, self.id, self.meta.secrets, out,
                                            self.inherited)
        self._parent(item, result)
        return result

    def _parent(self, item, result):
        """R-OPEN-12"""
        if not item.id or item.id.kind != header.INCREMENT or result.fatal:
            return
        for other in self.repository.items:
            if other.link == item.id.parent and (other.id.kind not in (1, 2)
                                                 or other.id.chain_id != self.id):
                result.fatal = Reject("R-OPEN-12", E_AUTH, "the parent is no point of this chain",
                                      "header")

    def examine_unlisted(self, item, keys, pending=(), out=None):
        """8.6: ATT is checked before any key is used."""
        secrets = self.meta.secrets if self.meta else None
        if secrets and item.id.standing == 0 and item.link not in pending:
            if self.attested(item) is False:
                return verdict.Result(Reject("R-OPEN-11", E_AUTH, "ATT does not verify", "header"),
                                      list(item.opened.findings))
        result = verdict.examine(item.source, keys, secrets, out, self.inherited)
        self._parent(item, result)
        return result

    def inherited(self, opened, link):
        """9.1: an object that blocks of a disk lie in, by its row or by the box of the disk's
        point: its payload, and its generation, None if it is detached."""
        rows = self.meta.rows if self.meta else []
        row = next((r for r in rows if r.link == link and not r.flags & 1), None)
        if row:
            return self._listed(row)
        dek = dict(opened.box.pairs).get(link) if opened.box else None
        item = next((i for i in self.points if i.link == link), None)
        if not dek or not item:
            opening.nowhere(opened, link)
        found = opening.open_payload(opening.open_boxed(item.source, dek))
        i = found.copy.id
        return found.payload, i.generation if i.standing == header.ATTESTED else None

    def _listed(self, row):
        item = self.object_of(row)
        need(item is not None, "R-META-11", E_FORMAT, f"point {row.number} is not there", "object")
        for found in opening.listed_steps(item.source, row, self.id, self.meta.secrets):
            pass
        return found.payload, row.generation if row.standing == header.ATTESTED else None

    def unlisted(self):
        rows = {r.link for r in self.meta.rows} if self.meta else set()
        gone = {t.object_id for t in self.meta.head.tombstone} if self.meta else set()
        return [i for i in self.points if i.link not in rows and i.id.object_id not in gone]

    def expected_number(self, result):
        opened = result.opened
        value = opened.box.named.get(".number") if opened and opened.box else None
        return u64(value) if value else None

    def restore(self, number, keys, out, pending=()):
        """Writes the point to out. (Result, what is told of it); LookupError."""
        rows = {r.number: r for r in self.meta.rows} if self.meta else {}
        if number in rows:
            return self.examine_row(rows[number], keys, out)
        first = None
        for item in self.unlisted():
            result = self.probe(item, keys, pending)
            if result.opened and self.expected_number(result) == number:
                return self.examine_unlisted(item, keys, pending, out)
            first = first or result.fatal
        if first:
            raise first
        raise LookupError(f"no point {number}")

    def probe(self, item, keys, pending=()):
        """As far as the box: enough to know which point it is."""
        def work():
            opened = opening.read_headers(item.source)
            yield opened
            secrets = self.meta.secrets if self.meta else None
            if secrets and item.id.standing == 0 and item.link not in pending:
                need(self.attested(item) is not False, "R-OPEN-11", E_AUTH, "ATT does not verify",
                     "header")
            yield opening.unlock(opened, keys, secrets)
        return verdict.guarded(work)

    def latest(self):
        rows = [r for r in self.meta.rows if r.provenance != 4]
        return max(rows, key=lambda r: (r.metadata_number, r.number)).number if rows else None


def describe_row(row):
    return {"number": row.number, "kind": row.kind, "content": row.content, "label": row.label,
            "size": row.size, "stored": row.stored, "begun": row.begun, "ended": row.ended,
            "parent": row.parent, "provenance": row.provenance, "late": bool(row.flags & 2),
            "link": row.link.hex(), "attributes": attributes.describe(row.named)}
