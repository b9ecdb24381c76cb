"""backup and restore: every byte, from and to whatever there is."""
import os
import subprocess

import kit


class Bytes(kit.Case):
    def setUp(self):
        super().setUp()
        self.home.chain()

    def restore(self, *more, status=0):
        return self.home.run("restore", "repo", "-o", "out", *more, status=status)

    def out(self):
        return (self.home / "out").read_bytes()

    def test_sizes(self):
        sizes = (0, 1, kit.CHUNK - 1, kit.CHUNK, kit.CHUNK + 1, (1 << 20) - 1, (1 << 20) + 1)
        for number, size in enumerate(sizes, 1):
            data = kit.sample(size, number)
            self.home.file("source", data)
            made = self.home.json("backup", "repo", "source")
            self.assertEqual((made["number"], made["point"]["bytes"]), (number, size))
        for number, size in enumerate(sizes, 1):
            self.restore("--point", str(number), "--force")
            self.assertEqual(self.out(), kit.sample(size, number), size)

    def test_standard_input_and_output(self):
        data = kit.sample(3 * kit.CHUNK + 5)
        self.home.backup(data)
        self.assertEqual(self.home.run("restore", "repo", "-o", "-").raw, data)

    def test_input_in_small_pieces(self):
        data = kit.sample(100000)
        program = subprocess.Popen([kit.PROGRAM, "backup", "repo", "-"], cwd=self.home.path,
                                   env=self.home.env, stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)
        for at in range(0, len(data), 997):
            program.stdin.write(data[at:at + 997])
            program.stdin.flush()
        program.stdin.close()
        self.assertEqual(program.wait(), 0)
        self.restore()
        self.assertEqual(self.out(), data)

    def test_latest_and_numbers(self):
        for text in (b"one", b"two"):
            self.home.backup(text)
        self.restore()
        self.assertEqual(self.out(), b"two")
        self.restore("--point", "latest", "--force")
        self.assertEqual(self.out(), b"two")
        self.restore("--point", "1", "--force")
        self.assertEqual(self.out(), b"one")
        self.restore("--point", "3", "--force", status=1)
        self.assertEqual(self.out(), b"one")
        for wrong in ("0", "-1", "x", "1x", ""):
            self.restore("--point", wrong, "--force", status=2)

    def test_file_is_not_replaced_unless_forced(self):
        self.home.backup(b"new")
        self.home.file("out", b"old")
        self.assertIn("--force", self.restore(status=1).err)
        self.assertEqual(self.out(), b"old")
        self.restore("--force")
        self.assertEqual(self.out(), b"new")

    def test_partial(self):
        self.home.backup(b"new")
        self.home.file("out.partial", b"left by one that died, and longer")
        self.restore()
        self.assertEqual(self.out(), b"new")
        self.assertFalse((self.home / "out.partial").exists())
        self.assertEqual((self.home / "out").stat().st_mode & 0o777, 0o600)

    def test_partial_that_is_a_link_is_not_followed(self):
        self.home.backup(b"new")
        self.home.file("victim", b"mine")
        (self.home / "out.partial").symlink_to(self.home / "victim")
        self.restore()
        self.assertEqual((self.home / "victim").read_bytes(), b"mine")
        self.assertEqual(self.out(), b"new")

    def test_nothing_is_left_of_a_restore_that_failed(self):
        self.home.backup(kit.sample(4 * kit.CHUNK))
        point = next(p for p in self.home.objects("points") if "-full-" in p.name)
        kit.flip(point, point.stat().st_size - 3 * kit.CHUNK)
        self.restore(status=4)
        self.assertFalse((self.home / "out").exists())
        self.assertFalse((self.home / "out.partial").exists())

    def test_into_a_directory_or_without_one(self):
        self.home.backup(b"x")
        self.home.run("restore", "repo", "-o", ".", status=2)
        self.home.run("restore", "repo", "-o", "absent/out", status=1)
        self.home.run("restore", "repo", status=2)

    def test_devices_are_written_in_place(self):
        data = kit.sample(50000)
        self.home.backup(data)
        self.home.run("restore", "repo", "-o", "/dev/null")
        os.mkfifo(self.home / "pipe")
        with subprocess.Popen(["cat", self.home / "pipe"], stdout=subprocess.PIPE) as reader:
            self.home.run("restore", "repo", "-o", "pipe")
            self.assertEqual(reader.stdout.read(), data)
        self.home.run("restore", "repo", "-o", "/dev/full", status=1)

    def test_full_standard_output(self):
        self.home.backup(kit.sample(50000))
        with open("/dev/full", "wb") as full:
            done = subprocess.run([kit.PROGRAM, "restore", "repo", "-o", "-"], cwd=self.home.path,
                                  env=self.home.env, stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_disk(self):
        data = kit.sample(100000)
        self.home.file("disk", bytes(1 << 20))
        attached = subprocess.run(["losetup", "-f", "--show", self.home / "disk"],
                                  capture_output=True, text=True, check=False)
        if attached.returncode:
            self.skipTest("no loop device can be had")
        device = attached.stdout.strip()
        self.addCleanup(subprocess.run, ["losetup", "-d", device], check=False)
        self.home.backup(data)
        self.home.run("restore", "repo", "-o", device, status=1)
        self.home.run("restore", "repo", "-o", device, "--force")
        with open(device, "rb") as f:
            self.assertEqual(f.read(len(data)), data)
        made = self.home.json("backup", "repo", device)
        self.assertEqual(made["point"]["bytes"], 1 << 20)
        self.home.backup(kit.sample((1 << 20) + 1))
        self.home.run("restore", "repo", "-o", device, "--force", status=1)

    def test_source_that_fails_leaves_the_chain_as_it_was(self):
        self.home.backup(b"one")
        before = [p.name for p in self.home.objects("points")]
        for source in ("absent", ".", "/proc/self/mem"):
            self.home.run("backup", "repo", source, status=1)
        self.assertEqual([p.name for p in self.home.objects("points")], before)
        self.assertEqual(len(self.home.json("list", "repo")["points"]), 1)
        self.assertEqual(self.home.backup(b"two"), 2)

    def test_label(self):
        self.home.backup(b"x", "--label", "vor dem Umzug – α")
        self.home.backup(b"x")
        points = self.home.json("list", "repo")["points"]
        self.assertEqual([p["label"] for p in points], ["vor dem Umzug – α", None])
        self.home.run("backup", "repo", "-", "--label", b"\xff".decode("latin1") * 9000,
                      status=None)

    def test_progress(self):
        self.home.file("source", kit.sample(1 << 20))
        for mode, wanted in (("always", True), ("never", False), ("auto", False)):
            done = self.home.run("backup", "repo", "source", "--progress", mode)
            self.assertEqual("100 %" in done.err and "/s" in done.err, wanted, mode)
        self.home.run("backup", "repo", "source", "--progress", "loud", status=2)
        done = self.home.run("restore", "repo", "-o", "-", "--progress", "always")
        self.assertEqual(done.raw, kit.sample(1 << 20))
        self.assertIn("100 %", done.err)

    def test_a_second_job_on_the_same_chain_waits_its_turn(self):
        reading, writing = os.pipe()
        first = subprocess.Popen([kit.PROGRAM, "backup", "repo", "-"], cwd=self.home.path,
                                 env=self.home.env, stdin=reading, stdout=subprocess.PIPE)
        os.close(reading)
        # More than a pipe holds: when this returns, the job is reading, so the pin is its own.
        os.write(writing, bytes(1 << 17))
        self.assertIn("another job", self.home.run("backup", "repo", "-", status=1).err)
        self.home.run("list", "repo")
        os.close(writing)
        self.assertEqual(first.wait(), 0)
        first.stdout.close()
        self.assertEqual(self.home.backup(b"x"), 2)


if __name__ == "__main__":
    kit.main()
