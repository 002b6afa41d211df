"""The local certificate authority: what the RDS and ElastiCache bundles are on AWS.

Every database and cache proves who it is with a certificate of this authority, so that clients can
be as strict here as they must be there: name checked, chain checked, no exceptions for tests.
``ca.pem`` in the state folder is what they trust.
"""

from __future__ import annotations

import datetime
import ipaddress
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE = "ca.pem"
KEY_FILE = "ca.key"
# Longer than any cloud lives, shorter than the 825 days beyond which some clients refuse.
VALID_DAYS = 365
# Clocks of containers and hosts differ a little.
BACKDATED = datetime.timedelta(minutes=5)

_lock = threading.Lock()


@dataclass(frozen=True)
class Material:
    """A certificate and its key, in PEM."""

    certificate: str
    key: str


def ensure(state_dir: Path) -> Material:
    """The authority of this state folder; it is made when there is none."""
    with _lock:
        ca_path, key_path = state_dir / CA_FILE, state_dir / KEY_FILE
        if not (ca_path.exists() and key_path.exists()):
            material = _create()
            key_path.touch(mode=0o600)
            key_path.write_text(material.key, encoding="ascii")
            ca_path.write_text(material.certificate, encoding="ascii")
        return Material(ca_path.read_text(encoding="ascii"), key_path.read_text(encoding="ascii"))


def server_certificate(state_dir: Path, names: list[str]) -> Material:
    """A certificate for a server that is reached by these host names and addresses."""
    authority = ensure(state_dir)
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode())
    issuer_key = serialization.load_pem_private_key(authority.key.encode(), password=None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(names[0], issuer.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
    return _pem(certificate, key)


def _create() -> Material:
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = "Caretaker local cloud"
    certificate = (
        _builder(common_name, _name(common_name), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate, key)


def _builder(
    common_name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _name(common_name: str) -> x509.Name:
    # A common name holds 64 characters at most (X.520); what counts are the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Material:
    return Material(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
