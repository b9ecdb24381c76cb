#!/usr/bin/python3
"""PyKMIP's server with what a real KMS has and PyKMIP 0.10 lacks; for tests only.

Started instead of /usr/bin/pykmip-server, with the same options.

  * Decrypt and Encrypt with RSA keys, OAEP or PKCS#1 v1.5. The hash of MGF1 is the Mask Generator
    Hashing Algorithm where the request has one, else the Hashing Algorithm.
  * Cryptographic Parameters may carry KMIP 1.4's Mask Generator fields, P Source and Trailer
    Field: stock PyKMIP answers Invalid Message to them.
  * Decrypt also in the states Deactivated and Compromised, as the specification has it.
  * Links between the halves of a pair and from old to new; Re-key and Re-key Key Pair.
  * DECRYPT in a policy beside GET: an object may be used and not fetched. Without it GET decides.

Environment: KMIP_REKEY_DEACTIVATE=1, or PYKMIP_REKEY_DEACTIVATE=1: Re-key deactivates the old key.
KMIP_POLICY=NAME: the policy of new private and symmetric keys that name none.
KMIP_PAIRS=FILE:FILE...: PEM files whose RSA pairs are given out in this order before any is made,
which takes seconds.
"""
import functools
import os
import time
import warnings

warnings.filterwarnings("ignore")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import padding  # noqa: E402
from kmip.core import attributes, enums, exceptions, primitives, utils  # noqa: E402
from kmip.core.factories import attribute_values  # noqa: E402
from kmip.core.messages import payloads  # noqa: E402
from kmip.pie import objects  # noqa: E402
from kmip.services.server import engine, server  # noqa: E402
from kmip.services.server.crypto import engine as crypto_engine  # noqa: E402

Engine = engine.KmipEngine
Link = enums.LinkType
Mask = enums.CryptographicUsageMask
Type = enums.ObjectType
OLDEST = enums.KMIPVersion.KMIP_1_0
HASHES = {enums.HashingAlgorithm.SHA_1: hashes.SHA1, enums.HashingAlgorithm.SHA_256: hashes.SHA256,
          enums.HashingAlgorithm.SHA_384: hashes.SHA384,
          enums.HashingAlgorithm.SHA_512: hashes.SHA512}
MASK_GENERATOR, MASK_HASH, P_SOURCE, TRAILER = 0x420101, 0x420102, 0x420103, 0x420104
DEACTIVATE = any(os.environ.get(p + "KMIP_REKEY_DEACTIVATE") for p in ("", "PY"))


# Cryptographic Parameters with the fields of 1.4

stock_read = attributes.CryptographicParameters.read


def read_parameters(self, stream, kmip_version=OLDEST):
    """The new fields are taken out of the structure; the rest is the stock parser's."""
    head = bytes(stream.read(8))
    body = bytes(stream.read(int.from_bytes(head[4:8], "big")))
    rest, at = b"", 0
    self.mask_hash = self.p_source = None
    while at < len(body):
        tag = int.from_bytes(body[at:at + 3], "big")
        size = int.from_bytes(body[at + 4:at + 8], "big")
        end = at + 8 + size + -size % 8
        if tag == MASK_HASH:
            self.mask_hash = enums.HashingAlgorithm(int.from_bytes(body[at + 8:at + 12], "big"))
        elif tag == P_SOURCE:
            self.p_source = body[at + 8:at + 8 + size]
        elif tag not in (MASK_GENERATOR, TRAILER):
            rest += body[at:end]
        at = end
    stock_read(self, utils.BytearrayStream(head[:4] + len(rest).to_bytes(4, "big") + rest),
               kmip_version)


attributes.CryptographicParameters.read = read_parameters


# Decrypt and Encrypt with RSA

@functools.lru_cache(64)
def private_key(der):
    """Loading validates the key, a quarter of a second for RSA-4096: once for each."""
    return serialization.load_der_private_key(der, None)


def stored(self, uid):
    kind = self._get_object_type(uid)
    return self._data_session.query(kind).filter(kind.unique_identifier == uid).one()


def permitted(self, uid, operation):
    """The object, if its policy allows the operation; where it does not name it, GET decides."""
    found = stored(self, uid)
    bundle = self._operation_policies.get(found.operation_policy_name) or {}
    sections = [bundle.get("preset")] + list((bundle.get("groups") or {}).values())
    named = any(operation in (section or {}).get(found.object_type, {}) for section in sections)
    return self._get_object_with_access_controls(uid, operation if named else enums.Operation.GET)


def padding_of(parameters):
    if parameters.padding_method == enums.PaddingMethod.PKCS1v15:
        return padding.PKCS1v15()
    digest = HASHES.get(parameters.hashing_algorithm or enums.HashingAlgorithm.SHA_1)
    if parameters.padding_method != enums.PaddingMethod.OAEP or digest is None:
        raise exceptions.InvalidField("The padding method is not supported.")
    mask = HASHES[parameters.mask_hash] if getattr(parameters, "mask_hash", None) else digest
    return padding.OAEP(padding.MGF1(mask()), digest(), getattr(parameters, "p_source", None))


def usable(key, parameters, mask, states, word):
    if parameters is None:
        raise exceptions.InvalidField("The cryptographic parameters must be specified.")
    if key.state not in states:
        raise exceptions.PermissionDenied(f"The key's state does not allow it to {word}.")
    if mask not in key.cryptographic_usage_masks:
        raise exceptions.PermissionDenied(f"The usage mask does not allow it to {word}.")


stock_decrypt, stock_encrypt = Engine._process_decrypt, Engine._process_encrypt


def decrypt(self, payload):
    uid = payload.unique_identifier or self._id_placeholder
    key = permitted(self, uid, enums.Operation.DECRYPT)
    if key._object_type != Type.PRIVATE_KEY:
        return stock_decrypt(self, payload)
    parameters = payload.cryptographic_parameters
    usable(key, parameters, Mask.DECRYPT, (enums.State.ACTIVE, enums.State.DEACTIVATED,
                                           enums.State.COMPROMISED), "decrypt")
    try:
        clear = private_key(bytes(key.value)).decrypt(payload.data, padding_of(parameters))
    except ValueError:
        raise exceptions.CryptographicFailure("RSA decryption failed.") from None
    return payloads.DecryptResponsePayload(uid, clear)


def encrypt(self, payload):
    uid = payload.unique_identifier or self._id_placeholder
    key = permitted(self, uid, enums.Operation.ENCRYPT)
    if key._object_type != Type.PUBLIC_KEY:
        return stock_encrypt(self, payload)
    parameters = payload.cryptographic_parameters
    usable(key, parameters, Mask.ENCRYPT, (enums.State.ACTIVE,), "encrypt")
    public = serialization.load_der_public_key(bytes(key.value))
    return payloads.EncryptResponsePayload(uid, public.encrypt(payload.data,
                                                               padding_of(parameters)))


Engine._process_decrypt, Engine._process_encrypt = decrypt, encrypt


# Links. They lie in Application Specific Information rows of a namespace of their own, so that the
# database is that of stock PyKMIP.

NAMESPACE = "!link"


class LinkValue(primitives.Struct):
    def __init__(self, value=None):
        super().__init__(tag=enums.Tags.ATTRIBUTE_VALUE)
        self.value = value  # (type, unique identifier)

    def read(self, istream, kmip_version=OLDEST):
        super().read(istream, kmip_version=kmip_version)
        body = utils.BytearrayStream(istream.read(self.length))
        kind = primitives.Enumeration(Link, tag=enums.Tags.LINK_TYPE)
        kind.read(body, kmip_version=kmip_version)
        uid = primitives.TextString(tag=enums.Tags.LINKED_OBJECT_IDENTIFIER)
        uid.read(body, kmip_version=kmip_version)
        self.value = (kind.value, uid.value)

    def write(self, ostream, kmip_version=OLDEST):
        body = utils.BytearrayStream()
        primitives.Enumeration(Link, self.value[0], enums.Tags.LINK_TYPE).write(
            body, kmip_version=kmip_version)
        primitives.TextString(self.value[1], enums.Tags.LINKED_OBJECT_IDENTIFIER).write(
            body, kmip_version=kmip_version)
        self.length = body.length()
        super().write(ostream, kmip_version=kmip_version)
        ostream.write(body.buffer)


Values = attribute_values.AttributeValueFactory
stock_value = Values.create_attribute_value
stock_attribute = Engine._get_attribute_from_managed_object


def attribute_value(self, name, value):
    return LinkValue(value) if name is enums.AttributeType.LINK else stock_value(self, name, value)


def links(key):
    rows = [i.application_data.split(" ", 1) for i in key.app_specific_info
            if i.application_namespace == NAMESPACE]
    return [(Link(int(kind)), uid) for kind, uid in rows]


def attribute(self, key, name):
    if name == "Link":
        return links(key) or None
    value = stock_attribute(self, key, name)
    if name == "Application Specific Information":
        value = [v for v in value if v["application_namespace"] != NAMESPACE]
    return value


def link(key, kind, uid):
    key.app_specific_info.append(
        objects.ApplicationSpecificInformation(NAMESPACE, f"{kind.value} {uid}"))


def linked(key, kind):
    for found, uid in links(key):
        if found is kind:
            return uid
    raise exceptions.IllegalOperation("The object has no such link.")


Values.create_attribute_value = attribute_value
Engine._get_attribute_from_managed_object = attribute


# Create, Create Key Pair, Re-key, Re-key Key Pair

stock_make_pair = crypto_engine.CryptographyEngine.create_asymmetric_key_pair


def next_pair():
    """A file's name or None. Counted on disk: after a restart none is given again."""
    with open("pairs-given", "a+", encoding="ascii") as f:
        given = f.tell()
        f.write(".")
    files = [p for p in os.environ.get("KMIP_PAIRS", "").split(":") if p]
    return files[given] if given < len(files) else None


def make_pair(self, algorithm, length):
    wanted = (algorithm, length) == (enums.CryptographicAlgorithm.RSA, 4096)
    name = next_pair() if wanted else None
    if name is None:
        return stock_make_pair(self, algorithm, length)
    with open(name, "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    der = serialization.Encoding.DER
    public = key.public_key().public_bytes(der, serialization.PublicFormat.PKCS1)
    private = key.private_bytes(der, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())
    return ({"value": public, "format": enums.KeyFormatType.PKCS_1, "public_exponent": 65537},
            {"value": private, "format": enums.KeyFormatType.PKCS_8, "public_exponent": 65537})


crypto_engine.CryptographyEngine.create_asymmetric_key_pair = make_pair
stock_create_pair, stock_create = Engine._process_create_key_pair, Engine._process_create


def default_policy(key):
    """Like a KMS whose keys cannot be had, whoever made them."""
    if os.environ.get("KMIP_POLICY") and key.operation_policy_name == "default":
        key.operation_policy_name = os.environ["KMIP_POLICY"]


def join(public, private):
    link(private, Link.PUBLIC_KEY_LINK, public.unique_identifier)
    link(public, Link.PRIVATE_KEY_LINK, private.unique_identifier)


def create_pair(self, payload):
    answer = stock_create_pair(self, payload)
    private = stored(self, answer.private_key_unique_identifier)
    join(stored(self, answer.public_key_unique_identifier), private)
    default_policy(private)
    self._data_session.commit()
    return answer


def create(self, payload):
    answer = stock_create(self, payload)
    default_policy(stored(self, answer.unique_identifier))
    self._data_session.commit()
    return answer


def succeed(self, old, new):
    """new takes over the attributes of old, and its names, which old loses."""
    new.names = []
    new.names.extend(list(old.names))
    old.names[:] = []
    for group in old.object_groups:
        new.object_groups.append(objects.ObjectGroup(object_group=group.object_group))
    for info in old.app_specific_info:
        if info.application_namespace != NAMESPACE:
            new.app_specific_info.append(objects.ApplicationSpecificInformation(
                info.application_namespace, info.application_data))
    new.cryptographic_usage_masks = list(old.cryptographic_usage_masks)
    new.operation_policy_name = old.operation_policy_name
    new._owner = old._owner
    new.initial_date = int(time.time())
    was_active = old.state == enums.State.ACTIVE
    new.state = enums.State.ACTIVE if was_active else enums.State.PRE_ACTIVE
    self._data_session.add(new)
    self._data_session.commit()
    link(old, Link.REPLACEMENT_OBJECT_LINK, new.unique_identifier)
    link(new, Link.REPLACED_OBJECT_LINK, old.unique_identifier)
    if DEACTIVATE and was_active:
        old.state = enums.State.DEACTIVATED


def to_replace(self, uid, kind):
    """DESTROY is the owner's alone in every stock policy; none of them names Re-key for a pair."""
    old = self._get_object_with_access_controls(uid, enums.Operation.DESTROY)
    if old._object_type != kind:
        raise exceptions.InvalidField("The key is of another type.")
    if any(found is Link.REPLACEMENT_OBJECT_LINK for found, _ in links(old)):
        raise exceptions.IllegalOperation("The key was already replaced.")
    return old


def rekey_pair(self, payload):
    named = payload.private_key_uuid
    old = to_replace(self, named.value if named else self._id_placeholder, Type.PRIVATE_KEY)
    old_public = stored(self, linked(old, Link.PUBLIC_KEY_LINK))
    made, private_made = self._cryptography_engine.create_asymmetric_key_pair(
        old.cryptographic_algorithm, old.cryptographic_length)
    private = objects.PrivateKey(old.cryptographic_algorithm, old.cryptographic_length,
                                 private_made["value"], private_made["format"])
    public = objects.PublicKey(old.cryptographic_algorithm, old.cryptographic_length,
                               made["value"], made["format"])
    succeed(self, old, private)
    succeed(self, old_public, public)
    join(public, private)
    self._data_session.commit()
    return payloads.CreateKeyPairResponsePayload(
        private_key_unique_identifier=str(private.unique_identifier),
        public_key_unique_identifier=str(public.unique_identifier))


def rekey(self, payload):
    old = to_replace(self, payload.unique_identifier or self._id_placeholder, Type.SYMMETRIC_KEY)
    made = self._cryptography_engine.create_symmetric_key(old.cryptographic_algorithm,
                                                          old.cryptographic_length)
    new = objects.SymmetricKey(old.cryptographic_algorithm, old.cryptographic_length,
                               made["value"])
    succeed(self, old, new)
    self._data_session.commit()
    return payloads.RekeyResponsePayload(unique_identifier=str(new.unique_identifier))


stock_operation = Engine._process_operation


def process_operation(self, operation, payload):
    if operation == enums.Operation.REKEY_KEY_PAIR:
        return rekey_pair(self, payload)
    if operation == enums.Operation.REKEY:
        return rekey(self, payload)
    answer = stock_operation(self, operation, payload)
    if operation == enums.Operation.QUERY and answer.operations:
        answer.operations = answer.operations + [enums.Operation.REKEY,
                                                 enums.Operation.REKEY_KEY_PAIR]
    return answer


Engine._process_create_key_pair, Engine._process_create = create_pair, create
Engine._process_operation = process_operation

if __name__ == "__main__":
    server.main()
