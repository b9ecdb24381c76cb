#!/usr/bin/python3
"""symbols.py MAP LIBRARY INCLUDE: what the headers declare, what the version script names, and what
the library exports are one set, each name at its version; every function can be found by dlsym."""
import ctypes
import re
import subprocess
import sys
from pathlib import Path

DECLARED = re.compile(r"\bENVELOPE_(?:API|TRY)\b[^;(]*?\b(envelope_\w+)\s*\(")


def in_map(path):
    """{name: node}"""
    text = re.sub(r"/\*.*?\*/", "", Path(path).read_text(encoding="utf-8"), flags=re.S)
    names = {}
    for node, body in re.findall(r"([\w.]+)\s*\{(.*?)\}", text, re.S):
        listed = body.split("local:")[0].replace("global:", "")
        for name in re.findall(r"[^\s;]+", listed):
            if "*" in name:
                sys.exit(f"a pattern in the version script: {name}")
            names[name] = node
    return names


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library],
                         capture_output=True, text=True, check=True).stdout
    names = {}
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        name, _, node = name.partition("@")
        if kind != "A":  # the nodes themselves
            names[name] = node.lstrip("@")
    return names


def declared(include):
    text = "".join(p.read_text(encoding="utf-8") for p in Path(include, "envelope").glob("*.h"))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(DECLARED.findall(text))


def main(map_path, library, include):
    listed, real, said = in_map(map_path), exported(library), declared(include)
    wrong = []
    if list(listed) != sorted(listed):
        wrong.append("the version script is not sorted")
    for name in sorted(set(listed) | set(real) | said):
        places = [w for w, there in (("declared", name in said), ("in the map", name in listed),
                                     ("exported", name in real)) if there]
        if len(places) != 3:
            wrong.append(f"{name}: only {', '.join(places)}")
        elif real[name] != listed[name]:
            wrong.append(f"{name}: {real[name]} and not {listed[name]}")
    loaded = ctypes.CDLL(library)
    wrong += [f"{n}: not found by dlsym" for n in listed if not hasattr(loaded, n)]
    print("\n".join(wrong))
    print(f"{len(listed)} functions, {len(wrong)} findings")
    return 1 if wrong or not listed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
