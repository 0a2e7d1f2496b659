"""The phone that a GRUU means, in memory (RFC 5627 §5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxy.core.binding_targets import to_binding
from proxy.core.facts import BindingFacts, DirectoryFacts, DomainFacts, LocationFacts, Target, UserFacts
from proxy.core.phones import in_turn
from proxy.core.responsibility import Responsibility
from proxy.events import Wall
from sip.gruu import Gruus, is_gruu
from sip.message.errors import BadMessage
from sip.message.uri import Uri


class Instance(NamedTuple):
    """``user`` is None when nobody ever had this GRUU, or it has ended; no bindings when the phone is away."""

    user: UserFacts | None
    bindings: Sequence[BindingFacts]


class Instances:
    """Looks in memory only. Without ``gruus`` no URI is a GRUU."""

    def __init__(
        self,
        directory: DirectoryFacts,
        location: LocationFacts,
        responsibility: Responsibility,
        gruus: Gruus | None,
        wall: Wall,
    ) -> None:
        self._directory = directory
        self._location = location
        self._responsibility = responsibility
        self._gruus = gruus
        self._wall = wall

    def is_own(self, uri: Uri) -> bool:
        """Whether this is a GRUU in a domain of ours."""
        return self._gruus is not None and is_gruu(uri) and self._responsibility.domain_of(uri) is not None

    def find(self, domain: DomainFacts, uri: Uri, now: float) -> Instance | None:
        """Whose phone a URI in ``domain`` means; None when it is no GRUU."""
        if self._gruus is None or not is_gruu(uri):
            return None
        temporary = None
        if uri.params["gr"]:
            user = self._directory.user(domain, uri.username)
        else:
            temporary = self._gruus.open(uri)
            user = self._directory.by_id(domain, temporary.user_id) if temporary is not None else None
        if user is None:
            return Instance(None, ())
        live = self._location.lookup(user.aor, now) if user.enabled else ()
        bindings = self._gruus.phone_of(uri, temporary, live, self._wall)
        if temporary is not None and not bindings:
            return Instance(None, ())  # RFC 5627 §5.1: 404, for it will not come back
        return Instance(user, bindings)

    def target(self, uri: Uri, now: float) -> Target | None:
        """Where a request in a dialog goes whose remote target is this GRUU; None when the phone is away."""
        domain = self._responsibility.domain_of(uri)
        found = self.find(domain, uri, now) if domain is not None else None
        targets = []
        for binding in found.bindings if found is not None else ():
            try:
                targets.append(to_binding(binding, binding.uri))
            except BadMessage:
                continue
        return in_turn(targets) if targets else None
