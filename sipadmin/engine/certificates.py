"""The certificates to show: the administrator's files, or one of our own in the data folder."""

from __future__ import annotations

import datetime
import logging
import os
import socket
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from sip.transport.own_certificate import is_due, make_certificate
from sip.transport.tls import BadCertificate, CertificateFiles, TlsFiles, names_of
from sipadmin.environment import Sipadmin, interface_addresses

logger = logging.getLogger(__name__)


def tls_files(own: Sipadmin) -> TlsFiles | None:
    """Files for the TLS and secure WebSocket listeners, None when there are no such listeners.

    Our own certificate is made when it is missing, within a month of its end, or without a name we have now.
    """
    if not any(one.is_secure for one in own.sip):
        return None
    certificates = [CertificateFiles(*pair) for pair in own.tls_certificates] or [own_certificate(own)]
    return TlsFiles(certificates, own.tls_client_ca, own.tls_server_ca)


def own_certificate(own: Sipadmin) -> CertificateFiles:
    files = own_files(own.data)
    names, now = own_names(own), datetime.datetime.now(datetime.UTC)
    try:
        if files.key.exists() and files.chain.exists() and not is_due(files.chain.read_bytes(), names, now):
            return files
        chain, key = make_certificate(names, now)
        files.chain.parent.mkdir(mode=0o700, exist_ok=True)
        write_secret(files.key, key)
        write_secret(files.chain, chain)
    except OSError as error:
        raise BadCertificate(f"cannot write {error.filename or files.chain}: {error.strerror}") from None
    logger.info(
        "made a certificate for %s: SHA-256 %s", ", ".join(names), fingerprint(x509.load_pem_x509_certificate(chain))
    )
    return files


def own_files(data: Path) -> CertificateFiles:
    return CertificateFiles(data / "tls" / "own.pem", data / "tls" / "own.key")


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file in one step; only its owner may read it."""
    new = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # whatever was there before
        file.write(content)
    new.replace(path)


def own_names(own: Sipadmin) -> list[str]:
    """Names and addresses that others know this server by: what is advertised, and where it listens."""
    names = [own.advertise.host] if own.advertise is not None else []
    for one in own.sip:
        if one.advertised is not None:
            names.append(one.advertised.host)
        if one.address.is_any:
            is_ipv6 = ":" in one.address.host
            found = [host.strip("[]") for host in interface_addresses()]
            names += [socket.gethostname(), *(host for host in found if (":" in host) == is_ipv6)]
        else:
            names.append(one.address.host)
    # DNS names in certificates are ASCII (RFC 5280 §7.2); others would have to come as punycode.
    return [name for name in dict.fromkeys(name.lower() for name in names) if name.isascii()] or ["localhost"]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 as phones show it: ``AB:CD:...``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def certificate_facts(files: TlsFiles) -> list[dict[str, Any]]:
    """What is to be known of each certificate: JSON-able, ``until`` epoch seconds. BadCertificate."""
    found = []
    for one in files.certificates:
        names = names_of(one.chain)  # BadCertificate for what is none
        certificate = x509.load_pem_x509_certificate(one.chain.read_bytes())
        found.append(
            {
                "file": str(one.chain),
                "names": names,
                "until": certificate.not_valid_after_utc.timestamp(),
                "sha256": fingerprint(certificate),
                "is_self_signed": certificate.issuer == certificate.subject,
            }
        )
    return found
