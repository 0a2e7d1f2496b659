"""How many requests a minute a token may make. Sessions are people, and are not limited here."""

from __future__ import annotations

import math
import time
from threading import Lock
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from sipadmin.accounts.models import ApiToken

MINUTE = 60.0


class Budgets:
    """A bucket for each token: full at ``limit`` requests, refilled evenly. Of this process only; for many threads."""

    def __init__(self) -> None:
        self._levels: dict[int, tuple[float, float]] = {}
        self._lock = Lock()

    def take(self, token: int, limit: int, cost: float, now: float) -> tuple[bool, float]:
        """(may it go on, requests left). Nothing is taken from who may not.

        What costs more than a full bucket costs a full bucket: it must be possible at all.
        """
        limit = max(1, limit)
        cost = min(cost, limit)
        with self._lock:
            level, at = self._levels.get(token, (float(limit), now))
            level = min(float(limit), level + (now - at) * limit / MINUTE)
            may = level >= cost
            if may:
                level -= cost
            self._levels[token] = (level, now)
        return may, level


budgets = Budgets()


class TokenBudget(BaseThrottle):
    """429 with Retry-After. A view with ``cost(request)`` counts as so many requests."""

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        token = request.auth
        if not isinstance(token, ApiToken):
            return True
        cost = float(view.cost(request)) if hasattr(view, "cost") else 1.0
        limit = max(1, token.rate_limit)
        may, left = budgets.take(token.pk, limit, cost, time.monotonic())
        self._wait = 0.0 if may else math.ceil((min(cost, limit) - left) * MINUTE / limit)
        request._request.rate_limit_headers = {  # type: ignore[attr-defined]
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(int(left)),
            "RateLimit-Reset": str(math.ceil((limit - left) * MINUTE / limit)),
        }
        return may

    def wait(self) -> float:
        return self._wait
