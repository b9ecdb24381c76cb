"""What the style tests read: the project's own text files, without a word of git's."""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIP = {".git", "__pycache__", ".cache"}


def files(*suffixes, under="."):
    """Paths relative to the root, sorted; suffixes "" gives every file."""
    found = []
    for folder, folders, names in os.walk(ROOT / under):
        folders[:] = [f for f in folders if f not in SKIP and not f.startswith("build")]
        found += [Path(folder, n).relative_to(ROOT) for n in names
                  if n.endswith(suffixes or "") and n not in SKIP]
    return sorted(found)


def lines(path):
    text = (ROOT / path).read_bytes()
    if b"\0" in text:
        return []  # not text
    return list(enumerate(text.decode("utf-8", "replace").splitlines(), 1))


def code(path):
    """The lines of a C file with comments and the insides of strings blanked."""
    text, out, at = (ROOT / path).read_text(encoding="utf-8"), [], 0
    while at < len(text):
        two, one = text[at:at + 2], text[at]
        end = at + 1
        if two == "/*":
            end = text.find("*/", at) + 2
        elif two == "//":
            end = text.find("\n", at)
        elif one in "\"'":
            while text[end] != one:
                end += 2 if text[end] == "\\" else 1
            end += 1
        if end <= at:
            end = len(text)
        piece = text[at:end]
        include = one == '"' and "#include" in text[text.rfind("\n", 0, at) + 1:at]
        blank = end > at + 1 and not include
        out.append("".join(c if c == "\n" else " " for c in piece) if blank else piece)
        at = end
    return list(enumerate("".join(out).split("\n"), 1))


def report(findings, checked):
    """Ends the program: a list of findings, or how much was looked at."""
    for finding in findings:
        print(finding)
    if not checked:
        print("nothing was looked at")
    print(f"{checked} files, {len(findings)} findings")
    raise SystemExit(1 if findings or not checked else 0)
