"""A certificate that this server signs itself, until somebody gives it a better one (RFC 5280)."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sip.transport.selection import is_numeric_host

VALID = datetime.timedelta(days=825)  # the longest that Apple's phones believe in
EARLIER = datetime.timedelta(hours=1)  # clocks of phones go wrong, too
RENEWED = datetime.timedelta(days=30)  # before the end


def make_certificate(names: Sequence[str], now: datetime.datetime) -> tuple[bytes, bytes]:
    """PEM of a certificate for host names and numeric addresses, and of its unprotected P-256 key.

    It may sign nothing (no CA): who trusts it trusts this server and nobody else. ``now`` is aware.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # For both ends: a proxy is a client of the next one (RFC 5922 §7.3).
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _alternative(name: str) -> x509.GeneralName:
    if is_numeric_host(name):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def is_due(chain: bytes, names: Sequence[str], now: datetime.datetime) -> bool:
    """Whether a certificate of ours (PEM) wants to be made anew: too old, broken, or without one of the names."""
    try:
        certificate = x509.load_pem_x509_certificate(chain)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return True
    return certificate.not_valid_after_utc - now < RENEWED or not {_alternative(one) for one in names} <= set(found)
