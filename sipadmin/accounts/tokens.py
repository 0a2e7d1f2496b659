"""API tokens: ``sipa_<key>.<secret>``. The key finds the row, the secret is compared by its SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

from django.utils import timezone

from sipadmin.accounts.models import HIGHEST_RATE_LIMIT, MOST_NETWORKS, RATE_LIMIT, SCOPES, ApiToken

TOKEN_SHAPE = re.compile(r"sipa_([0-9a-f]{16})\.([A-Za-z0-9_-]{43})")
# A write for each request would make every read of the API a write.
LAST_USED_INTERVAL = timedelta(minutes=1)


class TokenRefused(ValueError):
    """Why a token does not open anything; the text is safe to show."""


def hash_secret(secret: str) -> str:
    """SHA-256 as hex. The secret has 256 random bits, so that a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def issue_token(
    name: str,
    scopes: Sequence[str] = (),
    owner: Any = None,
    expires_at: datetime | None = None,
    networks: Sequence[str] = (),
    rate_limit: int = RATE_LIMIT,
) -> tuple[ApiToken, str]:
    """A new token and its text, which exists only here. ValueError for a taken name and for values that are none.

    ``scopes`` empty means every scope, ``networks`` empty every address; ``rate_limit`` in requests a minute.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise ValueError(f"unknown scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    if not name.strip():
        raise ValueError("a token needs a name")
    if not 1 <= rate_limit <= HIGHEST_RATE_LIMIT:
        raise ValueError(f"a rate limit is 1 to {HIGHEST_RATE_LIMIT} requests a minute")
    if ApiToken.objects.filter(name=name).exists():
        raise ValueError(f"there is already a token with the name {name!r}")
    key = secrets.token_hex(8)
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        name=name, key=key, secret_hash=hash_secret(secret), scopes=sorted(set(scopes)), owner=owner,
        expires_at=expires_at, networks=parse_networks(networks), rate_limit=rate_limit,
    )  # fmt: skip
    return token, f"sipa_{key}.{secret}"


def parse_networks(texts: Sequence[str]) -> list[str]:
    """Networks in their usual form; ValueError names the one that is none."""
    if len(texts) > MOST_NETWORKS:
        raise ValueError(f"{len(texts)} networks are too many; a token takes up to {MOST_NETWORKS}")
    networks = []
    for text in texts:
        try:
            networks.append(str(ip_network(text.strip(), strict=False)))
        except ValueError:
            raise ValueError(f"{text!r} is not a network, such as 192.0.2.0/24 or 2001:db8::/32") from None
    return networks


def is_within(source: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of the networks; an IPv4 address in IPv6 clothes counts as itself."""
    try:
        address = ip_address(source)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(network) for network in networks)


def find_token(text: str, now: datetime | None = None, source: str | None = None) -> ApiToken:
    """The live token with this text; TokenRefused otherwise, also when ``source`` may not use it."""
    now = now or timezone.now()
    shape = TOKEN_SHAPE.fullmatch(text)
    if shape is None:
        raise TokenRefused("The token does not have the form sipa_<key>.<secret>.")
    key, secret = shape.groups()
    token = ApiToken.objects.select_related("owner").filter(key=key).first()
    # Unknown keys are compared too, so that the time taken does not tell which keys exist.
    expected = token.secret_hash if token else hash_secret("")
    is_right = hmac.compare_digest(expected, hash_secret(secret))
    if token is None or not is_right:
        raise TokenRefused("The token is not known here.")
    if token.is_revoked:
        raise TokenRefused("The token has been revoked.")
    if token.expires_at is not None and token.expires_at <= now:
        raise TokenRefused("The token has expired.")
    if token.owner is not None and not token.owner.is_active:
        raise TokenRefused("The token's owner is disabled.")
    if token.networks and source is not None and not is_within(source, token.networks):
        raise TokenRefused("The token may not be used from this address.")
    note_use(token, now)
    return token


def note_use(token: ApiToken, now: datetime) -> None:
    """Remember the time of use, at most once in LAST_USED_INTERVAL."""
    if token.last_used_at is None or now - token.last_used_at >= LAST_USED_INTERVAL:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now


def allows(token: ApiToken, scope: str) -> bool:
    """Whether the token may do what ``scope`` names. Writing does not include reading: each is given by name."""
    return not token.scopes or scope in token.scopes
