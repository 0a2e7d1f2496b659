"""Copies of the database while it is in use, in ``backups`` of the data folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from django.conf import settings
from django.db import connection

KEPT = 10  # copies made by hand; the oldest goes when there is one more
NAME = "sipadmin-%Y%m%d-%H%M%S.sqlite3"


class CannotBackUp(Exception):
    """The text says what to do instead."""


class Backup(NamedTuple):
    name: str
    size: int  # bytes
    made_at: datetime


def folder() -> Path:
    return Path(settings.DATA_DIR) / "backups"


def make(target: Path | None = None) -> Path:
    """Copy the database to ``target``, or to a new file of the folder. The engine and the console go on meanwhile."""
    if connection.vendor != "sqlite":
        raise CannotBackUp(f"The database is {connection.vendor}; use its own tools, such as pg_dump.")
    if target is None:
        folder().mkdir(mode=0o700, exist_ok=True)
        target = folder() / datetime.now(UTC).strftime(NAME)
    try:
        # A connection of its own: one that is writing cannot copy.
        with (
            closing(
                sqlite3.connect(f"file:{quote(str(connection.settings_dict['NAME']))}?mode=ro", uri=True)
            ) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        target.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise CannotBackUp(f"{target} could not be written: {error}") from None
    for old in sorted(folder().glob("sipadmin-*.sqlite3"))[:-KEPT]:
        old.unlink()
    return target


def there() -> list[Backup]:
    """What the folder holds, newest first; copies made before a migration too."""
    found = []
    for path in folder().glob("*.sqlite3"):
        status = path.stat()
        found.append(Backup(path.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)))
    return sorted(found, key=lambda one: one.made_at, reverse=True)


def find(name: str) -> Path | None:
    """The file of a backup; None for any other name."""
    return folder() / name if name in {one.name for one in there()} else None
