"""The built program in a home of its own, and unittest speaking TAP."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.environ["ENVELOPE_PROGRAM"]
CHUNK = 16384
# The tools are Debian's, and so is the Python that some of them want.
PATH = f"/usr/bin:{os.environ['PATH']}:/sbin:/usr/sbin"


def need(*names):
    for name in names:
        if not shutil.which(name, path=PATH):
            raise unittest.SkipTest(f"{name} is not installed")


def soon(holds, why, seconds=60):
    """Until it holds. Not a measure of anything: only what never comes is a failure."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise AssertionError(why())
        time.sleep(0.02)


class Answer:
    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout.decode("utf-8", "replace")
        self.raw = done.stdout
        self.err = done.stderr.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.out)


class Home:
    """HOME with nothing in it; configuration and pins lie where they do by default."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="envelope-test-"))
        self.env = {"HOME": str(self.path), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                self.env[name] = value
        self.config = self.path / ".config/envelope/envelope.ini"
        self.state = self.path / ".local/state/envelope"

    def remove(self):
        shutil.rmtree(self.path)

    def __truediv__(self, name):
        return self.path / name

    def run(self, *args, status=0, data=b""):
        """No terminal: whatever would ask must say so instead."""
        done = subprocess.run([PROGRAM, *map(str, args)], cwd=self.path, env=self.env, input=data,
                              capture_output=True, start_new_session=True, timeout=300, check=False)
        answer = Answer(done)
        if status is not None and answer.status != status:
            raise AssertionError(f"envelope {' '.join(map(str, args))}: status {answer.status}, "
                                 f"wanted {status}\n{answer.out}{answer.err}")
        return answer

    def tool(self, *args, status=0, data=b""):
        """Another program than ours: what it said, of both streams."""
        done = subprocess.run([str(a) for a in args], cwd=self.path, env=dict(self.env, PATH=PATH),
                              input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=300, check=False)
        text = done.stdout.decode("utf-8", "replace")
        if done.returncode != status:
            raise AssertionError(f"{args}: status {done.returncode}, wanted {status}\n{text}")
        return text

    def allowed(self, *args):
        """What a container may forbid to root, too: skipped with its own words."""
        try:
            return self.tool(*args)
        except AssertionError as e:
            why = " ".join(str(e).split())
            raise unittest.SkipTest(f"{args[0]} cannot be used here: {why}") from e

    @contextlib.contextmanager
    def exposed(self, *source, how=()):
        """What nbdfuse makes of an NBD server: a file. Skipped where that is not allowed."""
        place = self.path / "fuse"
        place.mkdir(exist_ok=True)
        if not os.access("/dev/fuse", os.R_OK | os.W_OK):
            raise unittest.SkipTest("/dev/fuse is not there, or not for us")
        with open(self.path / "nbdfuse", "w+", encoding="utf-8") as said:
            fuse = subprocess.Popen(["nbdfuse", *how, place / "disk", *source], cwd=self.path,
                                    env=dict(self.env, PATH=PATH), stdout=said, stderr=said)
            try:
                soon(lambda: (place / "disk").exists() or fuse.poll() is not None,
                     lambda: "nbdfuse shows nothing")
                if fuse.poll() is not None:
                    said.seek(0)
                    raise unittest.SkipTest(f"nbdfuse cannot be used here: {said.read().strip()}")
                yield place / "disk"
            finally:
                fuse.terminate()
                fuse.wait(60)

    def json(self, *args, status=0, data=b""):
        answer = self.run(*args, "--json", status=status, data=data).json()
        if answer["exit"] != status:
            raise AssertionError(f"exit in JSON {answer['exit']}, status {status}")
        return answer

    def secret(self, name, text="correct horse\n", mode=0o600):
        path = self.path / name
        path.write_text(text, newline="")
        path.chmod(mode)
        return path

    def file(self, name, data):
        path = self.path / name
        path.write_bytes(data)
        return path

    def keystore(self, name="ks", versions=1):
        """A copy of one that was made once: an RSA-4096 pair takes seconds."""
        source = made_keystore(versions)
        shutil.copytree(source, self.path / name)
        self.secret("pass")
        return self.path / name

    def rotate(self, name="ks", versions=2):
        """Version 1 becomes version 2 without making a key: the copy that has both is put there."""
        shutil.rmtree(self.path / name)
        shutil.copytree(made_keystore(versions), self.path / name)

    def chain(self, repo="repo", *more):
        """A keystore, and a chain sealed for its key vm; the chain's id."""
        self.keystore()
        kms = f"lab=keystore:{self / 'ks'},passphrase-file={self / 'pass'}"
        made = self.json("init", self / repo, "--kms", kms, "--key", "lab/vm", *more)
        return made["chain"]["id"]

    def backup(self, data, *more, repo="repo"):
        return self.json("backup", self / repo, "-", *more, data=data)["number"]

    def objects(self, folder, repo="repo"):
        return sorted((self / repo / "chains").glob(f"*/{folder}/*.env"))


_made = {}


def made_keystore(versions):
    if versions not in _made:
        home = Home()
        home.secret("pass")
        if versions == 1:
            home.run("keystore", "create", home / "ks", "--key", "vm", "--passphrase-file",
                     home / "pass")
        else:
            shutil.copytree(made_keystore(versions - 1), home / "ks")
            home.run("keystore", "rotate", home / "ks", "--key", "vm", "--passphrase-file",
                     home / "pass")
        _made[versions] = home
    return _made[versions] / "ks"


class Case(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)


def flip(path, offset, bit=0):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


def sample(size, seed=1):
    """Bytes without a pattern that another seed, or a shifted start, would have too."""
    out = bytearray()
    state = seed * 2654435761 % 2 ** 64 or 1
    while len(out) < size:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        out += state.to_bytes(8, "big")
    return bytes(out[:size])


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0

    def line(self, test, good, more=""):
        self.count += 1
        print(f"{'' if good else 'not '}ok {self.count} - {test.id().split('.', 1)[1]}{more}",
              flush=True)

    def addSuccess(self, test):
        self.line(test, True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line(test, True, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.line(test, False)
        self.explain(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.line(test, False)
        self.explain(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.line(subtest, False)
            self.explain(subtest, err)

    def explain(self, test, err):
        for line in self._exc_info_to_string(err, test).splitlines():
            print("# " + line)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = Tap()
    suite.run(result)
    for home in _made.values():
        home.remove()
    print(f"1..{result.count}")
    sys.exit(0 if result.wasSuccessful() and result.count else 1)
