"""Middleware: notes from which address an administrator uses the console, so that he never bans himself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from sipadmin.accounts.roles import is_administrator
from sipadmin.security.models import ConsolePresence

NOTE_INTERVAL = 300.0  # seconds between two writes for one account at one address
PRESENT = timedelta(hours=12)  # after the last sign of him; longer than a working day
MOST_NOTED = 1_000

_noted: dict[tuple[int, str], float] = {}  # account and address -> when it was written, by the monotonic clock


@sync_and_async_middleware
def note_presence(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """After the answer is made: nobody waits longer for the page because of a full database."""

    async def answer_later(request: HttpRequest) -> HttpResponse:
        response: HttpResponse = await get_response(request)
        await sync_to_async(note)(request)
        return response

    def answer(request: HttpRequest) -> HttpResponse:
        response: HttpResponse = get_response(request)
        note(request)
        return response

    return answer_later if iscoroutinefunction(get_response) else answer


def note(request: HttpRequest) -> None:
    """Only for people with a session: a program with a token may be anywhere."""
    user = getattr(request, "user", None)
    address = request.META.get("REMOTE_ADDR") or ""
    # A request without a session never asked the database who it is; leave it so.
    if not address or user is None or settings.SESSION_COOKIE_NAME not in request.COOKIES or not user.is_authenticated:
        return
    if not user.pk or not is_administrator(user):
        return
    key = (user.pk, address)
    now = time.monotonic()
    if key in _noted and now - _noted[key] < NOTE_INTERVAL:
        return
    if len(_noted) >= MOST_NOTED:
        _noted.clear()
    _noted[key] = now
    ConsolePresence.objects.update_or_create(account=user, address=address, defaults={"seen_at": timezone.now()})


def forget(account_id: int, address: str) -> None:
    """He has logged out there: what comes next is noted at once."""
    _noted.pop((account_id, address), None)


def present() -> dict[str, str]:
    """Address -> name of the administrator who was there lately."""
    rows = ConsolePresence.objects.filter(seen_at__gt=timezone.now() - PRESENT, account__is_active=True)
    return dict(rows.order_by("seen_at").values_list("address", "account__username"))
