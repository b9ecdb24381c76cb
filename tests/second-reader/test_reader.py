#!/usr/bin/python3
"""The second reader against objects made in Python: every rule of docs/format.md is hit."""

import importlib.util
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

for needed in ("argon2", "cryptography"):
    if importlib.util.find_spec(needed) is None:
        print(f"skipped: {needed} is missing (python3-cryptography, python3-argon2)")
        sys.exit(77)

import cases_catalogue  # noqa: E402
import cases_image  # noqa: E402
import cases_object  # noqa: E402
import cases_others  # noqa: E402
import cases_repository  # noqa: E402
import support  # noqa: E402

CASES = (cases_catalogue, cases_image, cases_object, cases_others, cases_repository)


class EveryRule(unittest.TestCase):
    """Last: what the others have seen."""

    def test_every_number_was_hit(self):
        known = set(support.documented())
        self.assertEqual(support.hit - known, set(), "rules that docs/format.md does not have")
        self.assertEqual(known - support.hit, set(), "rules that nothing has hit")
        print(f"{len(known)} rules of docs/format.md, all hit")


def load_tests(loader, own, _pattern):
    """The cases first: the rule numbers that they hit are looked at last."""
    return unittest.TestSuite([*map(loader.loadTestsFromModule, CASES), own])


if __name__ == "__main__":
    unittest.main()
