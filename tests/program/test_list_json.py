"""list for people, and the object of --json against docs/json.md."""
import os
import pathlib
import re
import shutil

import kit

DOCUMENT = pathlib.Path(os.environ["ENVELOPE_ROOT"]) / "docs/json.md"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


class List(kit.Case):
    def setUp(self):
        super().setUp()
        self.chain_id = self.home.chain()

    def test_table(self):
        self.home.backup(kit.sample(3 << 20), "--label", "monday")
        self.home.backup(b"x")
        lines = self.home.run("list", "repo").out.splitlines()
        self.assertEqual(lines[0].split()[:5], ["POINT", "TIME", "KIND", "SIZE", "STORED"])
        self.assertRegex(lines[1], r"^ +1  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  full +3\.0 MiB +3\.\d MiB  "
                                   r"lab/vm version 1  monday$")
        self.assertRegex(lines[2], r"^ +2 .* increment +1 B +.* lab/vm version 1$")
        self.assertEqual(len(lines), 3)

    def test_tree_with_two_increments_of_one_point(self):
        """Another host's, which did not live to list it."""
        self.home.backup(kit.sample(1 << 17, 1))
        shutil.copytree(self.home / "repo", self.home / "aside")
        shutil.copytree(self.home.state, self.home / "other")
        self.home.backup(kit.sample(1 << 17, 2))
        self.home.backup(kit.sample(1 << 17, 3))
        self.home.run("backup", "aside", "-", "--state", self.home / "other", data=kit.sample(1 << 17, 4))
        for made in self.home.objects("points", "aside"):
            there = self.home / "repo" / made.relative_to(self.home / "aside")
            if "-incr-" in made.name:
                shutil.copy(made, there)
        self.home.run("refresh", "repo")
        tree = self.home.run("list", "repo", "--tree").out
        self.assertRegex(tree, r"\A1  .*\n  \+ 2  .*\n    \+ 3  .*\n  \+ 4  .*\n\Z")

    def test_no_points_yet(self):
        self.assertIn("no restore points", self.home.run("list", "repo").out)
        self.assertEqual(self.home.json("list", "repo")["points"], [])

    def test_labels_cannot_write_to_the_terminal(self):
        label = "a\x1b[31m\r\n\u009b\u202eb\x7f"
        self.home.backup(b"x", "--label", label)
        out = self.home.run("list", "repo").out
        self.assertIn(r"a\x1b[31m\x0d\x0a\xc2\x9b\xe2\x80\xaeb\x7f", out)
        self.assertEqual(self.home.json("list", "repo")["points"][0]["label"], label)

    def test_unreadable_point_is_marked(self):
        self.home.backup(b"x")
        next(p for p in self.home.objects("points") if "-full-" in p.name).unlink()
        self.assertEqual(self.home.json("list", "repo")["points"][0]["flags"], ["unreadable"])
        self.assertIn("[unreadable]", self.home.run("list", "repo").out)

    def test_values(self):
        self.home.backup(b"hello", "--label", "x")
        told = self.home.json("list", "repo")
        self.assertEqual(told["chain"], {"id": self.chain_id, "name": "default"})
        point = told["points"][0]
        self.assertEqual((point["number"], point["parent"], point["kind"], point["content"], point["bytes"],
                          point["label"], point["flags"]), (1, None, "full", "image", 5, "x", []))
        self.assertRegex(point["begun"], TIME)
        self.assertRegex(point["ended"], TIME)
        stored = self.home / "repo" / point["object"]
        self.assertEqual(point["stored_bytes"], stored.stat().st_size)
        listed = self.home.json("keystore", "list", "ks", "--passphrase-file", "pass")["keys"][0]
        self.assertEqual(point["keys"], [{
            "kind": "kms", "kms_id": "lab", "key_name": "vm", "key_id": "vm/1", "version": 1,
            "fingerprint": listed["fingerprint"]}])


def names_in(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from names_in(inner)
    if isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


class Document(kit.Case):
    """Every member that a command prints stands in docs/json.md, and the other way round."""

    def test_all_members_are_documented(self):
        text = DOCUMENT.read_text()
        home = self.home
        home.chain()
        home.backup(b"x")
        answers = {
            "backup": home.json("backup", "repo", "-", data=b"y"),
            "list": home.json("list", "repo"),
            "restore": home.json("restore", "repo", "-o", "out"),
            "refresh": home.json("refresh", "repo"),
            "keys": home.json("keys", "repo"),
            "init": home.json("init", "other", "--key", "lab/vm"),
            "keystore list": home.json("keystore", "list", "ks", "--passphrase-file", "pass"),
            "keystore export": home.json("keystore", "export", "ks", "--key", "vm", "--public",
                                         "-o", "p.pem", "--passphrase-file", "pass"),
            "kms list": home.json("kms", "list", "lab"),
            "kms keys": home.json("kms", "keys", "lab"),
            "kms test": home.json("kms", "test", "lab"),
            "kms create-key": home.json("kms", "create-key", "lab/new"),
            "kms rotate": home.json("kms", "rotate", "lab/new"),
        }
        home.secret("wrong", "wrong\n")
        answers["failed"] = home.json("list", "repo", "--passphrase-file", "wrong", status=3)
        kit.flip(next(p for p in home.objects("points") if "-full-" in p.name), 100)
        answers["verify"] = home.json("verify", "repo", status=4)
        self.assertTrue(answers["verify"]["findings"])
        self.assertTrue(answers["failed"]["missing_keys"])
        self.assertTrue(answers["failed"]["error"]["message"])
        printed = set()
        for command, answer in answers.items():
            printed |= set(names_in(answer))
            if command != "failed":
                self.assertEqual(answer["command"], command)
            for name in ("schema", "command", "exit", "error", "warnings"):
                self.assertIn(name, answer, command)
            rows = [line for line in text.splitlines() if line.startswith("| `")]
            for name in answer:
                self.assertTrue(any(f"`{name}`" in row for row in rows), f"{command}: {name}")
        undocumented = {name for name in printed if f"`{name}`" not in text}
        self.assertEqual(undocumented, set())

    def test_no_object_for_a_wrong_line(self):
        self.assertEqual(self.home.run("list", "--json", status=2).out, "")
        self.assertNotIn("{", self.home.run("list", "--help", "--json").out)

    def test_failure_is_an_object_too(self):
        told = self.home.json("list", "absent", status=1)
        self.assertEqual(told["exit"], 1)
        self.assertIn("absent", told["error"]["message"])


if __name__ == "__main__":
    kit.main()
