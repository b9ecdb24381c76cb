"""The built program, run in a home below one folder; and keystores without the making of keys, which
takes seconds."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PROGRAM = os.environ.get("ENVELOPE_PROGRAM", "")
STEPS, KEYS = os.environ.get("KEYSTORE_STEPS", ""), os.environ.get("TEST_KEYS", "")
ALL = bool(os.environ.get("ENVELOPE_THOROUGH"))


def program(root, *words):
    return ["env", f"HOME={root}/home", "LC_ALL=C.UTF-8", PROGRAM, *map(str, words)]


def call(root, *words, status=0):
    """status None: whatever it is."""
    done = subprocess.run(program(root, *words), capture_output=True, text=True, timeout=120,
                          check=False)
    assert status in (None, done.returncode), (f"{words}: status {done.returncode}\n{done.stdout}"
                                               f"{done.stderr}")
    return done


def listed(root):
    return json.loads(call(root, "list", root / "repo", "--json").stdout)["points"]


def steps(*numbers):
    """A keystore with these keys of the pool, each a version of vm: made, or added to it."""
    return lambda root: [STEPS, str(root), *(f"{KEYS}/pool-{n:02}.pem" for n in numbers)]


def keystores(count):
    """[bytes]: a keystore with one version, with two, ..."""
    out = []
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        for n in range(1, count + 1):
            subprocess.run(steps(n)(folder), check=True, capture_output=True)
            out.append(Path(folder, "ks/keystore").read_bytes())
    return out


def home(keystore):
    """The tree before everything."""
    return {"pass": b"pass\n", "ks/keystore": keystore, "home/.profile": b""}


def init(root):
    """Words of the first job in such a home."""
    return ("init", root / "repo", "--kms",
            f"lab=keystore:{root / 'ks'},passphrase-file={root / 'pass'}", "--key", "lab/vm")


def put(root, tree):
    """What a cut left, as files."""
    shutil.rmtree(root, ignore_errors=True)
    os.mkdir(root, 0o700)
    for name, data in tree.items():
        path = Path(root, name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)


def sample(items, about):
    """All in the thorough run, else about so many, the last one always."""
    step = 1 if ALL else max(1, len(items) // about)
    return items[::-step][::-1]
