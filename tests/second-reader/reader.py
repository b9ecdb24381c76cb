#!/usr/bin/python3
"""The second reader's command: opens, restores and verifies what libenvelope stored.

    reader.py object FILE...   one object each: JSON, and its data with -o
    reader.py restore REPO     a point, through the newest metadata or from the point alone
    reader.py verify REPO      a verdict for each object, with the number of the rule that was hit
    reader.py keystore DIR     what a keystore holds
    reader.py foreign HEADER [PAYLOAD --stream N]
    reader.py pin FILE

Exit status: 0 whole, 1 not found or not possible, 3 no key at hand, 4 damaged, altered, rolled back.
"""

import argparse
import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from second_reader import attributes, foreign, opening, pin, slots, verdict  # noqa: E402
from second_reader.chain import Repository, describe_row  # noqa: E402
from second_reader.data import source  # noqa: E402
from second_reader.keys import Keys, first_line, load_private  # noqa: E402
from second_reader.keystore import Keystore  # noqa: E402
from second_reader.rules import E_NO_KEY, OK, Reject  # noqa: E402


def keys_of(args):
    keys = Keys(allow_sha1=args.allow_sha1)
    for spec in args.private_key:
        keys.add_private(load_private(spec))
    for spec in args.password:
        name, _, password = spec.partition("=")
        keys.add_password(password.encode(), name)
    for path in args.password_file:
        keys.add_password(first_line(path))
    for spec in args.keystore:
        kms_id, _, directory = spec.rpartition("=")
        keys.add_keystore(Keystore.load(directory, first_line(args.passphrase_file)),
                          kms_id or None)
    return keys


def show(what):
    print(json.dumps(what, indent=2, ensure_ascii=True))


def status_of(status):
    return 0 if status == OK else 3 if status == E_NO_KEY else 4


@contextlib.contextmanager
def out_file(path):
    """Yields (stream, keep): the file gets its name only when keep() was called."""
    if path in (None, "-"):
        yield sys.stdout.buffer if path else None, lambda: None
        return
    part = path + ".partial"
    kept = []
    try:
        with open(part, "wb") as f:
            yield f, lambda: kept.append(True)
        if kept:
            os.replace(part, path)
    finally:
        if not kept:
            os.unlink(part)


def describe_object(result):
    d = result.as_dict()
    opened = result.opened
    if opened is None:
        return d
    d["object"] = opening.summary(opened)
    copy = opened.copy or next((c for c in opened.headers.copy if c), None)
    d["slots"] = [slots.describe(s) for s in copy.slots] if copy else []
    d["stale"] = opened.stale
    if opened.box:
        d["attributes"] = attributes.describe(opened.box.named)
        d["ancestors"] = [link.hex() for link, _ in opened.box.pairs]
    if opened.stream:
        d["final_attributes"] = attributes.describe(opened.stream.named)
        d["footer"] = vars(opened.stream.footer)
    if opened.metadata:
        d["metadata"] = describe_metadata(opened.metadata)
    return d


def describe_metadata(m):
    h = m.head
    return {"chain_name": h.chain_name, "serial": h.serial, "rebuilt": h.rebuilt,
            "generations": sorted(m.secrets.gs), "footer": vars(m.footer),
            "recipients": [{"kind": r.kind, "kms_id": r.kms_id, "name": r.name,
                            "fingerprint": r.fingerprint.hex()} for r in h.recipient],
            "keys": [{"kind": k.kind, "kms_id": k.kms_id, "name": k.name, "key_id": k.key_id,
                      "version": k.version, "fingerprint": k.fingerprint.hex(),
                      "superseded": k.superseded} for k in h.key],
            "tombstones": [{"object_id": t.object_id.hex(), "number": t.number}
                           for t in h.tombstone],
            "past": [{"number": p.number, "link": p.link.hex()} for p in h.past],
            "points": [describe_row(r) for r in m.rows]}


def do_object(args):
    keys = keys_of(args)
    worst = 0
    shown = []
    for path in args.file:
        with out_file(args.output) as (out, keep):
            result = verdict.examine(path, keys, out=out)
            result.fatal or keep()
        shown.append(dict(describe_object(result), file=path))
        worst = max(worst, status_of(result.verdict().status))
    show(shown[0] if len(shown) == 1 else shown)
    return worst


def load_pin(args):
    if not args.pin:
        return None
    with open(args.pin, "rb") as f:
        return pin.parse(f.read())


def do_restore(args):
    keys = keys_of(args)
    chain = Repository(args.repo).chain(args.chain)
    found = chain.load(keys, load_pin(args)) if not args.no_metadata else False
    number = args.point
    if number == "latest":
        if not found:
            raise LookupError("without metadata a point is asked for by its number")
        number = chain.latest()
    with out_file(args.output) as (out, keep):
        result = chain.restore(int(number), keys, out)
        result.fatal or keep()
    d = dict(describe_object(result), point=int(number), through_metadata=bool(found))
    d["chain_findings"] = [dict(r.as_dict(), file=path) for path, r in chain.findings]
    print(json.dumps(d, indent=2), file=sys.stderr if args.output == "-" else sys.stdout)
    return status_of(result.fatal.status) if result.fatal else 0


def verify_chain(chain, keys, host_pin, lines):
    pending = {p.link for p in host_pin.pending} if host_pin else set()
    try:
        chain.load(keys, host_pin)
    except Reject as r:
        chain.findings.append(("", r))
    listed = {}
    for row in chain.meta.rows if chain.meta else []:
        item = chain.object_of(row)
        listed[item.path if item else f"point {row.number}"] = chain.examine_row(row, keys)
    for item in chain.candidates:
        lines.append((item.path, "metadata", item.metadata(keys)))
    for path, result in listed.items():
        lines.append((path, "point", result))
    for item in chain.points:
        if item.path not in listed:
            lines.append((item.path, "unlisted", chain.examine_unlisted(item, keys, pending)))
    return set(listed)


def do_verify(args):
    keys = keys_of(args)
    repository = Repository(args.repo)
    lines, findings, seen = [], list(repository.findings), set()
    for chain_id in repository.chain_ids(args.chain):
        chain = repository.chain(args.chain) if args.chain else None
        chain = chain or next_chain(repository, chain_id)
        seen |= verify_chain(chain, keys, load_pin(args), lines)
        findings += chain.findings
    for item in repository.items:
        if item.reject and item.path not in seen:
            lines.append((item.path, "damaged", verdict.Result(
                item.reject, getattr(item.reject, "findings", []))))
    shown = [dict(result.as_dict(), file=os.path.relpath(path, args.repo) if os.path.isabs(path)
                  or os.path.exists(path) else path, what=what) for path, what, result in lines]
    show({"objects": shown, "findings": [dict(r.as_dict(), file=p) for p, r in findings]})
    statuses = [o["status"] for o in shown] + [r.status for _, r in findings]
    return max([status_of(s) for s in statuses], default=1)


def next_chain(repository, chain_id):
    from second_reader.chain import Chain
    return Chain(repository, chain_id)


def do_keystore(args):
    store = Keystore.load(args.dir, first_line(args.passphrase_file))
    for e in store.file.entries:
        if e.sealed:
            store.open_entry(e)
    show(store.describe())
    return 0


def do_foreign(args):
    with open(args.header, "rb") as f:
        head = foreign.Foreign(f.read(), keys_of(args))
    show({"object_id": head.copy.id.object_id.hex(), "context": head.context.hex(),
          "sealed": head.sealed.hex(), "revision": head.copy.revision,
          "slots": [slots.describe(s) for s in head.copy.slots]})
    if args.payload:
        p = head.payload(source(args.payload), args.stream)
        with out_file(args.output) as (out, keep):
            for piece in p.pieces(0, p.length):
                if out:
                    out.write(piece)
            keep()
    return 0


def do_pin(args):
    with open(args.file, "rb") as f:
        p = pin.parse(f.read())
    show({"chain_id": p.chain_id.hex(), "generation": p.generation, "number": p.number,
          "link": p.link.hex(), "serial": p.serial, "kms_ms": p.kms_ms,
          "pending": [{"object_id": x.object_id.hex(), "link": x.link.hex()} for x in p.pending]})
    return 0


def parser():
    top = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sub = top.add_subparsers(dest="command", required=True)

    def command(name, work, keys=True):
        p = sub.add_parser(name)
        p.set_defaults(work=work)
        if keys:
            p.add_argument("--private-key", action="append", default=[], metavar="PEM[:PASSFILE]")
            p.add_argument("--password", action="append", default=[], metavar="NAME=PASSWORD")
            p.add_argument("--password-file", action="append", default=[])
            p.add_argument("--keystore", action="append", default=[], metavar="[KMS_ID=]DIR")
            p.add_argument("--passphrase-file")
            p.add_argument("--allow-sha1", action="store_true")
        return p

    p = command("object", do_object)
    p.add_argument("file", nargs="+")
    p.add_argument("-o", "--output")
    p = command("restore", do_restore)
    p.add_argument("repo")
    p.add_argument("--chain")
    p.add_argument("--point", default="latest")
    p.add_argument("--pin")
    p.add_argument("--no-metadata", action="store_true")
    p.add_argument("-o", "--output", required=True)
    p = command("verify", do_verify)
    p.add_argument("repo")
    p.add_argument("--chain")
    p.add_argument("--pin")
    p = command("keystore", do_keystore, keys=False)
    p.add_argument("dir")
    p.add_argument("--passphrase-file", required=True)
    p = command("foreign", do_foreign)
    p.add_argument("header")
    p.add_argument("payload", nargs="?")
    p.add_argument("--stream", type=int, default=0)
    p.add_argument("-o", "--output")
    p = command("pin", do_pin, keys=False)
    p.add_argument("file")
    return top


def main():
    args = parser().parse_args()
    try:
        return args.work(args)
    except Reject as r:
        show({"status": r.status, "part": r.part, "rule": r.rule, "text": r.text})
        return status_of(r.status)
    except (LookupError, OSError) as e:
        print(f"reader: {e}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
