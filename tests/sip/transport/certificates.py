"""Certificates for tests, in files."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from sip.transport.own_certificate import make_certificate
from sip.transport.tls import CertificateFiles, TlsContexts, TlsFiles

NOW = datetime.datetime.now(datetime.UTC)


def certificate(folder: Path, *names: str, file: str = "") -> CertificateFiles:
    """A fresh certificate for these names in ``folder``."""
    stem = file or names[0].replace("*", "any")
    files = CertificateFiles(folder / f"{stem}.pem", folder / f"{stem}.key")
    for path, content in zip(files, make_certificate(names, NOW), strict=True):
        # In one step, as a careful administrator does.
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)
    return files


def loopback_tls(folder: Path, *names: str) -> TlsContexts:
    """Contexts of one self-signed certificate, which it also trusts itself."""
    files = certificate(folder, *(names or ("127.0.0.1", "::1", "localhost")))
    return TlsContexts(TlsFiles([files], client_ca=files.chain, server_ca=files.chain))


def trusting(*files: CertificateFiles) -> ssl.SSLContext:
    """What a phone has that trusts these, and checks the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for one in files:
        context.load_verify_locations(one.chain)
    return context
