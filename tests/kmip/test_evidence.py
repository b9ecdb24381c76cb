#!/usr/bin/python3
"""A neighbour who forges links, at a KMS that lets clients set them on their own keys. Evidence is
what stands on the key that is recorded, and nothing that others say of it, or of a copy of it."""
import contextlib
import hashlib

from cryptography.hazmat.primitives import serialization

import base
import libenvelope as env
import library as kmip
import servers
from admin import PRIVATE_LINK, REPLACED, REPLACEMENT

KMS = servers.Server("B", extended=True)
OURS, THEIRS = 1, 2


def fingerprint(number):
    public = servers.admin.pool_key(number).public_key()
    return hashlib.sha256(public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest()


class Forgeries(kmip.Case):
    """Our pair was registered, so its halves bear no links to each other: the weakest case."""

    def setUp(self):
        super().setUp()
        self.name = self.id().rsplit(".", 1)[1]
        with KMS.user("admin") as user:
            self.pair = user.register_pair(self.name, OURS, "inside")
        self.kms = self.kmip(KMS)
        self.keys = self.jobs.keys("lab", self.kms, self.name)
        kmip.write(self.jobs.create(self.keys), b"one")

    def forge(self, how):
        """how(neighbour, name): the identifier of the key that he wants to have believed."""
        with KMS.user("tenant2") as neighbour:
            private = neighbour.register_pair(None, THEIRS, "inside").private
            return how(neighbour, private)

    def assert_not_believed(self, alone):
        """By no call of a process, whatever an earlier one has learned; with our own key still
        there, and (alone) superseded."""
        if alone:
            with KMS.user("admin") as user:
                user.revoke(self.pair.public)
        for _ in range(2):
            with self.jobs.open(self.keys) as chain:
                with contextlib.suppress(env.RefusedError):
                    kmip.write(chain, b"two")
                sealed_for = {key.fingerprint for point in chain for key in point.keys}
                self.assertEqual(sealed_for, {fingerprint(OURS)})
            self.kms.list(self.name)

    def each(self, how):
        self.forge(how)
        for alone in (False, True):
            with self.subTest(alone=alone):
                self.assert_not_believed(alone)

    def test_says_that_it_replaces_ours(self):
        def how(neighbour, _):
            neighbour.register_public(self.name, THEIRS, "inside",
                                      links={REPLACED: self.pair.public})
        self.each(how)

    def test_says_that_it_replaces_our_private_key(self):
        def how(neighbour, private):
            neighbour.register_public(self.name, THEIRS, "inside",
                                      links={REPLACED: self.pair.private, PRIVATE_LINK: private})
        self.each(how)

    def test_copy_of_our_public_key_names_a_replacement(self):
        """Decrypt proves that our private key fits the copy, and the copy is still not our key."""
        def how(neighbour, private):
            new = neighbour.register_public(None, THEIRS, "inside", links={PRIVATE_LINK: private})
            neighbour.register_public(self.name, OURS, "inside", links={REPLACEMENT: new})
        self.each(how)

    def test_copy_that_claims_our_private_key_names_a_replacement(self):
        def how(neighbour, private):
            new = neighbour.register_public(self.name, THEIRS, "inside",
                                            links={PRIVATE_LINK: private})
            neighbour.register_public(self.name, OURS, "inside",
                                      links={REPLACEMENT: new, PRIVATE_LINK: self.pair.private})
        self.each(how)

    def test_a_chain_of_copies(self):
        """Over two hops, so that the list is asked."""
        def how(neighbour, private):
            new = neighbour.register_public(self.name, THEIRS, "inside",
                                            links={PRIVATE_LINK: private})
            middle = neighbour.register_public(self.name, 3, "inside", links={REPLACEMENT: new})
            neighbour.register_public(self.name, OURS, "inside", links={REPLACEMENT: middle})
        self.each(how)


if __name__ == "__main__":
    base.main(KMS, program=False)
