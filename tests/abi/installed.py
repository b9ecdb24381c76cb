#!/usr/bin/python3
"""installed.py BUILD EXAMPLES CC...: the installed tree as its users meet it. Only what is meant is
there, pkg-config finds it, and each example compiles against it without a warning."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WARNINGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
# What lies in the tree, by the beginning or the end of its name.
MEANT = ("bin/envelope", "include/envelope/", "share/man/", "/libenvelope.so", "/libenvelope.so.0",
         "/libenvelope.so.0.1.0", "/pkgconfig/libenvelope.pc", "share/doc/",
         "/envelope/nbdkit-envelope-plugin.so")


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def meant(name):
    return any(m in name if m.endswith("/") else name.endswith(m) for m in MEANT)


def pkg_config(root):
    pc = next(root.rglob("libenvelope.pc"), None) or sys.exit("no libenvelope.pc")
    env = os.environ | {"PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}
    return run("pkg-config", "--cflags", "--libs", "libenvelope", env=env).split()


def main(build, examples, *compiler):
    with tempfile.TemporaryDirectory() as tmp:
        root = Path(tmp, "root")
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", str(root))
        names = sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir())
        strangers = [n for n in names if not meant(n)]
        if strangers:
            sys.exit(f"installed, and not meant to be: {', '.join(strangers)}")
        flags = pkg_config(root)
        sources = sorted(Path(examples).glob("*.c"))
        for source in sources:
            # provider.c is a part of a program; whether it links is for tests/examples
            kind = ["-c"] if "int main(" not in source.read_text(encoding="utf-8") else []
            run(*compiler, *WARNINGS, str(source), *([] if kind else ["-pthread"]), *kind, *flags,
                "-o", str(Path(tmp, source.stem)))
        print(f"{len(names)} files, {len(sources)} examples compile with {' '.join(flags)}")
        return 0 if sources else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
