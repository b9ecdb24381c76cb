"""The main job: rotate, lose the catalogue and the keystore, and get every byte back."""
import shutil

import kit


class Recovery(kit.Case):
    def setUp(self):
        super().setUp()
        self.chain_id = self.home.chain()
        self.one = kit.sample(5 * kit.CHUNK + 7, 1)
        self.two = kit.sample(2 * kit.CHUNK, 2)
        self.home.backup(self.one, "--label", "before")

    def export(self, version, name):
        self.home.run("keystore", "export", "ks", "--key", "vm", "--version", version,
                      "--passphrase-file", "pass", "--out-passphrase-file", "safe", "-o", name)

    def everything_but_the_repository_goes(self):
        for name in ("ks", ".config", ".local"):
            shutil.rmtree(self.home / name)
        (self.home / "pass").unlink()

    def lose_metadata(self, copies):
        for path in self.home.objects("meta"):
            path.unlink()
        for path in self.home.objects("points"):
            if copies and "-keys-" in path.name:
                path.unlink()

    def rotate(self):
        self.home.secret("safe", "for the safe\n")
        self.home.rotate()
        made = self.home.json("refresh", "repo")
        self.assertEqual((made["rotated"], made["new_generation"]), (1, True))
        self.assertEqual([key["version"] for key in made["sealed_for"]], [2])

    def restored(self, number, key):
        return self.home.run("restore", "repo", "--point", number, "-o", "-", "--key-file",
                             f"{self.home / key}:{self.home / 'safe'}").raw

    def test_newest_key_alone_opens_everything(self):
        self.rotate()
        self.home.backup(self.two, "--label", "after")
        self.export("2", "newest.pem")
        self.everything_but_the_repository_goes()
        self.lose_metadata(copies=False)
        self.assertEqual(self.restored("1", "newest.pem"), self.one)
        self.assertEqual(self.restored("2", "newest.pem"), self.two)
        points = self.home.json("list", "repo", "--key-file",
                                f"{self.home / 'newest.pem'}:{self.home / 'safe'}")["points"]
        self.assertEqual([p["number"] for p in points], [1, 2])
        self.assertEqual([[k["version"] for k in p["keys"]] for p in points], [[1], [2]])

    def test_after_refresh_alone(self):
        self.rotate()
        self.export("2", "newest.pem")
        self.everything_but_the_repository_goes()
        self.lose_metadata(copies=False)
        self.assertEqual(self.restored("1", "newest.pem"), self.one)

    def test_refresh_without_a_new_key(self):
        made = self.home.json("refresh", "repo")
        self.assertEqual((made["rotated"], made["new_generation"]), (0, False))
        made = self.home.json("refresh", "repo", "--new-generation")
        self.assertEqual((made["rotated"], made["new_generation"]), (0, True))
        self.home.run("verify", "repo")

    def fingerprints(self):
        listed = self.home.json("keystore", "list", "ks", "--passphrase-file", "pass")
        return {key["version"]: key["fingerprint"] for key in listed["keys"]}

    def test_missing_keys_are_named_exactly(self):
        self.rotate()
        self.home.backup(self.two)
        known = self.fingerprints()
        self.export("2", "newest.pem")
        self.everything_but_the_repository_goes()
        self.lose_metadata(copies=True)
        wanted = [{"kind": "kms", "kms_id": "lab", "key_name": "vm", "key_id": f"vm/{version}",
                   "version": version, "fingerprint": known[version]} for version in (1, 2)]
        told = self.home.json("keys", "repo")
        self.assertEqual(sorted((k["key"] for k in told["keys"]), key=lambda k: k["version"]),
                         wanted)
        self.assertEqual([k["points"] for k in told["keys"]], [1, 1])
        self.home.secret("other", "other\n")
        failed = self.home.json("restore", "repo", "-o", "out", "--password-file", "other",
                                status=3)
        self.assertEqual(sorted((k["key"] for k in failed["missing_keys"]),
                                key=lambda k: k["version"]), wanted)
        text = self.home.run("restore", "repo", "-o", "out", "--password-file", "other", status=3)
        for version in (1, 2):
            self.assertIn(f"lab/vm version {version}, key id vm/{version}, fingerprint "
                          f"{known[version]}", text.err)

    def test_a_partial_set_opens_exactly_its_points(self):
        self.rotate()
        self.home.backup(self.two)
        known = self.fingerprints()
        self.export("1", "old.pem")
        self.export("2", "newest.pem")
        self.everything_but_the_repository_goes()
        self.lose_metadata(copies=True)
        for number, key, other, closed in (("1", "old.pem", "2", 2), ("2", "newest.pem", "1", 1)):
            self.assertEqual(self.restored(number, key), self.one if number == "1" else self.two)
            failed = self.home.json("restore", "repo", "--point", other, "-o", "out", "--key-file",
                                    f"{self.home / key}:{self.home / 'safe'}", status=3)
            self.assertEqual([k["key"]["fingerprint"] for k in failed["missing_keys"]],
                             [known[closed]])
            told = self.home.json("keys", "repo", "--key-file",
                                  f"{self.home / key}:{self.home / 'safe'}", status=3)
            self.assertEqual({o["status"] for o in told["objects"]}, {"OK", "E_NO_KEY"})
        told = self.home.json("keys", "repo", *self.key_files("old.pem", "newest.pem"))
        self.assertEqual({o["status"] for o in told["objects"]}, {"OK"})

    def key_files(self, *names):
        return [word for name in names
                for word in ("--key-file", f"{self.home / name}:{self.home / 'safe'}")]

    def test_removed_version_opens_nothing_newer(self):
        self.home.secret("safe", "for the safe\n")
        self.export("1", "old.pem")
        self.rotate()
        self.home.backup(self.two)
        self.everything_but_the_repository_goes()
        self.home.run("restore", "repo", "--point", "2", "-o", "out", *self.key_files("old.pem"),
                      status=3)


class ManyKeys(kit.Case):
    def test_any_one_opens(self):
        home = self.home
        home.keystore("board")
        home.run("keystore", "add-key", "board", "--key", "escrow", "--passphrase-file", "pass")
        for more, name in ((["--public"], "public.pem"), ([], "private.pem")):
            home.run("keystore", "export", "board", "--key", "escrow", "-o", name,
                     "--passphrase-file", "pass", *more)
        shutil.rmtree(home / "board")
        home.secret("ops", "password of ops\n")
        home.chain("repo", "--password", "ops=ops", "--escrow", "board=public.pem")
        home.backup(b"data")
        made = home.json("list", "repo")["points"][0]["keys"]
        self.assertEqual({(k["kind"], k["key_name"]) for k in made},
                         {("kms", "vm"), ("password", "ops"), ("escrow", "board")})
        shutil.rmtree(home / "ks")
        home.config.unlink()
        for option, file in (("--password-file", "ops"), ("--key-file", "private.pem")):
            self.assertEqual(home.run("restore", "repo", "-o", "-", option, file).raw, b"data")
            home.run("verify", "repo", option, file)


if __name__ == "__main__":
    kit.main()
