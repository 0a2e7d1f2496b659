"""The REST API as a script uses it: standard library, a token, JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

from tests.end_to_end.product import DIRECT, Product


class Answer(NamedTuple):
    status: int
    headers: Any
    body: Any


class ApiClient:
    """Requests with one token, which may do everything unless ``scopes`` are given."""

    def __init__(self, product: Product, name: str, *scopes: str) -> None:
        self._base = f"{product.http}/api/v1/"
        arguments = [word for scope in scopes for word in ("--scope", scope)]
        self.token = product.manage("createtoken", name, *arguments).stdout.strip()

    def __call__(self, method: str, place: str, body: Any = None, **headers: str) -> Answer:
        request = urllib.request.Request(
            self._base + place,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                **{name.replace("_", "-"): text for name, text in headers.items()},
            },
        )
        try:
            with DIRECT.open(request, timeout=60) as answer:
                return Answer(answer.status, answer.headers, read_json(answer.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, read_json(error.read()))


def read_json(body: bytes) -> Any:
    return json.loads(body) if body else None
