"""Certificates for a test: one authority with a server and several clients, all EC and made now.

PyKMIP takes the identity from the one CN, and wants extendedKeyUsage clientAuth. Its only AEAD
suites are ECDHE-ECDSA, hence no RSA certificate.
"""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOUR = datetime.timedelta(hours=1)
CLIENTS = ("admin", "backup", "tenant2", "writer")
LOOPBACK = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]


def write_private(path, data):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)


class Authority:
    def __init__(self, folder, name):
        self.folder = folder
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._builder(self.subject, self.key, -HOUR, 24 * HOUR).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        ).sign(self.key, hashes.SHA256())
        self._save(name_of_file(name), self.key, certificate)

    def _builder(self, subject, key, start, end):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now + start).not_valid_after(now + end))

    def _save(self, stem, key, certificate):
        write_private(self.folder / f"{stem}.key", key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        (self.folder / f"{stem}.crt").write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, stem, cn, usage, names=(), start=-HOUR, end=24 * HOUR):
        """STEM.crt and STEM.key; usage None leaves extendedKeyUsage out."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
        builder = self._builder(subject, key, start, end).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self._save(stem, key, builder.sign(self.key, hashes.SHA256()))


def name_of_file(name):
    return "ca" if name.startswith("KMS") else "other-ca"


def make(folder, name):
    """Everything a server and its clients need, good and bad."""
    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    ca = Authority(folder, f"KMS {name}")
    other = Authority(folder, f"not KMS {name}")
    ca.issue("server", "kms", server, LOOPBACK)
    ca.issue("server-expired", "kms", server, LOOPBACK, start=-3 * HOUR, end=-HOUR)
    ca.issue("server-elsewhere", "kms", server, [x509.DNSName("elsewhere.invalid")])
    other.issue("server-foreign", "kms", server, LOOPBACK)
    for who in CLIENTS:
        ca.issue(who, who, client)
    ca.issue("expired", "backup", client, start=-3 * HOUR, end=-HOUR)
    ca.issue("no-usage", "backup", None)
    other.issue("foreign", "backup", client)
