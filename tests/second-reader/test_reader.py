#!/usr/bin/python3
"""The second reader against objects made in Python: every rule of docs/format.md is hit."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import argon2  # noqa: F401
    import cryptography  # noqa: F401
except ImportError as e:
    print(f"skipped: {e.name} is missing (python3-cryptography, python3-argon2)")
    sys.exit(77)

import support  # noqa: E402
from cases_catalogue import *  # noqa: E402,F401,F403
from cases_object import *  # noqa: E402,F401,F403
from cases_others import *  # noqa: E402,F401,F403
from cases_repository import *  # noqa: E402,F401,F403


class ZEveryRule(unittest.TestCase):
    """Last: what the others have seen."""

    def test_every_number_was_hit(self):
        known = set(support.documented())
        self.assertEqual(support.hit - known, set(), "rules that docs/format.md does not have")
        self.assertEqual(known - support.hit, set(), "rules that nothing has hit")
        print(f"{len(known)} rules of docs/format.md, all hit")


if __name__ == "__main__":
    unittest.main()
