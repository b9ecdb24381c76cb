"""Man pages: clean, one for each command, and every option of --help in it."""
import os
import pathlib
import re
import shutil
import subprocess

import kit

PAGES = pathlib.Path(os.environ["ENVELOPE_ROOT"]) / "tools/man"
COMMANDS = ("init", "backup", "list", "restore", "verify", "refresh", "keys", "forget", "serve")
GROUPS = {"keystore": ("create", "add-key", "rotate", "list", "remove", "export"),
          "kms": ("list", "keys", "test", "create-key", "rotate")}


def plain(page):
    """The page's text without roff's escapes and fonts."""
    return re.sub(r"\\f.", "", (PAGES / page).read_text().replace("\\-", "-"))


class Manual(kit.Case):
    def options(self, *command):
        text = self.home.run(*command, "--help").out
        found = set(re.findall(r"(?m)^ +(?:-\w, )?(--[a-z-]+)", text))
        self.assertIn("--help", found)
        return found

    def test_options_of_each_command(self):
        for name in COMMANDS:
            text = plain(f"envelope-{name}.1")
            for option in self.options(name):
                self.assertRegex(text, rf"(?m)^\.B .*{option}\b", f"{name} {option}")

    def test_options_of_groups(self):
        for group, names in GROUPS.items():
            text = plain(f"envelope-{group}.1")
            for name in names:
                self.assertRegex(text, rf"\n\.BI? {name}\b")
                for option in self.options(group, name):
                    self.assertRegex(text, rf"(?m)^\.B .*{option}\b", f"{group} {name} {option}")

    def test_no_option_of_groups_that_is_not_there(self):
        for group, names in GROUPS.items():
            text = plain(f"envelope-{group}.1").split(".SH OPTIONS")[1].split(".SH EXIT")[0]
            named = set(re.findall(r"(?m)^\.B .*?(--[a-z-]+)", text))
            self.assertEqual(named, set().union(*(self.options(group, n) for n in names)), group)

    def test_parts_of_kmip(self):
        page = plain("envelope-kms.1")
        form = self.home.run("kms", "list", "--kms", "a=kmip:kms", status=2).err
        parts = set(re.findall(r"[,\[]([a-z-]+)=", form))
        self.assertGreater(len(parts), 9)
        for part in parts:
            self.assertRegex(page, rf"(?m)^\.B {part}$")

    def test_no_option_that_is_not_there(self):
        for name in COMMANDS:
            text = plain(f"envelope-{name}.1").split(".SH OPTIONS")[1].split(".SH EXIT")[0]
            named = set(re.findall(r"(?m)^\.B .*?(--[a-z-]+)", text))
            self.assertEqual(named, self.options(name), name)

    def test_every_command_is_in_help_and_in_the_main_page(self):
        help_text = self.home.run("--help").out
        page = plain("envelope.1")
        for name in COMMANDS:
            self.assertRegex(help_text, rf"(?m)^  {name} ")
            self.assertIn(f".B envelope {name}\n", page)
        for group, names in GROUPS.items():
            self.assertIn(f".B envelope {group}\n", page)
            for name in names:
                self.assertRegex(help_text, rf"(?m)^  {group} {name} ")

    def test_pages_are_clean(self):
        if not shutil.which("man") or not shutil.which("groff"):
            self.skipTest("man-db is not installed")
        for page in sorted(PAGES.glob("*.1")):
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                                  env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                                       "MANWIDTH": "80"},
                                  capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "", page.name)


if __name__ == "__main__":
    kit.main()
