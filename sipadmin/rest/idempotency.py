"""Idempotency-Key: a POST or PATCH that is repeated with its key gets the first answer again, for 24 hours.

Only answers of success are kept: what was refused has changed nothing and may be tried again. Answers can hold a new
password or token, so they are sealed with a key made of what the client showed to get in, which is not stored.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils import timezone

from sipadmin.accounts.authentication import bearer_text
from sipadmin.accounts.tokens import TokenRefused, find_token
from sipadmin.models import KeptAnswer
from sipadmin.rest.problems import problem_response

KEY_SHAPE = re.compile(r"[\x21-\x7e]{1,255}")
METHODS = ("POST", "PATCH")
ABANDONED_AFTER = timedelta(minutes=2)  # a request that runs longer has died with its process
KEPT_HEADERS = ("Content-Type", "ETag", "Location", "X-Engine", "Cache-Control")


def idempotent(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware for the API; to stand behind authentication."""

    def answer(request: HttpRequest) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None or not is_meant(request):
            return get_response(request)
        if not KEY_SHAPE.fullmatch(key):
            return problem_response(
                request, 400, "Idempotency-Key must be 1 to 255 printable characters without spaces, such as a UUID."
            )
        owner = owner_of(request)
        if not owner:
            return get_response(request)  # to be refused
        return Keeper(owner, key).answer(request, get_response)

    return answer


def is_meant(request: HttpRequest) -> bool:
    """Whether the API has a view for this method at this address; anything else is for it to refuse."""
    if request.method not in METHODS or not request.path.startswith("/api/"):
        return False
    try:
        callback = resolve(request.path_info).func
    except Resolver404:
        return False
    method = request.method.lower()
    actions = getattr(callback, "actions", None)
    return method in actions if actions is not None else hasattr(getattr(callback, "cls", None), method)


def owner_of(request: HttpRequest) -> str:
    """What the client showed to get in: its token, or its session; empty when that opens nothing."""
    text = bearer_text(request)
    if text is not None:
        try:
            find_token(text, source=request.META.get("REMOTE_ADDR", ""))
        except TokenRefused:
            return ""
        return text
    return request.session.session_key or "" if request.user.is_authenticated else ""


class Keeper:
    """One key of one client."""

    def __init__(self, owner: str, key: str) -> None:
        material = f"{len(owner)} {owner} {key}".encode()
        self.key_hash = hashlib.blake2b(material, digest_size=32, person=b"idempotent name").hexdigest()
        secret = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
        sealed_with = hashlib.blake2b(material, digest_size=32, key=secret, person=b"idempotent seal").digest()
        self._seal = Fernet(base64.urlsafe_b64encode(sealed_with))

    def answer(self, request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        print_of_this = fingerprint(request)
        now = timezone.now()
        row = self.claim(print_of_this, now)
        if row is not None:
            return self.repeat(request, row, print_of_this)
        response = get_response(request)
        mine = KeptAnswer.objects.filter(key_hash=self.key_hash, created_at=now)
        if 200 <= response.status_code < 300 and not response.streaming:
            mine.update(status=response.status_code, sealed=self.sealed(response))
        else:
            mine.delete()
        return response

    def claim(self, print_of_this: str, now: datetime) -> KeptAnswer | None:
        """None when this request is the first one; else what is known of the first."""
        too_old = KeptAnswer.objects.filter(key_hash=self.key_hash)
        with transaction.atomic():
            too_old.filter(created_at__lt=now - KeptAnswer.KEPT).delete()
            too_old.filter(created_at__lt=now - ABANDONED_AFTER, status=0).delete()
            row, is_new = KeptAnswer.objects.get_or_create(
                key_hash=self.key_hash, defaults={"fingerprint": print_of_this, "created_at": now}
            )
        return None if is_new else row

    def repeat(self, request: HttpRequest, row: KeptAnswer, print_of_this: str) -> HttpResponse:
        if row.fingerprint != print_of_this:
            text = "This Idempotency-Key was used for another request. Use a new key for a new request."
            return problem_response(request, 422, text)
        if not row.status:
            text = "The first request with this Idempotency-Key is still being carried out. Ask again in a second."
            response: HttpResponse = problem_response(request, 409, text)
            response["Retry-After"] = "1"
            return response
        try:
            kept = json.loads(self._seal.decrypt(bytes(row.sealed)))
        except InvalidToken:
            text = "The answer to this Idempotency-Key cannot be read any more; the request was carried out."
            return problem_response(request, 409, text)
        response = HttpResponse(kept["body"].encode(), status=row.status, headers=kept["headers"])
        response["Idempotency-Replayed"] = "true"
        return response

    def sealed(self, response: HttpResponse) -> bytes:
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        return self._seal.encrypt(json.dumps({"headers": headers, "body": response.content.decode()}).encode())


def fingerprint(request: HttpRequest) -> str:
    """Of what is asked for: method, address and body."""
    start = f"{request.method} {request.get_full_path()}\n".encode()
    return hashlib.blake2b(start + request.body, digest_size=32).hexdigest()
