"""Recursion on 3xx responses (§16.7 step 4): the contacts become targets, and leave the response."""

from __future__ import annotations

from collections.abc import Callable

from proxy.core.facts import Target
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import parse_contacts, parse_q
from sip.message.messages import Response
from sip.message.uri import Uri


class Recursion:
    """Follows the redirections of one request whose Request-URI is ours (§16.5).

    ``limit`` is the number of contacts followed in all; ``may_follow`` judges each URI; ``known`` are the targets there
    are already, so that no URI is tried twice.
    """

    def __init__(self, request_uri: Uri, known: list[Uri], limit: int, may_follow: Callable[[Uri], bool]) -> None:
        self._is_sips = request_uri.scheme == "sips"
        self._known = [request_uri, *known]
        self._left = limit
        self._may_follow = may_follow

    def follow(self, response: Response) -> list[list[Target]]:
        """Groups of targets from a 3xx, highest q first; the contacts that are followed are removed from it."""
        try:
            contacts = parse_contacts(response.lines("contact")).addresses
            ranked = [(parse_q(contact.params.get("q")), contact) for contact in contacts]
        except BadMessage:
            return []
        groups: dict[float, list[Target]] = {}
        rest: list[Address] = []
        for q, contact in sorted(ranked, key=lambda pair: -pair[0]):
            uri = self._followable(contact)
            if uri is None:
                rest.append(contact)
            else:
                self._known.append(uri)
                self._left -= 1
                groups.setdefault(q, []).append(Target(uri, q))
        if groups:
            self._keep(response, rest)
        return list(groups.values())

    def _followable(self, contact: Address) -> Uri | None:
        try:
            uri = contact.uri
        except BadMessage:
            return None
        if not uri.is_sip or (self._is_sips and uri.scheme != "sips") or self._left <= 0:
            return None
        if any(uri.equals(other) for other in self._known) or not self._may_follow(uri):
            return None
        return uri

    @staticmethod
    def _keep(response: Response, rest: list[Address]) -> None:
        values = [value for value in response.values("contact") if Address.parse(value) in rest]
        response.remove("Contact")
        for value in values:
            response.append("Contact", value)
