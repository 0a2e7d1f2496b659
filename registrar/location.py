"""The location service in memory; the journal keeps its copy in the database.

A change goes three ways: ``apply`` when it is decided, then ``commit`` when it is stored or ``roll_back`` when it
could not be. Between the two, later REGISTERs see what was decided and look-ups what is stored (§10.3 step 7).
"""

from __future__ import annotations

from random import getrandbits

from registrar.clock import Clock
from registrar.directory import Directory
from registrar.flows import StoredFlows
from registrar.rows import read_bindings
from sip.location import AddressOfRecord, Binding, BindingChanges, live_by_preference

_ID_BITS = 52  # fits the integers of JavaScript; a collision among a million bindings has a chance of 1e-4


class StoredLocation:
    """Bindings of all users, by canonical address-of-record. Used in the loop thread only, but for ``load``.

    ``flows`` gives stored bindings their flows back.
    """

    def __init__(self, directory: Directory, clock: Clock, flows: StoredFlows | None = None) -> None:
        self._flows = flows
        self._directory = directory
        self._clock = clock
        self._records: dict[str, AddressOfRecord] = {}
        self._due: dict[int, list[AddressOfRecord]] = {}  # second of the loop clock -> records to look at then
        self._swept_to = 0
        self._generation = 0
        self._count = 0

    # Asking

    def lookup(self, aor: str, now: float) -> list[Binding]:
        """Stored, live bindings and static contacts, highest q first; none of a user who is disabled or gone (R38)."""
        user = self._directory.by_aor(aor)
        if user is None or not user.is_active:
            return []
        record = self._records.get(aor)
        registered = record.committed if record is not None else []
        contacts = user.static_contacts
        return live_by_preference([*registered, *contacts] if contacts else registered, now)

    def find(self, binding_id: int, aor: str = "") -> tuple[AddressOfRecord, Binding] | None:
        """A decided binding by its id; without its address-of-record every record is looked at."""
        records = [self._records[aor]] if aor in self._records else self._records.values()
        for record in records:
            for binding in record.bindings:
                if binding.id == binding_id:
                    return record, binding
        return None

    def find_in(self, aor: str, binding_id: int) -> tuple[AddressOfRecord, Binding] | None:
        """A decided binding of that address-of-record; nobody else is looked at."""
        return self.find(binding_id, aor) if aor in self._records else None

    def all(self) -> list[Binding]:
        """Every decided binding."""
        return [binding for record in self._records.values() for binding in record.bindings]

    @property
    def counts(self) -> dict[str, int]:
        return {"records": len(self._records), "bindings": self._count}

    # Changing

    def record(self, aor: str, user_id: int) -> AddressOfRecord:
        """The record of a user; a new one is kept once something is applied to it."""
        record = self._records.get(aor)
        if record is None or record.user_id != user_id:
            record = AddressOfRecord(aor, user_id=user_id)
            record.generation = self._next_generation()
        return record

    def apply(self, record: AddressOfRecord, changes: BindingChanges) -> None:
        """Take over what the core decided. To be followed by ``commit`` or ``roll_back``."""
        for binding in changes.added:
            binding.id = getrandbits(_ID_BITS) or 1
        changes.generation = record.generation
        self._replace(record, changes.applied_to(record.bindings))
        record.pending += 1
        self._records[record.aor] = record
        for binding in changes.updated:
            if binding.expires_at < record.due_at:
                self._schedule(record, binding.expires_at)
        for binding in changes.added:
            if binding.expires_at < record.due_at:
                self._schedule(record, binding.expires_at)

    def commit(self, record: AddressOfRecord, changes: BindingChanges) -> None:
        """The changes are stored: now look-ups see them."""
        if changes.generation != record.generation:
            return
        record.pending -= 1
        record.committed = changes.applied_to(record.committed) if record.pending else record.bindings
        if not record.pending and not record.bindings:
            self._forget(record)

    def roll_back(self, record: AddressOfRecord, changes: BindingChanges) -> None:
        """The changes could not be stored, nor can what was decided on top of them: back to what is stored.

        The journal fails every change of the same generation, so each of their requests gets its 500.
        """
        if changes.generation != record.generation:
            return  # rolled back together with an earlier one
        self._replace(record, record.committed)
        record.pending = 0
        record.generation = self._next_generation()
        if record.bindings:
            self._schedule(record, min(binding.expires_at for binding in record.bindings))
        else:
            self._forget(record)

    def drop(self, aor: str, user_id: int) -> list[Binding]:
        """Forget a user who was deleted, disabled or renamed; gives the bindings that were there."""
        record = self._records.get(aor)
        if record is None or record.user_id != user_id:
            return []
        del self._records[aor]
        record.generation = self._next_generation()  # nothing in flight comes back to it
        bindings = record.bindings
        self._replace(record, [])
        record.committed = record.bindings
        return bindings

    def expire(self, now: float, most: int = 5000) -> list[Binding]:
        """Take out bindings that have expired, at most from ``most`` records a call; gives them."""
        expired: list[Binding] = []
        second = int(now)
        if not self._swept_to:
            self._swept_to = min(self._due, default=second)
        while self._swept_to < second and most > 0:
            if not self._due:
                self._swept_to = second
                break
            records = self._due.pop(self._swept_to, None)
            self._swept_to += 1
            for record in records or ():
                most -= 1
                # An entry for a moment that a shorter expiry once asked for, or a record that is gone, is passed over.
                if record.due_at < self._swept_to and self._records.get(record.aor) is record:
                    self._expire_record(record, now, expired)
        return expired

    def _expire_record(self, record: AddressOfRecord, now: float, expired: list[Binding]) -> None:
        record.due_at = float("inf")
        live = record.live(now)
        if live is not record.bindings:
            expired += [binding for binding in record.bindings if binding.expires_at <= now]
            self._replace(record, live)
        if not record.pending:
            record.committed = live
        if live:
            self._schedule(record, min(binding.expires_at for binding in live))
        elif not record.pending:
            self._forget(record)

    def _replace(self, record: AddressOfRecord, bindings: list[Binding]) -> None:
        self._count += len(bindings) - len(record.bindings)
        record.bindings = bindings

    def _schedule(self, record: AddressOfRecord, at: float) -> None:
        # One entry a record: a refresh moves the expiry away and leaves the entry, which then just looks again.
        record.due_at = at
        second = int(at)
        if second < self._swept_to:
            second = self._swept_to
        self._due.setdefault(second, []).append(record)

    def _forget(self, record: AddressOfRecord) -> None:
        if self._records.get(record.aor) is record:
            del self._records[record.aor]

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    # Loading

    def load(self) -> int:
        """Read what is stored; at the start, after the directory. Gives the number of bindings."""
        for binding in read_bindings(self._clock):
            if self._flows is not None and binding.transport == "udp":
                binding.flow = self._flows.datagrams(binding.received_on, binding.received_from)
            record = self._records.get(binding.aor)
            if record is None:
                record = self._records[binding.aor] = self.record(binding.aor, binding.user_id)
            record.bindings.append(binding)
            self._count += 1
        for record in self._records.values():
            self._schedule(record, min(binding.expires_at for binding in record.bindings))
        return self._count
