"""Answers to digest challenges (RFC 7616, RFC 8760), computed here: the server's own code is no judge of itself."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence

from sip.message.fields import parse_credentials
from sip.message.messages import Response

HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda text: hashlib.sha256(text).hexdigest(),
    "SHA-512-256": lambda text: hashlib.new("sha512_256", text).hexdigest(),
}
# Name of the challenge field and of the field that answers it (§22.2, §22.3).
ANSWERS = {"www-authenticate": "Authorization", "proxy-authenticate": "Proxy-Authorization"}


class Credentials:
    """User name and password, and the nonces met so far with their counts."""

    def __init__(self, username: str, password: str, algorithms: Sequence[str] = tuple(HASHES)) -> None:
        self.username = username
        self.password = password
        self.algorithms = tuple(algorithms)
        self._counts: dict[str, int] = {}

    def answers(self, response: Response, method: str, uri: str) -> list[tuple[str, str]]:
        """Fields that answer a 401 or 407: one a realm, for the first algorithm offered that we know; may be none."""
        found: list[tuple[str, str]] = []
        for challenge_field, answer_field in ANSWERS.items():
            challenges = [parse_credentials(line) for line in response.lines(challenge_field)]
            for challenge in self._chosen([c.params for c in challenges if c.scheme == "digest"]):
                found.append((answer_field, self.answer(challenge, method, uri)))
        return found

    def _chosen(self, challenges: Iterable[dict[str, str]]) -> list[dict[str, str]]:
        by_realm: dict[str, dict[str, str]] = {}
        for challenge in challenges:
            if _algorithm(challenge) in self.algorithms and _algorithm(challenge) in HASHES:
                by_realm.setdefault(challenge.get("realm", ""), challenge)
        return list(by_realm.values())

    def answer(self, challenge: dict[str, str], method: str, uri: str) -> str:
        """One Digest value; the nonce count grows each time the nonce is used."""
        algorithm = _algorithm(challenge)
        digest = HASHES[algorithm]
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        a1 = digest(f"{self.username}:{realm}:{self.password}".encode())
        a2 = digest(f"{method}:{uri}".encode("utf-8", "surrogateescape"))
        parts = [
            f'username="{_escape(self.username)}"',
            f'realm="{_escape(realm)}"',
            f'nonce="{_escape(nonce)}"',
            f'uri="{uri}"',
            f"algorithm={algorithm}",
        ]
        if "opaque" in challenge:
            parts.append(f'opaque="{_escape(challenge["opaque"])}"')
        if "auth" in [quality.strip() for quality in challenge.get("qop", "").split(",")]:
            count = self._counts[nonce] = self._counts.get(nonce, 0) + 1
            cnonce = secrets.token_hex(8)
            proof = digest(f"{a1}:{nonce}:{count:08x}:{cnonce}:auth:{a2}".encode())
            parts += ["qop=auth", f"nc={count:08x}", f'cnonce="{cnonce}"']
        else:
            proof = digest(f"{a1}:{nonce}:{a2}".encode())
        return "Digest " + ", ".join([*parts, f'response="{proof}"'])


def _algorithm(challenge: dict[str, str]) -> str:
    return challenge.get("algorithm", "MD5").upper()


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
