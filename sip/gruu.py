"""Addresses that lead to one phone of a user: public and temporary GRUUs (RFC 5627). Pure.

A public one is the address-of-record with the phone's instance id in ``gr``: stable, and nothing is kept for it. A
temporary one hides both: what it stands for is encrypted and signed in its user part, so nothing is kept either. It
holds while the phone has a binding of the Call-ID that it was given for (RFC 5627 §3.1.2).
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from collections.abc import Callable, Sequence
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple, Protocol, TypeVar
from urllib.parse import quote, unquote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from sip.location import instance_key
from sip.message.uri import Uri

OPTION = "gruu"
START = "tgruu."  # of the user part of temporary ones, for people who read traces

_USER = "-_.!~*'()&=+$,;?/"  # §25.1: unreserved and user-unreserved
_INSTANCE = "-_.!~*'()[]/:&+$"  # unreserved and param-unreserved
_CONTENT = Struct(">QIQI")  # user id, seconds since the epoch, phone and Call-ID, CSeq
_TOKEN_CHARACTERS = (16 + _CONTENT.size) * 8 // 5  # with the tag of RFC 5297


class PhoneFacts(Protocol):
    """What a binding tells about its phone (``sip.location.Binding``)."""

    @property
    def aor(self) -> str: ...
    @property
    def instance_id(self) -> str: ...
    @property
    def reg_id(self) -> int: ...
    @property
    def call_id(self) -> str: ...
    @property
    def created_at(self) -> float: ...
    @property
    def refreshed_at(self) -> float: ...


Phone = TypeVar("Phone", bound=PhoneFacts)


class Temporary(NamedTuple):
    """What a temporary GRUU says: whose it is, when it was given, and a keyed hash of instance id and Call-ID."""

    user_id: int
    given_at: int
    registration: int


def is_gruu(uri: Uri) -> bool:
    """Whether the URI is made like a GRUU (RFC 5627 §6.1); whose it is, and whether it holds, is another matter."""
    return "gr" in uri.params and uri.user is not None


def public(aor: str, instance_id: str) -> str:
    """Public GRUU of a canonical address-of-record, such as ``sip:bob@example.org;gr=urn:uuid:...``."""
    user, _, host = aor[4:].rpartition("@")
    return f"sip:{_quoted(user, _USER)}@{host};gr={_quoted(_bare(instance_id), _INSTANCE)}"


def _bare(instance_id: str) -> str:
    # RFC 5627 §5.4: the value of gr is the URN itself, the feature tag's has brackets around it.
    return instance_id[1:-1] if instance_id.startswith("<") and instance_id.endswith(">") else instance_id


def _key(instance_id: str) -> str:
    return instance_key(f"<{_bare(instance_id)}>")


def _quoted(text: str, safe: str) -> str:
    return quote(text, safe=safe, errors="surrogateescape")


class Gruus:
    """Makes and opens GRUUs. ``secret`` is 32 bytes and should outlive a restart: without it temporary ones die."""

    __slots__ = ("_cipher", "_key")

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESSIV(blake2b(secret, digest_size=64, person=b"gruu cipher").digest())
        self._key = blake2b(secret, digest_size=32, person=b"gruu names").digest()

    def temporary(self, user_id: int, aor: str, instance_id: str, call_id: str, cseq: int, now_wall: float) -> str:
        """Temporary GRUU of the registration with that Call-ID; another for each CSeq and each second."""
        registration = self._registration(instance_id, call_id)
        content = _CONTENT.pack(user_id, int(now_wall) & 0xFFFFFFFF, registration, cseq & 0xFFFFFFFF)
        token = b32encode(self._cipher.encrypt(content, None)).decode().lower()
        return f"sip:{START}{token}@{aor.rpartition('@')[2]};gr"

    def open(self, uri: Uri) -> Temporary | None:
        """What a temporary GRUU says; None when it is none of ours."""
        user = uri.username
        token = user[len(START) :]
        if not user.startswith(START) or len(token) != _TOKEN_CHARACTERS or not token.isascii():
            return None
        try:
            content = self._cipher.decrypt(b32decode(token.upper()), None)
        except (InvalidTag, ValueError):
            return None
        user_id, given_at, registration, _ = _CONTENT.unpack(content)
        return Temporary(user_id, given_at, registration)

    def _registration(self, instance_id: str, call_id: str) -> int:
        text = f"{_key(instance_id)}\n{call_id}".encode("utf-8", "surrogateescape")
        return int.from_bytes(blake2b(text, digest_size=8, key=self._key).digest())

    def phone_of(
        self, uri: Uri, temporary: Temporary | None, bindings: Sequence[Phone], wall: Callable[[float], float]
    ) -> list[Phone]:
        """Those of a user's live bindings that the GRUU means (RFC 5627 §5.1); none when the phone is not there.

        All flows of the phone (RFC 5626); without flows the contact heard of last.
        """
        if temporary is not None:
            keys = {_key(one.instance_id) for one in bindings if self._is_of(temporary, one, wall)}
        else:
            keys = {_key(unquote(uri.params["gr"] or "", errors="surrogateescape"))}
        mine = [one for one in bindings if one.instance_id and _key(one.instance_id) in keys]
        flows = [one for one in mine if one.reg_id]
        return flows or sorted(mine, key=lambda one: one.refreshed_at)[-1:]

    def _is_of(self, temporary: Temporary, binding: PhoneFacts, wall: Callable[[float], float]) -> bool:
        # A binding that began later is a new registration, even with the Call-ID of an old one.
        is_older = int(wall(binding.created_at)) <= temporary.given_at
        return is_older and self._registration(binding.instance_id, binding.call_id) == temporary.registration
