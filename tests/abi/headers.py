#!/usr/bin/python3
"""headers.py INCLUDE CC [-- CXX]: each public header alone, and all together, as a stranger compiles
them: C99 and C++11 and C++20, no padding hidden in a struct (an unknown tail must be zero, and padding
is not), no warning of any kind."""
import subprocess
import sys
from pathlib import Path

STRICT = ["-pedantic", "-Wall", "-Wextra", "-Wpadded", "-Wundef", "-Wconversion", "-Werror",
          "-fsyntax-only"]
USE = """
int main(void);
int main(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    return envelope_status_name(err.status) == 0 || !ENVELOPE_HAS(&err, message);
}
"""


def compiles(compiler, language, standard, include, text):
    done = subprocess.run([*compiler, "-x", language, f"-std={standard}", *STRICT, "-I", include, "-"],
                          input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr)
    return not done.returncode


def main(include, *rest):
    at = rest.index("--") if "--" in rest else len(rest)
    ways = [(rest[:at], "c", "c99"), (rest[:at], "c", "c11")]
    if rest[at + 1:]:
        ways += [(rest[at + 1:], "c++", s) for s in ("c++11", "c++20")]
    else:
        print("no C++ compiler: C only")
    names = sorted(p.name for p in Path(include, "envelope").glob("*.h"))
    failed = 0
    for compiler, language, standard in ways:
        for name in names:
            # twice: a guard that is missing shows
            text = f"#include <envelope/{name}>\n" * 2
            text += USE if name == "envelope.h" else "extern int dummy;\n"
            failed += not compiles(compiler, language, standard, include, text)
    print(f"{len(names)} headers in {len(ways)} languages, {failed} failures")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
