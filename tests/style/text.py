#!/usr/bin/python3
"""Committed text speaks of the project only: no path of one machine, no registry, no leftovers."""
import re
import sys

import sources

RULES = {
    r"(?<![\w.$}])/(work|home/\w+|root|Users)/": "a path of one machine",
    r"(?<![\w.$}])/tmp/(?![\w.-]*XXXXXX)\w": "a path of one machine: mktemp",
    r"\b[\w-]*(pypi|npmjs|crates|rubygems|artifactory|nexus)\.(org|io|com)\b": "a registry",
    r"\b(FIXME|XXX|HACK)\b": "a leftover",
    r"^(<{7}|>{7}|={7})( |$)": "a conflict of a merge",
    r"\r$": "a line end of elsewhere",
    r"\S[ \t]+$": "spaces at the end of a line",
}
BYTES = (".pem", ".bin", ".env", ".der", ".pin", ".seed", ".hex", ".txt", ".supp")
SELF = "tests/style/text.py"


def main():
    findings, checked = [], 0
    for path in sources.files():
        if path.suffix in BYTES or str(path) == SELF or "corpus" in path.parts:
            continue
        checked += 1
        for number, line in sources.lines(path):
            for pattern, why in RULES.items():
                if why.startswith("spaces") and path.suffix == ".md":
                    continue
                at = re.search(pattern, line)
                if at:
                    findings.append(f"{path}:{number}: {at[0].strip()!r}: {why}")
    sources.report(findings, checked)


if __name__ == "__main__":
    sys.exit(main())
