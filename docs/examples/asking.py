"""asking.py REPO PRIVATE.pem SOURCE: a key service of one's own without a callback. The library asks,
the questions are answered here (by the openssl command, where a real one would send a request), and
the same call goes on."""
import subprocess
import sys

import libenvelope as env

repo, private_key, source = sys.argv[1:]


def openssl(*command, data=b""):
    return subprocess.run(["openssl", *command], input=data, capture_output=True, check=True).stdout


def answer(question):
    if question.kind == env.ASK_NEWEST:
        spki = openssl("pkey", "-in", private_key, "-pubout", "-outform", "DER")
        kms.answer(question, spki, key_id="vm-key-1")
    elif question.kind == env.ASK_UNWRAP and question.key.key_id == "vm-key-1":
        try:
            kms.answer(question, openssl(
                "pkeyutl", "-decrypt", "-inkey", private_key, "-pkeyopt", "rsa_padding_mode:oaep",
                "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256",
                data=question.data))
        except subprocess.CalledProcessError:
            kms.fail(question, env.AuthError, "does not unwrap")
    else:
        kms.fail(question, env.NoKeyError, "there is one RSA key here")


with env.Context() as ctx:
    kms = ctx.asking("openssl")
    keys = ctx.keyring()
    keys.add_kms("own", kms, env.USE_WRAP | env.USE_UNWRAP)
    keys.wrap_for("own", "vm")
    store = ctx.directory(repo, create=True)
    try:
        chain = kms.serve(answer, store.open_chain, keys, "vm-42")
    except env.NotFoundError:
        chain = kms.serve(answer, store.create_chain, keys, "vm-42")

    with kms.serve(answer, chain.write) as writer, open(source, "rb") as f:
        while block := f.read(1 << 20):
            writer.write(block)
        number = kms.serve(answer, writer.commit)
    with chain.read(number) as reader:
        print(f"point {number}: {len(reader)} bytes")
