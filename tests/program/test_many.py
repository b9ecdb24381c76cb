"""What the program does with a chain grows no faster than the chain: its own steps and the library's,
counted by a build that counts them (tests/support/steps.h), for three chains, so that what does not
grow can be taken off. No clock is asked."""
import os
import re
import subprocess
import tempfile

import kit

COUNTED = os.environ["ENVELOPE_COUNTED"]
MAKE_POINTS = os.environ["MAKE_POINTS"]
SIZES = (60, 600, 6000) if os.environ.get("ENVELOPE_THOROUGH") else (60, 240, 1500)
SHARE = 1.15  # sorting takes a logarithm more
if os.access("/dev/shm", os.W_OK):
    tempfile.tempdir = "/dev/shm"  # each object is flushed, and nothing of this is about disks


class Side:
    """A home with a chain of so many points."""

    def __init__(self, points):
        self.points = points
        self.home = kit.Home()
        chain_id = self.home.chain()
        pin = self.home.state / f"{chain_id}.pin"
        subprocess.run([MAKE_POINTS, self.home / "repo", pin, self.home / "ks", "correct horse",
                        str(points)], check=True, timeout=600)
        text = self.home.config.read_text()
        self.home.config.write_text(re.sub(r"(?m)^serial = 1$", "serial = 3", text))

    def steps(self, *args):
        """And the lines that it says. What grows is not written: the program that counts only reads,
        or says what it would do."""
        told = self.home / "steps"
        told.unlink(missing_ok=True)
        done = subprocess.run([COUNTED, *args], cwd=self.home.path, capture_output=True, check=True,
                              env=self.home.env | {"ENVELOPE_STEPS": str(told)}, timeout=600)
        return int(told.read_text()) if told.exists() else 0, done.stdout.decode().splitlines()


_sides = []


class Many(kit.Case):
    @classmethod
    def setUpClass(cls):
        _sides.extend(Side(points) for points in SIZES)

    @classmethod
    def tearDownClass(cls):
        for side in _sides:
            side.home.remove()

    def grows(self, *args):
        steps, lines = zip(*(side.steps(*args) for side in _sides))
        print(f"# {' '.join(args)}: {steps} steps", flush=True)
        if not all(steps):
            self.skipTest("this build does not count steps")
        line = (SIZES[2] - SIZES[0]) / (SIZES[1] - SIZES[0])
        self.assertLessEqual(steps[2] - steps[0], SHARE * line * (steps[1] - steps[0] + 1000))
        return lines

    def test_list(self):
        for side, lines in zip(_sides, self.grows("list", "repo")):
            self.assertEqual(len(lines), side.points + 1)

    def test_list_json(self):
        self.grows("list", "repo", "--json")

    def test_tree(self):
        """Each full with all that stands on it, an increment on the one before."""
        for side, lines in zip(_sides, self.grows("list", "repo", "--tree")):
            self.assertEqual(len(lines), side.points)
            depths = [(len(line) - len(line.lstrip())) // 2 for line in lines]
            self.assertEqual(depths, [i % 30 for i in range(side.points)])
            self.assertEqual({int(line.lstrip(" +").split()[0]) for line in lines},
                             set(range(1, side.points + 1)))

    def test_keys(self):
        self.grows("keys", "repo")

    def test_forget(self):
        for side, lines in zip(_sides, self.grows("forget", "repo", "--keep-last", "30", "--dry-run")):
            self.assertGreaterEqual(len(lines), side.points - 60)

    def test_verify(self):
        self.grows("verify", "repo", "--headers-only")


if __name__ == "__main__":
    kit.main()
