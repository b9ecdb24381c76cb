#!/usr/bin/python3
"""layout.py BINDINGS INCLUDE CC...: every struct of the Python binding has the size and the offsets
that C gives it, and every constant the value."""
import ctypes
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def structs(module):
    found = [v for v in vars(module).values()
             if isinstance(v, type) and issubclass(v, ctypes.Structure) and hasattr(v, "_c_")]
    return {s._c_: s for s in found}


def constants(module):
    """Status numbers and what the binding repeats of the enums, by their C names."""
    known = {}
    for prefix in ("USE_", "ALLOW_", "FIPS_", "POINT_", "ASK_", "PIN_MAX", "PEM_MAX"):
        known |= {"ENVELOPE_" + n: v for n, v in vars(module).items() if n.startswith(prefix)}
    known |= {"ENVELOPE_DIR_CREATE": module._DIR_CREATE,
              "ENVELOPE_DIR_READONLY": module._DIR_READONLY,
              "ENVELOPE_CHAIN_READONLY": module._READONLY,
              "ENVELOPE_KEYSTORE_CREATE": module._KEYSTORE_CREATE,
              "ENVELOPE_REFRESH_NEW_GENERATION": module._NEW_GENERATION,
              "ENVELOPE_EXPORT_PUBLIC": module._EXPORT_PUBLIC,
              "ENVELOPE_VERIFY_HEADERS_ONLY": module._HEADERS_ONLY,
              "ENVELOPE_E_CALLBACK": module._E_CALLBACK, "ENVELOPE_OK": module._OK}
    return known


def statuses(include):
    """{number: name} of the header's enum"""
    text = Path(include, "envelope/base.h").read_text(encoding="utf-8")
    return {int(v): n for n, v in re.findall(r"ENVELOPE_(E_\w+) = (-\d+)", text)}


def c_answers(questions, include, compiler):
    with tempfile.TemporaryDirectory() as tmp:
        source, program = Path(tmp, "layout.c"), Path(tmp, "layout")
        lines = "".join(f'    printf("%lld\\n", (long long)({q}));\n' for q in questions)
        source.write_text("#include <envelope/envelope.h>\n#include <stdio.h>\n#include <stddef.h>\n"
                          "int main(void)\n{\n" + lines + "    return 0;\n}\n", encoding="utf-8")
        subprocess.run([*compiler, "-I", include, str(source), "-o", str(program)], check=True)
        out = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    return [int(line) for line in out.split()]


def main(bindings, include, *compiler):
    sys.path.insert(0, bindings)
    import libenvelope as module
    expected = dict(constants(module))
    for name, struct in structs(module).items():
        expected[f"sizeof({name})"] = ctypes.sizeof(struct)
        for field in struct._fields_:
            at = getattr(struct, field[0])
            expected[f"offsetof({name}, {field[0]})"] = at.offset
            expected[f"sizeof((({name} *)0)->{field[0]})"] = at.size
    got = c_answers(list(expected), include, compiler)
    wrong = [f"{q}: {mine} here, {c} in C"
             for (q, mine), c in zip(expected.items(), got) if mine != c]
    missing = set(statuses(include)) ^ set(module._by_status)
    wrong += [f"status {s}: no class of its own, or one too many" for s in missing]
    print("\n".join(wrong))
    print(f"{len(expected)} values, {len(wrong)} differ")
    return 1 if wrong or not got else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
