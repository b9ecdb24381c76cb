#!/usr/bin/python3
"""with_servers.py PROGRAM...: runs a test program beside a stock and an extended server.

The program finds KMIP_STOCK and KMIP_EXTENDED (HOST:PORT), and in KMIP_STOCK_DIR and
KMIP_EXTENDED_DIR ca.crt and the certificates of pki.py. In both servers lie, active and made by
"admin": the pair "vm" (anyone may fetch the private half on the stock server; nobody on the
extended one, where Decrypt is for everyone), the pair "mine" and the AES-256 key "aes-mine" (its
owner alone sees the secret half; the owner is "admin") and the AES-256 key "aes" (anyone may fetch
it).
"""
import os
import subprocess
import sys

import servers


def fill(server, policy):
    with server.user("admin") as user:
        make = user.create_pair if server.extended else lambda n, p: user.register_pair(n, 5, p)
        make("vm", policy)
        user.register_pair("mine", 1)
        user.create_aes("aes", "fetch")
        user.create_aes("aes-mine")


def main():
    why = servers.missing()
    if why:
        print(f"1..0 # SKIP {why}")
        return 0
    stock, extended = servers.Server("A"), servers.Server("B", extended=True, pairs=(2, 3, 4))
    with servers.running(stock, extended):
        fill(stock, "fetch")
        fill(extended, "inside")
        places = {"KMIP_STOCK": stock.endpoint(), "KMIP_STOCK_DIR": str(stock.folder),
                  "KMIP_EXTENDED": extended.endpoint(), "KMIP_EXTENDED_DIR": str(extended.folder)}
        return subprocess.run(sys.argv[1:], env={**os.environ, **places}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
