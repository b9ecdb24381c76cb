"""What the tests of whole jobs share: a server for the file, a home for each test, jobs in it."""
import contextlib
import os
import sys
import time

import servers

sys.path.insert(0, str(servers.HERE.parent / "program"))
sys.path.insert(0, str(servers.HERE.parent / "support"))
os.environ.setdefault("ENVELOPE_PROGRAM", "")  # where it is not built, only the library is tried
import kit  # noqa: E402
import tap  # noqa: E402

KEY = "vm"


def next_second():
    """Initial Date has whole seconds: what is to be newer is made in a later one."""
    time.sleep(1.02 - time.time() % 1)


class Case(kit.Case):
    """One chain "repo", of the key "lab/NAME" as identity WHO sees it."""
    server = None
    who = "backup"
    settings = {}

    def kms(self, who=None, **more):
        return self.server.option("lab", who or self.who, **{**self.settings, **more})

    def key_name(self):
        """Another for each test: the server is shared."""
        return f"{KEY}-{self.id().rsplit('.', 1)[1]}"

    def init(self, *more, status=0, **settings):
        return self.home.run("init", "repo", "--kms", self.kms(**settings), "--key",
                             f"lab/{self.key_name()}", *more, status=status)

    def backup(self, text, *more, status=0):
        """The number of the point, or what was said where it failed."""
        if status == 0:
            return self.home.backup(text, *more)
        return self.home.run("backup", "repo", "-", *more, data=text, status=status)

    def restore(self, number, *more, status=0):
        done = self.home.run("restore", "repo", "--point", number, "-o", "-", *more, status=status)
        return done if status else done.raw

    def assert_points(self, *texts):
        """Every point, first to last, is what it was made from."""
        points = self.home.json("list", "repo")["points"]
        self.assertEqual(len(points), len(texts))
        for number, text in enumerate(texts, 1):
            self.assertEqual(self.restore(number), text)

    def refresh(self):
        return self.home.json("refresh", "repo")["rotated"]

    def drop_metadata(self):
        found = self.home.objects("meta")
        self.assertTrue(found)
        for path in found:
            path.unlink()

    def configured(self, old, new):
        """The configuration with that line changed, or, where old is empty, added to the KMS's."""
        text = self.home.config.read_text()
        if not old:
            old, new = "type = kmip\n", f"type = kmip\n{new}\n"
        self.assertIn(old, text)
        self.home.config.write_text(text.replace(old, new))

    @contextlib.contextmanager
    def user(self, who="admin"):
        with self.server.user(who) as user:
            yield user

    def supersede(self, user, pair):
        """As an administrator retires a version: the old private half opens nothing any more."""
        for uid in (pair.public, pair.private):
            if user.state(uid) == 2:
                user.revoke(uid)
        user.destroy(pair.private)


def main(*all_servers, program=True):
    """Skips with a word, or runs the file's tests with the servers up."""
    why = servers.missing()
    if not why and program and not kit.PROGRAM:
        why = "the program is not built"
    if why:
        tap.skip_all(why)
    with servers.running(*all_servers):
        kit.main()
