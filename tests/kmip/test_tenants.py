#!/usr/bin/python3
"""Tenants: two identities under one name, two servers that never mix, one who may only wrap."""
import shutil

import base
import libenvelope as env
import library as kmip
import servers

STOCK = servers.Server("A")
EXTENDED = servers.Server("B", extended=True, pairs=range(1, 10))


class Tenants(kmip.Case):
    def test_two_tenants_one_name(self):
        """T10: two identities, one key name, on one server that shows each his own, by both ways of
        unwrapping. Neither opens what is the other's."""
        for server, policy in ((STOCK, "own"), (EXTENDED, "own-inside")):
            with self.subTest(extended=server.extended):
                tenants = {}
                for who, number in (("admin", 8), ("tenant2", 9)):
                    with server.user(who) as user:
                        user.register_pair("own", number, policy)
                    jobs = self.new_jobs()
                    keys = jobs.keys("lab", self.kmip(server, who), "own")
                    with jobs.create(keys) as chain:
                        kmip.write(chain, who.encode())
                        self.assertEqual(kmip.read_all(chain), [who.encode()])
                    tenants[who] = (jobs, keys)
                for who, other in (("admin", "tenant2"), ("tenant2", "admin")):
                    jobs, keys = tenants[who][0], tenants[other][1]
                    for pin in (jobs.pin, b""):
                        with self.assertRaises((env.NoKeyError, env.RefusedError)):
                            jobs.open(keys, pin=pin, readonly=True)

    def test_two_tenants_who_see_each_other(self):
        """One name, and both public keys are shown to both: neither is taken by chance."""
        for server in (STOCK, EXTENDED):
            for who, number in (("admin", 8), ("tenant2", 9)):
                with server.user(who) as user:
                    user.register_pair("seen", number)
            for who in ("admin", "tenant2"):
                repo = server.name + who
                with self.assertRaises(env.RefusedError):
                    self.jobs.create(self.jobs.keys("lab", self.kmip(server, who), "seen"), repo)
                self.assertFalse(self.jobs.objects("meta", repo))

    def test_two_servers_never_mix(self):
        """A's slot is opened with A's identity alone, though both servers have a key of that name
        and, what is worse, of one unique identifier."""
        rings = {}
        for name, server in (("a", STOCK), ("b", EXTENDED)):
            with server.user("admin") as user:
                user.register_pair("mixed", 10 if name == "a" else 11, "fetch")
            rings[name] = (name, self.kmip(server, unwrap=kmip.GET), "mixed")
        for name, ring in rings.items():
            kmip.write(self.jobs.create(self.jobs.keys(*ring), name), name.encode())
            self.jobs.pin = b""
        (mine,), (theirs,) = (self.jobs.objects("points", n)[:1] for n in "ab")
        shutil.copy(theirs, mine.with_name(theirs.name + "x.env"))
        both = self.jobs.keys(*rings["a"])
        both.add_kms("b", rings["b"][1], env.USE_UNWRAP)
        with self.jobs.open(both, "a") as chain:
            self.assertEqual(kmip.read_all(chain), [b"a"])
        swapped = self.ctx.keyring()
        swapped.add_kms("a", rings["b"][1], env.USE_UNWRAP)
        with self.assertRaises(env.Error) as failed:
            self.jobs.open(swapped, "a", readonly=True)
        self.assertNotIsInstance(failed.exception, env.KmsUnreachedError)

    def test_identity_that_may_only_wrap(self):
        """It seals for a key that it cannot use; it opens metadata with a password of its own."""
        with STOCK.user("admin") as user:
            user.register_pair("wrap-only", 7)
        writer = self.kmip(STOCK, "writer")
        password = bytearray(b"of this host")
        keys = self.jobs.keys("lab", writer, "wrap-only", env.USE_WRAP, password)
        self.assertEqual(kmip.write(self.jobs.create(keys), b"one"), 1)
        self.assertEqual(kmip.write(self.jobs.open(keys), b"two"), 2)
        alone = self.jobs.keys("lab", writer, None, env.USE_UNWRAP)
        with self.assertRaises(env.Error):
            self.jobs.open(alone, readonly=True)
        owner = self.jobs.keys("lab", self.kmip(STOCK, "admin"), None, env.USE_UNWRAP)
        with self.jobs.open(owner, pin=b"", readonly=True) as chain:
            self.assertEqual(kmip.read_all(chain), [b"one", b"two"])


if __name__ == "__main__":
    base.main(STOCK, EXTENDED, program=False)
