"""Health: is this process alive, and would a request be answered? See metrics.py for how it goes."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.sip_probe import ask_options

CACHED_FOR = 1.0  # seconds; a prober in a hurry must not become a load
SIP_CACHED_FOR = 5.0  # seconds; an OPTIONS is a transaction of the engine


class Readiness:
    """The last answer, kept for a moment. A failure is never kept: the next question may find it repaired."""

    def __init__(self) -> None:
        self._answer: dict[str, Any] | None = None
        self._asked_at = 0.0
        self._is_migrated = False
        self._sip_asked_at: float | None = None

    def ask(self) -> dict[str, Any]:
        """{"status": "ready" or "not ready", "checks": {name: "ok" or a sentence}, "engine": facts of ping}."""
        now = time.monotonic()
        if self._answer is not None and now - self._asked_at < CACHED_FOR:
            return self._answer
        checks = {"database": self.database()}
        checks["migrations"] = self.migrations() if checks["database"] == "ok" else "not known without the database"
        engine: dict[str, Any] = {}
        try:
            engine = engine_command("ping", timeout=2.0)
            checks["engine"] = "ok" if engine.get("listeners") else "The SIP process listens nowhere."
        except EngineUnavailable as error:
            checks["engine"] = str(error)
        checks["sip"] = self.sip(engine.get("listeners") or [])
        is_ready = all(text == "ok" for text in checks.values())
        answer = {"status": "ready" if is_ready else "not ready", "checks": checks, "engine": engine}
        self._answer, self._asked_at = (answer if is_ready else None), now
        return answer

    def database(self) -> str:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as error:
            return str(error) or type(error).__name__
        return "ok"

    def sip(self, listeners: list[dict[str, Any]]) -> str:
        """An OPTIONS of our own over a real socket. A good answer holds for a while, a bad one is asked again."""
        if not listeners:
            return "not known without the engine"
        now = time.monotonic()
        if self._sip_asked_at is None or now - self._sip_asked_at >= SIP_CACHED_FOR:
            text = ask_options(listeners)
            self._sip_asked_at = now if text == "ok" else None
            return text
        return "ok"

    def migrations(self) -> str:
        # Migrations do not go away: one good answer holds for the life of the process.
        if not self._is_migrated:
            from django.db.migrations.executor import MigrationExecutor

            executor = MigrationExecutor(connection)
            pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if pending:
                return f"{len(pending)} migrations are missing; run: python3 manage.py migrate"
            self._is_migrated = True
        return "ok"


readiness = Readiness()


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while this process answers at all."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations and engine are up, else 503; the checks one by one, without internals."""
    answer = readiness.ask()
    facts = {name: answer["engine"].get(name) for name in ("version", "uptime") if name in answer["engine"]}
    body = {"status": answer["status"], "checks": answer["checks"], **facts}
    return JsonResponse(body, status=200 if answer["status"] == "ready" else 503)
