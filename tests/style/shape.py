#!/usr/bin/python3
"""The sizes of the house: no file above 500 lines, each .c of the library with a header of its room,
each header says in its first line what it is."""
import re
import sys

import sources

LONGEST = 500


def main():
    findings, checked = [], 0
    for folder in ("lib", "include", "tools", "fuzz", "docs/examples"):
        for path in sources.files(".c", ".h", under=folder):
            checked += 1
            text = sources.lines(path)
            if len(text) > LONGEST:
                findings.append(f"{path}: {len(text)} lines, at most {LONGEST}")
            first = text[0][1] if text else ""
            if path.suffix == ".h" and folder in ("lib", "include"):
                named = "/".join(path.parts[1:])
                if not re.match(r"/\* " + re.escape(named) + " - ", first):
                    findings.append(f"{path}:1: begins with its name: /* {named} - what it is")
    sources.report(findings, checked)


if __name__ == "__main__":
    sys.exit(main())
