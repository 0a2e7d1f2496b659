"""What `up` makes sure of before it starts anything: ports, database, static files, set-up link.

Everything that is wrong is a CannotStart with one line for the console.
"""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection

from sipadmin.addresses import HostPort, SipAddress

OWN_APPS = ("registrar", "proxy", "sipadmin", "accounts")
KEPT_COPIES = 5
# The browsable API is off and Swagger UI is the one API page; neither needs the other's files.
IGNORED_STATIC = ["rest_framework", "redoc*", "django_filters"]


class CannotStart(Exception):
    """One clear line: what is wrong and what to do about it."""


def check_ports(http: HostPort, sip: Iterable[SipAddress]) -> None:
    """Bind every port once and let go again: a busy one is named here, before anything runs."""
    check_port(http, socket.SOCK_STREAM, "--http")
    for listener in sip:
        for protocol in listener.protocols:
            kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
            check_port(listener.address, kind, "--sip")


def check_port(address: HostPort, kind: socket.SocketKind, flag: str) -> None:
    protocol = "tcp" if kind == socket.SOCK_STREAM else "udp"
    try:
        family, _, _, _, target = socket.getaddrinfo(address.host, address.port, type=kind)[0]
    except OSError:
        raise CannotStart(f"{flag} {address}: {address.host} is no address of this machine") from None
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # Connections of the last run in TIME_WAIT do not count as busy.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(target)
        except OSError as error:
            raise CannotStart(describe_bind_error(error, address, protocol, flag)) from None


def describe_bind_error(error: OSError, address: HostPort, protocol: str, flag: str) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {address.port} ({protocol}) on {address.host} is busy; choose another with {flag} HOST:PORT"
        case errno.EADDRNOTAVAIL:
            return f"{address.host} is no address of this machine; choose another with {flag} HOST:PORT"
        case errno.EACCES:
            return f"port {address.port} ({protocol}) needs more rights; choose one above 1023 with {flag} HOST:PORT"
    return f"cannot listen on {address} ({protocol}): {error.strerror}; choose another with {flag} HOST:PORT"


class FolderInUse:
    """Held for the life of the process: two products on one data folder would overwrite each other's bindings."""

    def __init__(self, data: Path) -> None:
        import fcntl

        self.file = open(data / "up.lock", "a+")  # noqa: SIM115 - the lock lasts as long as the process
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.seek(0)
            process = self.file.read().strip()
            self.file.close()
            raise CannotStart(
                f"another sipadmin (process {process or 'unknown'}) is running with the data folder {data}; "
                "stop it or choose another folder with --data"
            ) from None
        self.file.truncate(0)
        self.file.write(f"{os.getpid()}\n")
        self.file.flush()


def pending_migrations() -> tuple[list[Any], bool]:
    """(pending, is the database older than this start): CannotStart when it is broken or from a newer sipadmin."""
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
        loader = executor.loader
        applied = set(loader.applied_migrations)
        newer = sorted(
            f"{app}.{name}" for app, name in applied - set(loader.disk_migrations) if app in OWN_APPS
        )  # fmt: skip
        if newer:
            raise CannotStart(f"the database is from a newer sipadmin: it has {newer[0]}, which this one does not know")
        return executor.migration_plan(loader.graph.leaf_nodes()), bool(applied)
    except DatabaseError as error:
        raise CannotStart(f"the database {database_name()} cannot be used: {first_line(error)}") from None


def database_name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def migrate(*, has_data: bool) -> Path | None:
    """Apply the pending migrations; the path of the copy made before, if any."""
    try:
        copy = copy_database() if has_data else None
        call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
    except (DatabaseError, sqlite3.Error, OSError) as error:
        raise CannotStart(f"the database {database_name()} could not be migrated: {first_line(error)}") from None
    return copy


def copy_database() -> Path | None:
    """Copy of the SQLite file before a migration, with what is still in its journal; None for another database."""
    if connection.vendor != "sqlite":
        return None
    folder = Path(settings.DATA_DIR) / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / time.strftime("before-migration-%Y%m%d-%H%M%S.sqlite3")
    connection.ensure_connection()
    copy = sqlite3.connect(target)
    try:
        connection.connection.backup(copy)
    finally:
        copy.close()
    for old in sorted(folder.glob("before-migration-*.sqlite3"))[:-KEPT_COPIES]:
        old.unlink()
    return target


def static_fingerprint() -> str:
    """Changes when a static file or a package does; a few milliseconds."""
    from sipadmin.environment import BASE_DIR

    digest = hashlib.sha256((BASE_DIR / "requirements.txt").read_bytes())
    for folder in sorted({BASE_DIR / "static", *BASE_DIR.glob("*/static"), *BASE_DIR.glob("*/*/static")}):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            status = path.stat()
            digest.update(f"{path.relative_to(BASE_DIR)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def collect_static() -> bool:
    """Collect the static files unless the last collection still holds; whether it was done."""
    root = Path(settings.STATIC_ROOT)
    stamp = Path(settings.DATA_DIR) / "static-stamp"
    fingerprint = static_fingerprint()
    manifest = root / "staticfiles.json"
    if manifest.exists() and (os.environ.get("SIPADMIN_STATIC") or read_text(stamp) == fingerprint):
        return False
    try:
        call_command(
            "collectstatic",
            interactive=False,
            verbosity=0,
            clear=True,
            ignore_patterns=IGNORED_STATIC,
            skip_checks=True,
        )
        stamp.write_text(fingerprint)
    except OSError as error:
        raise CannotStart(f"the static files could not be collected: {error}") from None
    return True


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def first_administrator() -> None:
    """For containers: SIPADMIN_ADMIN_PASSWORD_FILE makes the first administrator without a set-up link."""
    from django.contrib.auth import get_user_model

    path = os.environ.get("SIPADMIN_ADMIN_PASSWORD_FILE")
    if not path:
        return
    try:
        password = Path(path).read_text().rstrip("\r\n")
    except OSError as error:
        raise CannotStart(f"SIPADMIN_ADMIN_PASSWORD_FILE {path}: {error.strerror}") from None
    if not password:
        raise CannotStart(f"SIPADMIN_ADMIN_PASSWORD_FILE {path} is empty")
    name = os.environ.get("SIPADMIN_ADMIN_NAME") or "admin"
    get_user_model().objects.create_superuser(username=name, password=password)


def setup_address(base: str, *, is_terminal: bool) -> list[str]:
    """Lines for the console while there is no administrator. A log must never hold the link: then it goes to a file."""
    from sipadmin.accounts.setup_links import has_administrator, make_setup_link

    file = Path(settings.DATA_DIR) / "setup-link"
    if not has_administrator():
        first_administrator()
    if has_administrator():
        file.unlink(missing_ok=True)
        return []
    address = f"{base}setup/{make_setup_link()}"
    if is_terminal:
        file.unlink(missing_ok=True)
        return ["  Open this link once to create the first admin (60 min):", f"      {address}"]
    write_private(file, address + "\n")
    return [f"  The link to create the first admin (60 min) is in {file}"]


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` by a file of mode 0600."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
