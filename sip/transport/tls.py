"""TLS: our certificates by the name that is asked for, and who may show us which (§26.2.1, RFC 6066 §3, RFC 5922)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

from cryptography import x509

from sip.transport.connection import Connection

# RFC 9325 §4.2: forward secrecy and authenticated encryption only. TLS 1.3 has suites of its own, all of them good.
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
HANDSHAKE_INTERVAL = 10.0  # seconds for a TLS handshake, ours or theirs
GOODBYE_INTERVAL = 3.0  # seconds to wait for the far end's close_notify

T = TypeVar("T")


class CertificateFiles(NamedTuple):
    """PEM files of one certificate: the chain, our own certificate first, and its key (may be the same file)."""

    chain: Path
    key: Path


class TlsFiles(NamedTuple):
    """``certificates``: ours, the first for who names nobody. ``client_ca``: whose certificates callers may show us
    (None: nobody is asked). ``server_ca``: whose certificates servers must show us (None: the system's)."""

    certificates: Sequence[CertificateFiles]
    client_ca: Path | None = None
    server_ca: Path | None = None

    @property
    def paths(self) -> list[Path]:
        own = [path for one in self.certificates for path in one]
        return own + [path for path in (self.client_ca, self.server_ca) if path is not None]


class BadCertificate(ValueError):
    """One line: which file, and what is wrong with it."""


class TlsContexts:
    """Contexts made of files. ``reload`` reads them anew: connections that stand go on as they are, new ones get the
    new certificates. BadCertificate when a file cannot be used; then everything stays as it was."""

    def __init__(self, files: TlsFiles) -> None:
        self.files = files
        self._stamps = self._look()
        # Who listens keeps this one; the context of the name is put in its place in each handshake.
        self.accepting, self._by_name, self.dialling = self._load()
        self._default = self.accepting
        self.accepting.sni_callback = self._choose

    def reload(self) -> None:
        self._stamps = self._look()
        self._default, self._by_name, self.dialling = self._load()

    def have_changed(self) -> bool:
        """Whether a file is another than the one that was read last (blocking, a stat for each file)."""
        return self._look() != self._stamps

    def _look(self) -> list[tuple[int, int] | None]:
        stamps: list[tuple[int, int] | None] = []
        for path in self.files.paths:
            try:
                found = path.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((found.st_ino, found.st_mtime_ns))
        return stamps

    def _load(self) -> tuple[ssl.SSLContext, dict[str, ssl.SSLContext], ssl.SSLContext]:
        contexts = [self._accepting(one) for one in self.files.certificates]
        by_name: dict[str, ssl.SSLContext] = {}
        for files, context in zip(self.files.certificates, contexts, strict=True):
            for name in names_of(files.chain):
                by_name.setdefault(name, context)
        return contexts[0], by_name, self._dialling()

    def _accepting(self, files: CertificateFiles) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _harden(context)
        _load_chain(context, files)
        if self.files.client_ca is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
            _load_authorities(context, self.files.client_ca)
        return context

    def _dialling(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # wants a certificate of the right name
        _harden(context)
        _load_chain(context, self.files.certificates[0])  # for those who want to see who calls
        if self.files.server_ca is not None:
            _load_authorities(context, self.files.server_ca)
        else:
            context.load_default_certs()
        return context

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        chosen = choose(name or "", self._by_name, self._default)
        if chosen is not context:
            connection.context = chosen


def choose(name: str, by_name: Mapping[str, T], default: T) -> T:
    """What belongs to a host name: an exact name before ``*.`` and the rest of it (RFC 6125 §6.4.3)."""
    name = name.lower().removesuffix(".")
    return by_name.get(name) or by_name.get(f"*.{name.partition('.')[2]}") or default


def names_of(chain: Path) -> list[str]:
    """DNS names and addresses of the first certificate in a file, in lower case."""
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    except (OSError, ValueError) as error:
        raise BadCertificate(f"{chain} holds no certificate: {error}") from None
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [name.lower() for name in names.get_values_for_type(x509.DNSName)] + addresses


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    # No compression (CRIME) is the default; no renegotiation asked for by the far end, which costs us more than him.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


def _load_chain(context: ssl.SSLContext, files: CertificateFiles) -> None:
    try:
        # An empty password instead of a question on the terminal, which a server has none of.
        context.load_cert_chain(files.chain, files.key, password="")
    except ssl.SSLError as error:
        raise BadCertificate(f"{files.chain} and {files.key} are no certificate with its key: {error.reason}") from None
    except (OSError, ValueError) as error:
        name = getattr(error, "filename", None) or f"{files.chain} or {files.key}"
        raise BadCertificate(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _load_authorities(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise BadCertificate(f"{file} holds no certificate in PEM form") from None
    except OSError as error:
        raise BadCertificate(f"{file} cannot be read: {error.strerror}") from None


class TlsHandshake(asyncio.Protocol):
    """An accepted connection until its TLS handshake is over; then ``connection`` takes it.

    A connection counts from its first packet (``may_enter``), so that handshakes left open cannot be had beyond the
    limits. ``failed`` is told the host of one that came to nothing; ``tasks`` holds those under way.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        connection: Connection,
        may_enter: Callable[[str], bool],
        failed: Callable[[str], None],
        tasks: set[asyncio.Task[None]],
    ) -> None:
        self._context = context
        self._connection = connection
        self._may_enter = may_enter
        self._failed = failed
        self._tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        host = stream.get_extra_info("peername")[0]
        if not self._may_enter(host):
            stream.abort()
            return
        stream.pause_reading()
        task = asyncio.get_running_loop().create_task(self._shake_hands(stream, host))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shake_hands(self, stream: asyncio.Transport, host: str) -> None:
        loop = asyncio.get_running_loop()
        connection = self._connection
        try:
            secured = await loop.start_tls(
                stream,
                connection,
                self._context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_INTERVAL,
                ssl_shutdown_timeout=GOODBYE_INTERVAL,
            )
        except asyncio.CancelledError:
            stream.abort()
            raise
        except Exception:  # mostly ssl.SSLError and time-outs; whatever it is, its place must be free again
            self._failed(host)
            return
        if secured is None or not connection.is_open:
            self._failed(host)  # gone in the meantime
            return
        connection.connection_made(secured)
