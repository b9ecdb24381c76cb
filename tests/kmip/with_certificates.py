#!/usr/bin/python3
"""with_certificates.py PROGRAM ARGUMENT...: runs a program with a folder of certificates (pki.py),
made for it alone, in KMIP_CERTIFICATES."""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import pki
except ImportError:
    print("1..0 # SKIP python3-cryptography is not installed: no certificates can be made")
    sys.exit(77)


def main():
    with tempfile.TemporaryDirectory(prefix="kmip-") as folder:
        pki.make(pathlib.Path(folder), "T")
        return subprocess.run(sys.argv[1:], env={**os.environ, "KMIP_CERTIFICATES": folder},
                              check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
