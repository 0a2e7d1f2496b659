"""Imports of a table in the background: first checked and tried, then, when somebody has looked at it, carried out.

A job lives in the web process and its file in ``imports`` of the data folder, for an hour. The file may hold passwords:
it is readable by the server alone and goes with the job.
"""

from __future__ import annotations

import contextvars
import csv
import io
import logging
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from registrar.models import Domain
from sipadmin import bus
from sipadmin.bus import EngineUnavailable
from sipadmin.user_import import ImportCounts, import_rows
from sipadmin.user_table import ImportRefused, RowError, read_table, to_cell

logger = logging.getLogger(__name__)

LIFETIME = 3600.0  # seconds until a job that nobody finishes is forgotten
MOST_JOBS = 20
MOST_SHOWN = 100  # changes on the page of a preview
MOST_ERRORS = 10_000  # in the error file
LARGEST_FILE = 50 * 1024 * 1024  # bytes; fifty thousand users with everything are 10 MB


class ImportJob:
    """``state``: checking, refused, ready, importing, done or failed. ``done`` of ``total`` rows are checked."""

    def __init__(self, domain: Domain, name: str, content: bytes) -> None:
        self.key = secrets.token_urlsafe(12)
        self.domain = domain
        self.name = name
        self.state = "checking"
        self.total = 0
        self.done = 0
        self.errors: list[RowError] = []
        self.error_count = 0
        self.counts: ImportCounts | None = None
        self.changes: list[tuple[str, str, dict[str, Any]]] = []
        self.text = ""
        self.made_at = time.monotonic()
        folder = Path(settings.DATA_DIR) / "imports"
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / self.key
        self.path.write_bytes(content)
        self.path.chmod(0o600)
        self.thread: threading.Thread | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("refused", "done", "failed")

    @property
    def percent(self) -> int:
        return int(100 * self.done / self.total) if self.total else 0

    def start(self, *, is_dry_run: bool) -> None:
        self.state = "checking" if is_dry_run else "importing"
        self.done = 0
        self.changes = []
        # In a copy of the request's context: the audit trail names who asked for it.
        context = contextvars.copy_context()
        self.thread = threading.Thread(target=context.run, args=(self._run, is_dry_run), name="import", daemon=True)
        self.thread.start()

    def _run(self, is_dry_run: bool) -> None:
        try:
            self.run(is_dry_run=is_dry_run)
        finally:
            connection.close()

    def run(self, *, is_dry_run: bool) -> None:
        """Check, and try or import. Blocking; for the thread and for tests."""
        try:
            rows = read_table(self.path.read_bytes())
            self.total = len(rows)
            self.counts = import_rows(
                self.domain, rows, self.advance, is_dry_run=is_dry_run, most_errors=MOST_ERRORS, note=self.note
            )
        except ImportRefused as error:
            self.errors, self.error_count = error.errors, error.count
            self.end("refused")
        except (DatabaseError, OSError) as error:
            logger.error("import of %s: %s", self.name, error)
            self.text = f"The database did not take it: {error}. Nothing was changed."
            self.end("failed")
        except Exception:
            logger.exception("import of %s", self.name)
            self.text = "The server failed; its log says why. Nothing was changed."
            self.end("failed")
        else:
            if is_dry_run:
                self.state = "ready"
                return
            self.text = activate()
            self.end("done")

    def advance(self, count: int) -> None:
        self.done += count

    def note(self, action: str, user: str, changes: dict[str, Any]) -> None:
        if len(self.changes) < MOST_SHOWN:
            self.changes.append((action.partition(".")[2], user, changes))

    def end(self, state: str) -> None:
        self.state = state
        self.path.unlink(missing_ok=True)

    def error_file(self) -> str:
        """Every error as CSV: row, column, what is wrong."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["row", "column", "error"])
        writer.writerows([error.row, to_cell(error.column), to_cell(error.text)] for error in self.errors)
        return text.getvalue()


def activate() -> str:
    try:
        bus.engine_command("poll_changes", timeout=10.0)
    except EngineUnavailable:
        return "The engine is not running; it will apply at next start."
    return "Active now on the engine."


class ImportJobs:
    """Those of this process, by key."""

    def __init__(self) -> None:
        self._jobs: dict[str, ImportJob] = {}

    def add(self, job: ImportJob) -> None:
        self.forget_old()
        while len(self._jobs) >= MOST_JOBS:
            self.drop(next(iter(self._jobs)))
        self._jobs[job.key] = job

    def get(self, key: str) -> ImportJob | None:
        self.forget_old()
        return self._jobs.get(key)

    def drop(self, key: str) -> None:
        job = self._jobs.pop(key, None)
        if job is not None:
            job.path.unlink(missing_ok=True)

    def forget_old(self) -> None:
        now = time.monotonic()
        for key in [key for key, job in self._jobs.items() if now - job.made_at > LIFETIME]:
            self.drop(key)


jobs = ImportJobs()
