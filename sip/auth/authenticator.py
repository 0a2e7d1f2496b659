"""Challenge and check (§22.1 to §22.4, RFC 7616, RFC 8760)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import Literal, NamedTuple

from sip.auth.digest import ALGORITHMS, NO_HA1, response
from sip.auth.nonce import NonceFactory
from sip.auth.replay import UsedCounts
from sip.message.errors import BadMessage
from sip.message.fields import parse_credentials
from sip.message.messages import Request
from sip.message.params import quote

Kind = Literal["www", "proxy"]
Outcome = Literal["ok", "missing", "stale", "wrong", "malformed"]

_CREDENTIALS = {"www": "authorization", "proxy": "proxy-authorization"}
_CHALLENGE = {"www": "WWW-Authenticate", "proxy": "Proxy-Authenticate"}
_HEX = frozenset("0123456789abcdefABCDEF")

# Phones of the field (Debian 12: SIPp 3.6, sipsak 0.9.8) take the first challenge or none, and know MD5 only.
DEFAULT_ALGORITHMS = ("MD5", "SHA-256")
# These give up when any challenge has an algorithm unknown to them, against RFC 8760 §2.4: User-Agent begins with.
MD5_ONLY_AGENTS = ("baresip v0.", "baresip v1.")


class AuthResult(NamedTuple):
    """Outcome of one check.

    ``missing``: nothing for this realm that answers a challenge of ours; ask, and count it against nobody.
    ``stale``: all right but the nonce; ask with stale=true. ``wrong``: a nonce of ours answered wrongly, which is what
    a guesser does. ``malformed``: 400, ``reason`` says why. ``uri`` is the digest's, to compare with the Request-URI
    (§22.4 item 6).
    """

    outcome: Outcome
    username: str = ""
    algorithm: str = ""
    uri: str = ""
    reason: str = ""


_MISSING = AuthResult("missing")


class Authenticator:
    """One for all realms; keeps which nonce counts were used, and nothing else.

    ``algorithms`` are offered in that order, the same nonce in each (RFC 8760 §2.4 wants the strongest first, which
    phones that know only MD5 survive badly: see DEFAULT_ALGORITHMS). Only what is offered is accepted.
    """

    def __init__(
        self,
        nonces: NonceFactory,
        *,
        algorithms: Sequence[str] = DEFAULT_ALGORITHMS,
        md5_only_agents: Sequence[str] = MD5_ONLY_AGENTS,
        capacity: int = 100_000,
    ) -> None:
        unknown = [name for name in algorithms if name not in ALGORITHMS]
        if unknown or not algorithms:
            raise ValueError(f"Digest algorithms are some of {', '.join(ALGORITHMS)}, not {unknown}")
        self._nonces = nonces
        self._algorithms = tuple(algorithms)
        self._offered = {name.upper(): name for name in algorithms}
        self._md5_only_agents = tuple(md5_only_agents) if "MD5" in algorithms else ()
        self._used = UsedCounts(nonces.lifetime, capacity)

    def challenge_fields(
        self, realm: str, kind: Kind, now_wall: float, *, stale: bool = False, user_agent: str | None = None
    ) -> list[tuple[str, str]]:
        """Header fields of a 401 (``www``) or 407 (``proxy``): one challenge for each algorithm offered.

        ``stale`` only where the digest was right but the nonce old (RFC 7616 §3.3). ValueError for an empty realm.
        """
        if not realm:
            raise ValueError("A realm must not be empty")  # §22.1: it is the protection space
        algorithms = self._algorithms
        if self._md5_only_agents and user_agent and user_agent.startswith(self._md5_only_agents):
            algorithms = ("MD5",)
        start = f'Digest realm={quote(realm)}, nonce="{self._nonces.make(now_wall)}", qop="auth", algorithm='
        end = ", stale=true" if stale else ""
        name = _CHALLENGE[kind]
        return [(name, f"{start}{algorithm}{end}") for algorithm in algorithms]

    def check(
        self,
        request: Request,
        kind: Kind,
        realm: str,
        ha1_for: Callable[[str, str], str | None],
        now_wall: float,
    ) -> AuthResult:
        """Judge the request's credentials for this realm; the others are somebody else's (§22.3).

        ``ha1_for(username, algorithm)`` gives the hex H(A1) or None for an unknown user, who then takes the same way.
        """
        problem = _MISSING
        for line in request.lines(_CREDENTIALS[kind]):
            if line[:7].lower() != "digest ":  # §22.4: Basic is never accepted
                continue
            try:
                params = parse_credentials(line).params
            except BadMessage as error:
                problem = AuthResult("malformed", reason=error.reason)
                continue
            if params.get("realm") == realm:
                result = self._judge(params, request.method, ha1_for, now_wall)
                if result.outcome != "missing":
                    return result
        return problem

    def _judge(
        self, params: dict[str, str], method: str, ha1_for: Callable[[str, str], str | None], now_wall: float
    ) -> AuthResult:
        algorithm = self._offered.get(params.get("algorithm", "MD5").upper())
        if algorithm is None:
            return _MISSING  # not what was asked for: ask again rather than fall back
        nonce = params.get("nonce", "")
        age = self._nonces.check(nonce, now_wall)
        if age == "foreign":
            return _MISSING
        username, uri, answer = params.get("username"), params.get("uri"), params.get("response")
        if not username or not uri or not answer:
            return AuthResult("malformed", reason="Credentials need username, uri and response")
        qop, nc, cnonce = params.get("qop", ""), params.get("nc", ""), params.get("cnonce", "")
        if qop and (qop.lower() != "auth" or len(nc) != 8 or not _HEX.issuperset(nc) or not cnonce):
            return AuthResult("malformed", username, reason="Credentials need qop auth, nc of 8 hex digits and cnonce")
        known = ha1_for(username, algorithm)
        expected = response(algorithm, known or NO_HA1, method, uri, nonce, qop, nc, cnonce)
        is_right = compare_digest(expected.encode(), answer.lower().encode("utf-8", "surrogateescape"))
        if not is_right or not known:
            return AuthResult("wrong", username, algorithm, uri)
        if age == "stale":
            return AuthResult("stale", username, algorithm, uri)
        # §22.4 item 8: clients of RFC 2069 send no qop; their nonce is good for one request.
        used = self._used
        is_new = used.use(nonce, int(nc, 16), now_wall) if qop else used.use_once(nonce, now_wall)
        return AuthResult("ok" if is_new else "stale", username, algorithm, uri)
