"""Recursion on 3xx responses (§16.7 step 4): the contacts become targets, and leave the response."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.core.facts import Target
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import parse_contacts, parse_q
from sip.message.messages import Response
from sip.message.uri import Uri

Resolve = Callable[[Uri, float], Sequence[Target]]


class Recursion:
    """Follows the redirections of one request whose Request-URI is ours (§16.5).

    ``limit`` is the number of contacts followed in all; ``resolve`` gives the targets of a URI with its q, none when it
    is not to be followed; ``known`` are the targets there are already, so that no URI is tried twice.
    """

    def __init__(self, request_uri: Uri, known: list[Uri], limit: int, resolve: Resolve) -> None:
        self._is_sips = request_uri.scheme == "sips"
        self._known = [request_uri, *known]
        self._left = limit
        self._resolve = resolve

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
            targets = self._targets_of(contact, q)
            if targets:
                groups.setdefault(q, []).extend(targets)
            else:
                rest.append(contact)
        if groups:
            self._keep(response, rest)
        return list(groups.values())

    def _targets_of(self, contact: Address, q: float) -> Sequence[Target]:
        try:
            uri = contact.uri
        except BadMessage:
            return ()
        if not uri.is_sip or (self._is_sips and uri.scheme != "sips") or self._left <= 0:
            return ()
        if any(uri.equals(other) for other in self._known):
            return ()
        targets = self._resolve(uri, q)
        if targets:
            self._known += [uri, *(target.uri for target in targets)]
            self._left -= 1
        return targets

    @staticmethod
    def _keep(response: Response, rest: list[Address]) -> None:
        values = [value for value in response.values("contact") if Address.parse(value) in rest]
        response.remove("Contact")
        for value in values:
            response.append("Contact", value)
