"""Which users a list shows: the same filters for the page, for bulk changes and for the export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from registrar.models import Alias, Binding, Domain, SipUser

LONGEST = 253  # characters of a filter


class UserFilter(NamedTuple):
    """``text`` in name, display name or alias; ``domain`` by name; ``state`` one of STATES."""

    text: str = ""
    domain: str = ""
    state: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> UserFilter:
        """From a query string or a form."""
        return cls(*(query.get(name, "").strip()[:LONGEST] for name in ("q", "domain", "state")))

    def users(self) -> QuerySet[SipUser]:
        """Annotated with ``is_registered``, in no particular order."""
        live = Binding.objects.live().filter(user=OuterRef("pk"))
        users = SipUser.objects.select_related("domain").annotate(is_registered=Exists(live))
        if self.text:
            name = self.text.removeprefix("sip:").partition("@")[0] or self.text
            alias = Alias.objects.filter(user=OuterRef("pk"), name__icontains=name)
            users = users.filter(Q(username__icontains=name) | Q(display_name__icontains=self.text) | Exists(alias))
        if self.domain:
            # By key: the order of one domain's users is then that of an index.
            users = users.filter(domain__in=list(Domain.objects.filter(name=self.domain).values_list("pk", flat=True)))
        return users.filter(STATES.get(self.state, (Q(), ""))[0])


STATES = {
    "registered": (Q(is_registered=True), "Registered"),
    "unregistered": (Q(is_registered=False), "Not registered"),
    "enabled": (Q(enabled=True), "Enabled"),
    "disabled": (Q(enabled=False), "Disabled"),
    "own-policy": (Q(delivery_policy__isnull=False), "Own policy"),
}
