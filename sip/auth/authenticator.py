"""Challenge and check (§22.1 to §22.4, RFC 7616, RFC 8760)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hmac import compare_digest
from typing import Literal, NamedTuple, Protocol

from sip.auth.digest import NO_HA1, response
from sip.auth.nonce import NonceFactory
from sip.auth.replay import UsedCounts
from sip.message.errors import BadMessage
from sip.message.fields import parse_credentials
from sip.message.messages import Request
from sip.message.params import quote
from sip.transport.flow import Flow

Kind = Literal["www", "proxy"]
Outcome = Literal["ok", "missing", "stale", "wrong", "malformed"]

_CREDENTIALS = {"www": "authorization", "proxy": "proxy-authorization"}
_CHALLENGE = {"www": "WWW-Authenticate", "proxy": "Proxy-Authenticate"}
_HEX = frozenset("0123456789abcdefABCDEF")

# RFC 8760 §2.3: the one we would rather have comes first; of the two with 256 bits the one that more phones know.
STRONGEST_FIRST = ("SHA-256", "SHA-512-256", "MD5")
# These look at the first challenge only, or give up when any has an algorithm unknown to them, against RFC 8760 §2.4,
# and know MD5 alone: User-Agent begins with.
MD5_ONLY_AGENTS = ("baresip v0.", "baresip v1.", "sipsak ", "JsSIP ", "SIP.js/")


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


class Failure(NamedTuple):
    """A wrong password, for whoever counts. ``source`` is a numeric host.

    ``is_proven``: the source has shown that it receives what we send there. Only then may it be held against it.
    ``is_locked``: the user is locked out there, so that the right password counts as wrong.
    """

    source: str
    realm: str
    username: str
    is_known_user: bool
    is_proven: bool
    is_locked: bool = False


class Watch(Protocol):
    """Who counts passwords (``sip.defence.guard.Guard``)."""

    def is_locked(self, source: str, realm: str, username: str, now_wall: float) -> bool:
        """Whether this source has failed too often as this user: then even the right password is wrong."""

    def succeeded(self, source: str, realm: str, username: str, now_wall: float) -> None: ...

    def failed(self, failure: Failure, now_wall: float) -> None: ...


class NoWatch:
    """Nobody counts."""

    def is_locked(self, source: str, realm: str, username: str, now_wall: float) -> bool:
        return False

    def succeeded(self, source: str, realm: str, username: str, now_wall: float) -> None: ...

    def failed(self, failure: Failure, now_wall: float) -> None: ...


_MISSING = AuthResult("missing")


class Authenticator:
    """One for all realms; keeps which nonce counts were used, and nothing else.

    The algorithms of an offer share one nonce. Only what is offered is accepted. ``watch`` hears of each password.
    """

    def __init__(
        self,
        nonces: NonceFactory,
        *,
        watch: Watch | None = None,
        md5_only_agents: Sequence[str] = MD5_ONLY_AGENTS,
        capacity: int = 100_000,
    ) -> None:
        self._nonces = nonces
        self._watch = watch or NoWatch()
        self._md5_only_agents = tuple(md5_only_agents)
        self._used = UsedCounts(nonces.lifetime, capacity)

    def challenge_fields(
        self,
        realm: str,
        kind: Kind,
        now_wall: float,
        *,
        source: str = "",
        offer: Sequence[str] = STRONGEST_FIRST,
        stale: bool = False,
        user_agent: str | None = None,
    ) -> list[tuple[str, str]]:
        """Header fields of a 401 (``www``) or 407 (``proxy``): one challenge for each algorithm of ``offer``, in order.

        ``stale`` only where the digest was right but the nonce old (RFC 7616 §3.3). ``source`` is the host that asked.
        ValueError for an empty realm.
        """
        if not realm:
            raise ValueError("A realm must not be empty")  # §22.1: it is the protection space
        if user_agent and user_agent.startswith(self._md5_only_agents) and "MD5" in offer:
            offer = ("MD5",)
        nonce = self._nonces.make(now_wall, realm, source)
        start = f'Digest realm={quote(realm)}, nonce="{nonce}", qop="auth", algorithm='
        end = ", stale=true" if stale else ""
        name = _CHALLENGE[kind]
        return [(name, f"{start}{algorithm}{end}") for algorithm in offer]

    def check(
        self,
        request: Request,
        kind: Kind,
        realm: str,
        ha1_for: Callable[[str, str], str | None],
        now_wall: float,
        flow: Flow,
        offer: Sequence[str] = STRONGEST_FIRST,
    ) -> AuthResult:
        """Judge the request's credentials for this realm; the others are somebody else's (§22.3).

        ``ha1_for(username, algorithm)`` gives the hex H(A1) or None for an unknown user, who then takes the same way.
        ``flow`` is what the request came by, ``offer`` what the challenges for it offer.
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
                result = self._judge(params, request.method, ha1_for, now_wall, flow, offer)
                if result.outcome != "missing":
                    return result
        return problem

    def _judge(
        self,
        params: dict[str, str],
        method: str,
        ha1_for: Callable[[str, str], str | None],
        now_wall: float,
        flow: Flow,
        offer: Sequence[str],
    ) -> AuthResult:
        algorithm = params.get("algorithm", "MD5").upper()
        if algorithm not in offer:
            return _MISSING  # not what was asked for: ask again rather than fall back
        nonce, realm = params.get("nonce", ""), params["realm"]
        age = self._nonces.check(nonce, now_wall, realm)
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
        source = flow.remote[0]
        is_locked = self._watch.is_locked(source, realm, username, now_wall)
        if is_right and known and not is_locked:
            # §22.4 item 8: clients of RFC 2069 send no qop; their nonce is good for one request.
            used = self._used
            if age == "stale" or not (
                used.use(nonce, int(nc, 16), now_wall) if qop else used.use_once(nonce, now_wall)
            ):
                return AuthResult("stale", username, algorithm, uri)  # perhaps overheard: no proof of a password
            self._watch.succeeded(source, realm, username, now_wall)
            return AuthResult("ok", username, algorithm, uri)
        is_proven = flow.is_reliable or self._nonces.is_for(nonce, source)
        self._watch.failed(Failure(source, realm, username, bool(known), is_proven, is_locked), now_wall)
        return AuthResult("wrong", username, algorithm, uri)
