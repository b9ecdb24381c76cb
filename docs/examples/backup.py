"""backup.py REPO KEYSTORE PASSPHRASE-FILE SOURCE: the same as backup.c."""
import os
import shutil
import sys
from pathlib import Path

import libenvelope as env

repo, keystore, passphrase_file, source = sys.argv[1:]
pin = Path("vm-42.pin")


def save_pin(data):
    with open(os.open(pin, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)


with env.Context() as ctx:
    passphrase = bytearray(Path(passphrase_file).read_bytes().splitlines()[0])
    keys = ctx.keyring()
    keys.add_kms("lab", ctx.keystore(keystore, passphrase), env.USE_WRAP | env.USE_UNWRAP)
    passphrase[:] = bytes(len(passphrase))
    keys.wrap_for("lab", "vm")
    store = ctx.directory(repo, create=True)
    try:
        chain = store.open_chain(keys, "vm-42", pin=pin.read_bytes() if pin.exists() else b"",
                                 save_pin=save_pin)
    except env.NotFoundError:
        chain = store.create_chain(keys, "vm-42", save_pin=save_pin)

    chain.refresh()
    with chain.write(label="nightly") as writer, open(source, "rb") as f:
        shutil.copyfileobj(f, writer, 1 << 20)
        writer.set("source", source.encode())

    for p in chain:
        print(f"{p.number:4}  {p.kind:9}  {p.bytes:12} bytes"
              f"  {p.key.kms_id}/{p.key.name} v{p.key.version}")
    with chain.read(writer.number) as reader:
        print(len(reader), "bytes;", reader.pread(0, 16).hex())
