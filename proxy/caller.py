"""Who calls: challenge and check of callers who claim an address of ours (§22.3).

Only requests outside a dialog are challenged. Inside one, the signed Record-Route shows that the dialog was let through
before; ACK and CANCEL cannot be challenged at all (§22.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from proxy.core.facts import DirectoryFacts, DomainFacts, Refuse, UserFacts
from sip.auth.authenticator import AuthResult, Kind
from sip.message.errors import BadMessage
from sip.message.messages import Request
from sip.message.params import printable
from sip.message.uri import Uri
from sip.transport.flow import Flow


class AuthenticatorFacts(Protocol):
    """``sip.auth.authenticator.Authenticator``."""

    def challenge_fields(
        self,
        realm: str,
        kind: Kind,
        now_wall: float,
        *,
        source: str,
        offer: Sequence[str],
        stale: bool,
        user_agent: str | None,
    ) -> list[tuple[str, str]]: ...

    def check(
        self,
        request: Request,
        kind: Kind,
        realm: str,
        ha1_for: Callable[[str, str], str | None],
        now_wall: float,
        flow: Flow,
        offer: Sequence[str],
    ) -> AuthResult: ...


class Verdict(NamedTuple):
    """``refusal`` None: the caller is ``user``. ``is_bare``: he was merely asked, which is no call attempt yet."""

    user: UserFacts | None
    refusal: Refuse | None
    is_bare: bool = False
    algorithm: str = ""


# Hears of credentials that answered a challenge of ours wrongly: name of the domain, user name as given.
WrongPassword = Callable[[str, str, Flow, Request], None]


class CallerCheck:
    """Checks callers against the users of a domain."""

    def __init__(
        self,
        authenticator: AuthenticatorFacts,
        directory: DirectoryFacts,
        wrong_password: WrongPassword = lambda domain, username, flow, request: None,
    ) -> None:
        self._wrong_password = wrong_password
        self._authenticator = authenticator
        self._directory = directory

    def check(self, request: Request, flow: Flow, domain: DomainFacts, kind: Kind, now_wall: float) -> Verdict:
        """Judge a request whose From is in ``domain``, and which came by ``flow``.

        ``kind`` is "proxy" (407) or, to be redirected, "www" (401).

        An unknown user is asked like a known one, and refused like one with a wrong password (no enumeration).
        """

        def ha1_for(username: str, algorithm: str) -> str | None:
            user = self._directory.user(domain, username)
            return user.ha1(algorithm) if user is not None and user.enabled and user.username == username else None

        result = self._authenticator.check(request, kind, domain.realm, ha1_for, now_wall, flow, domain.digest_offer)
        if result.outcome == "malformed":
            return Verdict(None, Refuse(400, result.reason, f"The caller's credentials make no sense: {result.reason}"))
        if result.outcome != "ok":
            return self._challenge(request, flow, domain, kind, result, now_wall)
        if _is_for_another(result.uri, request):
            shown = printable(result.uri, 80)
            sentence = f"The credentials of {printable(result.username)} are for {shown}, not for this call: 400"
            return Verdict(None, Refuse(400, "Credentials are for another Request-URI", sentence))
        user = self._directory.user(domain, result.username)
        caller = self._directory.user(domain, request.from_.uri.username)
        if user is None or caller is None or caller.id != user.id:
            shown = printable(request.from_.uri_text, 80)
            sentence = f"{printable(result.username)} may not call as {shown}: 403"
            return Verdict(None, Refuse(403, "From is not the authenticated user", sentence))
        return Verdict(user, None, algorithm=result.algorithm)

    def _challenge(
        self, request: Request, flow: Flow, domain: DomainFacts, kind: Kind, result: AuthResult, now_wall: float
    ) -> Verdict:
        if result.outcome == "wrong":
            self._wrong_password(domain.name, result.username, flow, request)
        fields = self._authenticator.challenge_fields(
            domain.realm,
            kind,
            now_wall,
            source=flow.remote[0],
            offer=domain.digest_offer,
            stale=result.outcome == "stale",
            user_agent=request.first("user-agent"),
        )
        status, reason = (407, "Proxy Authentication Required") if kind == "proxy" else (401, "Unauthorized")
        who = printable(result.username) or "The caller"
        sentence = f"{who} gave a wrong password: {status}"
        return Verdict(None, Refuse(status, reason, sentence, fields), is_bare=result.outcome != "wrong")


def _is_for_another(digest_uri: str, request: Request) -> bool:
    """Whether credentials were made for a request to somebody else (RFC 7616 §3.4.6).

    Only the user counts: hosts are rewritten on the way, and some phones put the address of their server there.
    """
    try:
        wanted = Uri.parse(digest_uri)
        return wanted.is_sip and wanted.user is not None and wanted.username != request.uri.username
    except BadMessage:
        return False  # what no phone can have called is not what this call is for, nor anybody else's
