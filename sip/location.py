"""Address-of-record, binding, and the location service of §6 as the proxy and the registrar see it."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from sip.message.uri import Uri

if TYPE_CHECKING:
    from sip.transport.flow import Flow

FOR_EVER = float("inf")  # expiry of a contact that an administrator has set

by_preference = attrgetter("preference")


class Binding:
    """One contact of one address-of-record (§10). Never changed once made: a refresh makes a new one with the same id.

    Times are seconds of the loop clock. ``id`` is 0 until the location service assigns one; ``user_id`` is the owner's.
    ``contact`` is the URI as received; ``contact_parameters`` the Contact's other parameters (``;name=value``, without
    q and expires); ``path`` the Route set of RFC 3327; ``flow`` the way the REGISTER came, None when that ended with an
    earlier process. ``is_outbound``: the phone is reached by that flow or path, and by no other way (RFC 5626).
    """

    __slots__ = (
        "aor",
        "call_id",
        "contact",
        "contact_parameters",
        "created_at",
        "cseq",
        "expires_at",
        "flow",
        "id",
        "instance_id",
        "is_outbound",
        "methods",
        "path",
        "q",
        "received_from",
        "received_on",
        "refreshed_at",
        "reg_id",
        "registered_by",
        "transport",
        "user_agent",
        "user_id",
    )

    def __init__(
        self,
        *,
        id: int = 0,
        user_id: int = 0,
        aor: str,
        contact: str,
        expires_at: float,
        call_id: str,
        cseq: int,
        q: float = 1.0,
        contact_parameters: str = "",
        instance_id: str = "",
        reg_id: int = 0,
        is_outbound: bool = False,
        flow: Flow | None = None,
        transport: str = "udp",
        received_from: str = "",
        received_on: str = "",
        path: tuple[str, ...] = (),
        user_agent: str = "",
        methods: str = "",
        registered_by: str = "",
        created_at: float = 0.0,
        refreshed_at: float = 0.0,
    ) -> None:
        self.id = id
        self.user_id = user_id
        self.aor = aor
        self.contact = contact
        self.expires_at = expires_at
        self.call_id = call_id
        self.cseq = cseq
        self.q = q
        self.contact_parameters = contact_parameters
        self.instance_id = instance_id
        self.reg_id = reg_id
        self.is_outbound = is_outbound
        self.flow = flow
        self.transport = transport
        self.received_from = received_from
        self.received_on = received_on
        self.path = path
        self.user_agent = user_agent
        self.methods = methods
        self.registered_by = registered_by
        self.created_at = created_at
        self.refreshed_at = refreshed_at

    @property
    def is_static(self) -> bool:
        """Whether an administrator has set it, and no REGISTER (§10.1)."""
        return self.expires_at == FOR_EVER

    @property
    def uri(self) -> Uri:
        """The contact as a URI; parsed URIs are cached and shared."""
        return Uri.parse(self.contact)

    @property
    def preference(self) -> tuple[float, float]:
        """Sort key: highest q first (§16.6), of equal q the one heard of last."""
        return (-self.q, -self.refreshed_at)

    def __repr__(self) -> str:
        return f"<Binding {self.aor} at {self.contact}>"


class AddressOfRecord:
    """The bindings of one canonical address-of-record.

    ``bindings`` is what the registrar has decided, ``committed`` what is stored and thus visible to look-ups (§10.3
    step 7). Both lists are replaced, never edited, so either can be kept as it was.
    """

    __slots__ = ("aor", "bindings", "committed", "due_at", "generation", "pending", "user_id")

    def __init__(self, aor: str, bindings: list[Binding] | None = None, *, user_id: int = 0) -> None:
        self.aor = aor
        self.user_id = user_id
        self.bindings = bindings or []
        self.committed = self.bindings
        self.pending = 0  # changes decided and not yet stored
        self.generation = 0  # changes with each roll-back
        self.due_at = float("inf")  # when the expiry sweep looks at it next

    def live(self, now: float) -> list[Binding]:
        """Decided bindings that have not expired, whether or not the sweep has passed (§10.3 step 8)."""
        bindings = self.bindings
        for binding in bindings:
            if binding.expires_at <= now:
                return [binding for binding in bindings if binding.expires_at > now]
        return bindings


class BindingChanges:
    """What one REGISTER does to one address-of-record: ``updated`` and ``added`` hold the new bindings."""

    __slots__ = ("added", "aor", "generation", "removed", "updated")

    def __init__(
        self,
        aor: str,
        added: list[Binding] | None = None,
        updated: list[Binding] | None = None,
        removed: list[Binding] | None = None,
        *,
        generation: int = 0,
    ) -> None:
        self.aor = aor
        self.added = added or []
        self.updated = updated or []
        self.removed = removed or []
        self.generation = generation

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)

    def applied_to(self, bindings: Iterable[Binding]) -> list[Binding]:
        """A new list with these changes; bindings are the same when their ids are."""
        if self.updated or self.removed:
            new = {binding.id: binding for binding in self.updated}
            gone = {binding.id for binding in self.removed}
            result = [new.get(binding.id, binding) for binding in bindings if binding.id not in gone]
        else:
            result = list(bindings)
        result += self.added
        return result


class LocationService(Protocol):
    """The abstract service of §6 between registrar and proxy."""

    def lookup(self, aor: str, now: float) -> list[Binding]:
        """Live bindings of a canonical address-of-record, highest q first; empty when there is none."""


class MemoryLocation:
    """Location service without a store, for tests and tools."""

    def __init__(self, bindings: Iterable[Binding] = ()) -> None:
        self._records: dict[str, AddressOfRecord] = {}
        for binding in bindings:
            record = self.record(binding.aor)
            record.bindings = record.committed = [*record.bindings, binding]

    def record(self, aor: str) -> AddressOfRecord:
        return self._records.setdefault(aor, AddressOfRecord(aor))

    def lookup(self, aor: str, now: float) -> list[Binding]:
        record = self._records.get(aor)
        return live_by_preference(record.committed, now) if record else []


def live_by_preference(bindings: list[Binding], now: float) -> list[Binding]:
    """A new list of those that have not expired, highest q first."""
    live = [binding for binding in bindings if binding.expires_at > now]
    if len(live) > 1:
        live.sort(key=by_preference)
    return live


def instance_key(instance_id: str) -> str:
    """For comparison: a UUID is the same in capitals (RFC 4122 §3), other names are compared as they are."""
    lowered = instance_id.lower()
    return lowered if lowered.startswith("<urn:uuid:") else instance_id
