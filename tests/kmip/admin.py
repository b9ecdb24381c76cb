"""The administrator at the server: raw requests of KMIP 1.4, past the library."""
import os
import pathlib
import socket
import ssl

from cryptography.hazmat.primitives import serialization

import ttlv
from ttlv import Enum, find, find_all

KEYS = pathlib.Path(__file__).resolve().parent.parent / "keys"
# Tags
ATTRIBUTE, ATTRIBUTE_INDEX = 0x420008, 0x420009
ATTRIBUTE_NAME, ATTRIBUTE_VALUE = 0x42000A, 0x42000B
BATCH_COUNT, BATCH_ITEM, COMMON_TEMPLATE = 0x42000D, 0x42000F, 0x42001F
ALGORITHM, LENGTH, PARAMETERS, HASH = 0x420028, 0x42002A, 0x42002B, 0x420038
KEY_BLOCK, KEY_FORMAT, KEY_MATERIAL, KEY_VALUE = 0x420040, 0x420042, 0x420043, 0x420045
LINK_TYPE, LINKED = 0x42004B, 0x42004C
PRIVATE_LINK, REPLACEMENT, REPLACED = 0x103, 0x106, 0x107
NAMESPACE_DATA, NAMESPACE = 0x420002, 0x420003
NAME_TYPE, NAME_VALUE, OBJECT_TYPE, OPERATION = 0x420054, 0x420055, 0x420057, 0x42005C
PADDING, PRIVATE_KEY, PRIVATE_TEMPLATE, PRIVATE_ID = 0x42005F, 0x420064, 0x420065, 0x420066
VERSION, MAJOR, MINOR = 0x420069, 0x42006A, 0x42006B
PUBLIC_KEY, PUBLIC_TEMPLATE, PUBLIC_ID = 0x42006D, 0x42006E, 0x42006F
QUERY_FUNCTION, REQUEST_HEADER, REQUEST, REQUEST_PAYLOAD = 0x420074, 0x420077, 0x420078, 0x420079
MESSAGE, REASON, STATUS = 0x42007D, 0x42007E, 0x42007F
REVOCATION, REVOCATION_CODE = 0x420081, 0x420082
STATE, SYMMETRIC_KEY, TEMPLATE = 0x42008D, 0x42008F, 0x420091
UID, DATA, MASK, MASK_HASH = 0x420094, 0x4200C2, 0x420101, 0x420102
# Operations
CREATE, CREATE_KEY_PAIR, REGISTER, REKEY, LOCATE, GET, GET_ATTRIBUTES = 1, 2, 3, 4, 8, 10, 11
ACTIVATE, REVOKE, DESTROY, QUERY, REKEY_KEY_PAIR, DECRYPT = 18, 19, 20, 24, 29, 32
# Enumerations
SYMMETRIC, PUBLIC, PRIVATE = 2, 3, 4
AES, RSA = 3, 4
PRE_ACTIVE, ACTIVE, DEACTIVATED, COMPROMISED = 1, 2, 3, 4
NOT_FOUND, DENIED, ILLEGAL = 1, 12, 11
UNSPECIFIED, COMPROMISE, SUPERSEDED = 1, 2, 5
ENCRYPT, DECRYPT_MASK, WRAP, UNWRAP = 4, 8, 16, 32
SHA256 = 6


class Refused(Exception):
    def __init__(self, reason, message):
        super().__init__(f"{message} ({reason})")
        self.reason = reason


class Pair:
    def __init__(self, public, private):
        self.public, self.private = public, private


def attribute(name, value, index=None):
    return (ATTRIBUTE, [(ATTRIBUTE_NAME, name), None if index is None else (ATTRIBUTE_INDEX, index),
                        (ATTRIBUTE_VALUE, value)])


def name_attribute(name):
    return attribute("Name", [(NAME_VALUE, name), (NAME_TYPE, Enum(1))])


def key_attributes(name, mask, algorithm, length, policy):
    return [name_attribute(name) if name else None,
            attribute("Cryptographic Algorithm", Enum(algorithm)),
            attribute("Cryptographic Length", length),
            attribute("Cryptographic Usage Mask", mask),
            attribute("Operation Policy Name", policy) if policy else None]


def link_attributes(links):
    """For the extended server, which keeps links so: what a server is told that lets clients set
    them on keys of their own."""
    return [attribute("Application Specific Information", [(NAMESPACE, "!link"),
                                                           (NAMESPACE_DATA, f"{kind} {uid}")],
                      index) for index, (kind, uid) in enumerate(links.items())]


def pool_file(number):
    return KEYS / f"pool-{number:02}.pem"


def pool_key(number):
    return serialization.load_pem_private_key(pool_file(number).read_bytes(), None)


class Admin:
    """One kept connection as one identity. No operation relies on the ID placeholder."""

    def __init__(self, address, ca, certificate, key, timeout=60):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
        plain = socket.create_connection(address, timeout)
        try:
            self.tls = context.wrap_socket(plain, server_hostname=address[0])
        except BaseException:
            plain.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.tls.close()

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.tls.recv(count - len(data))
            if not more:
                raise ConnectionError("the server closed the connection")
            data += more
        return data

    def call(self, operation, payload):
        """The response message; Refused where it says so."""
        self.tls.sendall(ttlv.encode(REQUEST, [
            (REQUEST_HEADER, [(VERSION, [(MAJOR, 1), (MINOR, 4)]), (BATCH_COUNT, 1)]),
            (BATCH_ITEM, [(OPERATION, Enum(operation)), (REQUEST_PAYLOAD, payload)])]))
        head = self._read(8)
        answer = ttlv.decode(head + self._read(int.from_bytes(head[4:], "big")))
        if find(answer, STATUS) != 0:
            raise Refused(find(answer, REASON), find(answer, MESSAGE))
        return answer

    def operations(self):
        answer = self.call(QUERY, [(QUERY_FUNCTION, Enum(1))])
        return find_all(answer, OPERATION)[1:]

    def create_pair(self, name, policy=None, activate=True, bits=4096):
        """RSA; takes the server 1 to 3 s."""
        template = key_attributes(name, 0, RSA, bits, policy)
        common = [a for a in template if a and a[1][0][1] != "Cryptographic Usage Mask"]
        answer = self.call(CREATE_KEY_PAIR, [
            (COMMON_TEMPLATE, common),
            (PRIVATE_TEMPLATE, [attribute("Cryptographic Usage Mask", DECRYPT_MASK | UNWRAP)]),
            (PUBLIC_TEMPLATE, [attribute("Cryptographic Usage Mask", ENCRYPT | WRAP)])])
        pair = Pair(find(answer, PUBLIC_ID), find(answer, PRIVATE_ID))
        if activate:
            self.activate(pair.private)
            self.activate(pair.public)
        return pair

    def register_pair(self, name, number, policy=None, activate=True):
        """Pair NUMBER of tests/keys. No links: Register knows none."""
        key = pool_key(number)
        private = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        uid = self.register(PRIVATE, PRIVATE_KEY, 4, private,
                            key_attributes(name, DECRYPT_MASK | UNWRAP, RSA, 4096, policy))
        if activate:
            self.activate(uid)
        return Pair(self.register_public(name, number, policy, activate), uid)

    def register_public(self, name, number, policy=None, activate=True, links=()):
        """Its public half alone: anybody may have a copy of that."""
        der = pool_key(number).public_key().public_bytes(serialization.Encoding.DER,
                                                         serialization.PublicFormat.PKCS1)
        uid = self.register(PUBLIC, PUBLIC_KEY, 3, der,
                            key_attributes(name, ENCRYPT | WRAP, RSA, 4096, policy)
                            + link_attributes(dict(links)))
        if activate:
            self.activate(uid)
        return uid

    def register(self, kind, tag, form, material, attributes):
        algorithm, length = (AES, len(material) * 8) if kind == SYMMETRIC else (RSA, 4096)
        answer = self.call(REGISTER, [
            (OBJECT_TYPE, Enum(kind)), (TEMPLATE, attributes),
            (tag, [(KEY_BLOCK, [(KEY_FORMAT, Enum(form)), (KEY_VALUE, [(KEY_MATERIAL, material)]),
                                (ALGORITHM, Enum(algorithm)), (LENGTH, length)])])])
        return find(answer, UID)

    def create_aes(self, name, policy=None, activate=True):
        answer = self.call(CREATE, [
            (OBJECT_TYPE, Enum(SYMMETRIC)),
            (TEMPLATE, key_attributes(name, ENCRYPT | DECRYPT_MASK | WRAP | UNWRAP, AES, 256,
                                      policy))])
        uid = find(answer, UID)
        if activate:
            self.activate(uid)
        return uid

    def activate(self, uid):
        self.call(ACTIVATE, [(UID, uid)])

    def revoke(self, uid, code=SUPERSEDED):
        date = [(0x420021, ttlv.Date(1))] if code == COMPROMISE else []
        self.call(REVOKE, [(UID, uid), (REVOCATION, [(REVOCATION_CODE, Enum(code))])] + date)

    def destroy(self, uid):
        self.call(DESTROY, [(UID, uid)])

    def locate(self, name=None, kind=None):
        answer = self.call(LOCATE, [
            name_attribute(name) if name else None,
            attribute("Object Type", Enum(kind)) if kind else None])
        return find_all(answer, UID)

    def get(self, uid):
        return find(self.call(GET, [(UID, uid)]), KEY_MATERIAL)

    def state(self, uid):
        answer = self.call(GET_ATTRIBUTES, [(UID, uid), (ATTRIBUTE_NAME, "State")])
        return find(answer, ATTRIBUTE_VALUE)

    def names(self, uid):
        answer = self.call(GET_ATTRIBUTES, [(UID, uid), (ATTRIBUTE_NAME, "Name")])
        return find_all(answer, NAME_VALUE)

    def links(self, uid):
        """{link type: unique identifier}"""
        answer = self.call(GET_ATTRIBUTES, [(UID, uid), (ATTRIBUTE_NAME, "Link")])
        return dict(zip(find_all(answer, LINK_TYPE), find_all(answer, LINKED)))

    def decrypt(self, uid, data, masks=True):
        """OAEP with SHA-256. masks: the fields of 1.4, which a stock server cannot parse."""
        parameters = [(PADDING, Enum(2)), (HASH, Enum(SHA256)), (ALGORITHM, Enum(RSA))]
        if masks:
            parameters += [(MASK, Enum(1)), (MASK_HASH, Enum(SHA256))]
        answer = self.call(DECRYPT, [(UID, uid), (PARAMETERS, parameters), (DATA, data)])
        return find(answer, DATA)

    def rekey_pair(self, pair):
        answer = self.call(REKEY_KEY_PAIR, [(PRIVATE_ID, pair.private)])
        return Pair(find(answer, PUBLIC_ID), find(answer, PRIVATE_ID))

    def rekey(self, uid):
        return find(self.call(REKEY, [(UID, uid)]), UID)


def as_user(server, who, timeout=60):
    folder = str(server.folder)
    return Admin(("127.0.0.1", server.port), os.path.join(folder, "ca.crt"),
                 os.path.join(folder, f"{who}.crt"), os.path.join(folder, f"{who}.key"), timeout)
