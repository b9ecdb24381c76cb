"""What the tests of the second reader share: keys, and a record of the rules that were hit."""

import os
import re
import secrets
import unittest

from second_reader import verdict
from second_reader.keys import Keys, load_private
from second_reader.rules import Reject

HERE = os.path.dirname(os.path.abspath(__file__))
FORMAT = os.path.join(HERE, "..", "..", "docs", "format.md")
POOL = os.path.join(HERE, "..", "keys")
RULE = re.compile(r"^- \*\*(R-[A-Z]+-\d+)\*\* \((E_[A-Z_]+)", re.M)
PASSWORD = b"correct horse"

THOROUGH = bool(os.environ.get("ENVELOPE_THOROUGH"))
SEED = int(os.environ.get("ENVELOPE_SEED") or (secrets.randbelow(2**31) if THOROUGH else 1))

hit = set()


def documented():
    """Every rule number of docs/format.md, and its status."""
    with open(FORMAT, encoding="utf-8") as f:
        found = RULE.findall(f.read())
    assert len(dict(found)) == len(found), "a number is given twice"
    return dict(found)


_loaded = {}


def private(n):
    if n not in _loaded:
        _loaded[n] = load_private(os.path.join(POOL, f"pool-{n:02}.pem"))
    return _loaded[n]


def password_keys():
    return Keys().add_password(PASSWORD, "ops")


class Case(unittest.TestCase):
    maxDiff = None

    def saw(self, reject, rule):
        self.assertEqual((reject.rule, reject.status), (rule, documented()[rule]), str(reject))
        hit.add(rule)

    def refused(self, rule, work):
        """work() is refused by this rule."""
        with self.assertRaises(Reject) as caught:
            work()
        self.saw(caught.exception, rule)
        return caught.exception

    def fatal(self, rule, what, part=None, keys=None, secrets=None):
        """The object is not served, because of this rule."""
        result = verdict.examine(what, keys or password_keys(), secrets)
        self.assertIsNotNone(result.fatal, f"expected {rule}, and it was served")
        self.saw(result.fatal, rule)
        if part:
            self.assertEqual(result.fatal.part, part)
        return result

    def event(self, rule, what, part=None, keys=None):
        """The object is served, and this rule is among what is reported."""
        result = verdict.examine(what, keys or password_keys())
        self.assertIsNone(result.fatal, str(result.fatal))
        self.assertIn(rule, result.rules())
        found = next(r for r in result.findings if r.rule == rule)
        self.saw(found, rule)
        if part:
            self.assertEqual(found.part, part)
        return result

    def whole(self, what, keys=None):
        result = verdict.examine(what, keys or password_keys())
        self.assertEqual(result.verdict(), ("OK", "", ""))
        return result
