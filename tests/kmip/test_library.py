#!/usr/bin/python3
"""The library with both servers, by its public calls: the main job, what it can say, its trace."""
import base
import libenvelope as env
import library as kmip
import servers

AES_KWP = 3
STOCK = servers.Server("A")
EXTENDED = servers.Server("B", extended=True, pairs=range(1, 10), env={"KMIP_POLICY": "inside"})


class Library(kmip.Case):
    def test_main_job_with_rotations_on_both(self):
        """Each version that is superseded is destroyed at once: the newest opens everything."""
        for server in (STOCK, EXTENDED):
            with self.subTest(extended=server.extended), server.user("admin") as user:
                jobs = self.new_jobs()
                flags = 0 if server.extended else kmip.NAMES_EXCLUSIVE
                keys = jobs.keys("lab", self.kmip(server, flags=flags), "job")
                old = self.first(server, user, "job")
                self.assertEqual(kmip.write(jobs.create(keys), b"one"), 1)
                for number in (2, 3):
                    new = self.next(server, user, "job", old, number)
                    with jobs.open(keys) as chain:
                        self.assertEqual(chain.refresh(), 1)
                        self.assertEqual(kmip.write(chain, b"%d" % number), number)
                    for path in jobs.objects("meta"):
                        path.unlink()
                    self.retire(user, old)
                    old = new
                with jobs.open(keys) as chain:
                    self.assertEqual(kmip.read_all(chain), [b"one", b"2", b"3"])
                    chain.verify()

    def first(self, server, user, name):
        return user.create_pair(name) if server.extended else user.register_pair(name, 1, "fetch")

    def next(self, server, user, name, old, number):
        if server.extended:
            return user.rekey_pair(old)
        base.next_second()
        return user.register_pair(name, number, "fetch")

    def retire(self, user, pair):
        user.revoke(pair.public)
        user.revoke(pair.private)
        user.destroy(pair.private)

    def test_check_says_what_the_server_can_do(self):
        for server in (STOCK, EXTENDED):
            said = self.kmip(server).check()
            self.assertIn("1.4", " ".join(said.values()))

    def test_trace_shows_no_key(self):
        """Every message of a job in which private and symmetric keys are fetched."""
        traced = []
        with STOCK.user("admin") as user:
            user.register_pair("traced", 6, "fetch")
            aes = user.get(user.create_aes("traced-aes", "fetch"))
        kms = self.kmip(STOCK, traced=traced)  # lives as long as its trace is called
        for name in ("traced", "traced-aes"):
            keys = self.jobs.keys("lab", kms, name)
            with self.jobs.create(keys, name) as chain:
                kmip.write(chain, b"one")
                self.assertEqual(kmip.read_all(chain), [b"one"])
        self.assertGreater(len(traced), 10)
        everything = b"".join(data for _, data in traced)
        number = servers.admin.pool_key(6).private_numbers()
        for secret in (aes, number.p.to_bytes(256, "big"), number.d.to_bytes(512, "big")):
            for at in range(0, len(secret) - 15, 16):
                self.assertNotIn(secret[at:at + 16], everything)

    def test_create_and_rotate(self):
        """By the library itself, as the owner; AES as well."""
        for server in (STOCK, EXTENDED):
            for algorithm in (0, AES_KWP):
                name = f"made{algorithm}"
                flags = kmip.NAMES_EXCLUSIVE
                if server.extended and algorithm:
                    continue  # policy "inside": an AES key cannot be fetched there
                kms = self.kmip(server, "admin", flags=flags)
                kms.create_key(name, algorithm)
                with self.assertRaises(env.ExistsError):
                    kms.create_key(name, algorithm)
                repo = f"{server.name}{algorithm}"
                keys = self.jobs.keys("lab", kms, name)
                self.jobs.pin = b""
                with self.jobs.create(keys, repo) as chain:
                    kmip.write(chain, b"one")
                kms.rotate_key(name)
                with self.jobs.open(keys, repo) as chain:
                    self.assertEqual(kmip.write(chain, b"two"), 2)
                    self.assertEqual(kmip.read_all(chain), [b"one", b"two"])


if __name__ == "__main__":
    base.main(STOCK, EXTENDED, program=False)
