"""Domains and users in memory: read through the ORM, asked for every request (architecture §1.7).

Reading (``load``, ``read``) blocks and belongs in a worker thread; what it returns is installed in the loop thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet

from registrar.entries import USER_COLUMNS, DomainEntry, UserEntry
from registrar.models import Alias, Domain, SipUser, StaticContact, ThirdPartyRule
from registrar.static_contacts import read_static_contacts

__all__ = ["Directory", "DomainEntry", "Dropped", "UserEntry"]


class Dropped(NamedTuple):
    """A user whose bindings have to go: deleted, disabled or renamed."""

    aor: str
    user_id: int


Install = Callable[[], list[Dropped]]


class Directory:
    """All domains, users and third-party rules."""

    def __init__(self) -> None:
        self._domains: dict[int, DomainEntry] = {}
        self._by_name: dict[str, DomainEntry] = {}
        self._users: dict[int, UserEntry] = {}
        self._by_aor: dict[str, UserEntry] = {}
        self._rules: dict[tuple[int, int], float] = {}

    # Asking

    def domain(self, host: str) -> DomainEntry | None:
        """The domain of that name or alias (lower case), enabled or not."""
        return self._by_name.get(host)

    def user(self, domain: DomainEntry, username: str) -> UserEntry | None:
        """The user of that name, or the one an alias leads to, enabled or not."""
        return domain.find(username)

    def by_id(self, domain: DomainEntry, user_id: int) -> UserEntry | None:
        """The user of that id, if he is in that domain."""
        user = self._users.get(user_id)
        return user if user is not None and user.domain is domain else None

    def by_aor(self, aor: str) -> UserEntry | None:
        """The user of a canonical address-of-record; aliases are resolved by ``user``."""
        return self._by_aor.get(aor)

    def domains(self) -> list[DomainEntry]:
        return list(self._domains.values())

    def may_register_for(self, actor: UserEntry, target: UserEntry, now_wall: float) -> bool:
        """Whether a rule lets ``actor`` register for ``target`` (§10.3 step 4); rules may end."""
        ends_at = self._rules.get((actor.id, target.id))
        return ends_at is not None and now_wall < ends_at

    @property
    def counts(self) -> dict[str, int]:
        return {"domains": len(self._domains), "users": len(self._users), "rules": len(self._rules)}

    # Reading

    def load(self) -> None:
        """Read everything and install it at once; for the start, before anybody asks."""
        self.read("all")()

    def read(self, kind: str, object_id: int | None = None) -> Install:
        """Read what a change notice names (sipadmin.changes); blocks.

        Returns a callable for the loop thread that installs it and gives the users whose bindings have to go.
        """
        if kind == "user" and object_id is not None:
            return self._read_user(object_id)
        if kind == "domain" and object_id is not None:
            return self._read_domain(object_id)
        if kind == "rule":
            rules = _rules()
            return lambda: self._install_rules(rules)
        if kind == "policy":
            return list
        return self._read_all()

    refresh = read  # as the engine knows it

    def _read_all(self) -> Install:
        fresh = Directory()
        for row in Domain.objects.prefetch_related("aliases"):
            fresh._add_domain(DomainEntry(row, [alias.name for alias in row.aliases.all()]))
        names = _alias_names(Alias.objects.all())
        contacts = read_static_contacts(StaticContact.objects.all())
        rows = SipUser.objects.order_by().values_list("domain_id", *USER_COLUMNS)
        for domain_id, *row in rows.iterator(chunk_size=5000):
            if domain_id in fresh._domains:  # it may have come after the first query
                user = UserEntry(fresh._domains[domain_id], tuple(row), names.get(row[0], ()), contacts.get(row[0], ()))
                fresh._add_user(user)
        fresh._rules = _rules()

        def install() -> list[Dropped]:
            before = list(self._users.values())
            self._domains, self._by_name = fresh._domains, fresh._by_name
            self._users, self._by_aor, self._rules = fresh._users, fresh._by_aor, fresh._rules
            return [Dropped(user.aor, user.id) for user in before if self._is_gone(user)]

        return install

    def _read_user(self, user_id: int) -> Install:
        return self.read_users([user_id])

    def read_users(self, user_ids: Sequence[int]) -> Install:
        """As ``read`` for each of some hundred users, in three queries."""
        columns = SipUser.objects.filter(pk__in=user_ids).values_list("domain_id", *USER_COLUMNS)
        rows = {row[1]: row for row in columns}
        names = _alias_names(Alias.objects.filter(user_id__in=user_ids))
        contacts = read_static_contacts(StaticContact.objects.filter(user_id__in=user_ids))

        def install() -> list[Dropped]:
            dropped = []
            for user_id in user_ids:
                before = self._remove_user(user_id)
                row = rows.get(user_id)
                domain = self._domains.get(row[0]) if row else None
                if row and domain is not None:  # a domain not known yet brings its users with its own notice
                    self._add_user(UserEntry(domain, row[1:], names.get(user_id, ()), contacts.get(user_id, ())))
                if before and self._is_gone(before):
                    dropped.append(Dropped(before.aor, user_id))
            return dropped

        return install

    def _read_domain(self, domain_id: int) -> Install:
        row = Domain.objects.filter(pk=domain_id).prefetch_related("aliases").first()
        known = self._domains.get(domain_id)
        needs_users = row is not None and (known is None or known.name != row.name.lower())
        users: list[tuple[Any, ...]] = []
        names: dict[int, tuple[str, ...]] = {}
        contacts: dict[int, tuple[dict[str, Any], ...]] = {}
        if needs_users:
            users = list(SipUser.objects.filter(domain_id=domain_id).values_list(*USER_COLUMNS))
            names = _alias_names(Alias.objects.filter(domain_id=domain_id))
            contacts = read_static_contacts(StaticContact.objects.filter(user__domain_id=domain_id))

        def install() -> list[Dropped]:
            entry = self._domains.get(domain_id)
            before: list[UserEntry] = []
            if entry is not None:
                if row is None or needs_users:
                    before = list(entry.users.values())
                    for user in before:
                        self._remove_user(user.id)
                self._remove_domain(entry)
            if row is not None:
                aliases = [alias.name for alias in row.aliases.all()]
                if entry is None:
                    entry = DomainEntry(row, aliases)
                else:
                    entry.take(row, aliases)
                self._add_domain(entry)
                for user_row in users:
                    user_id = user_row[0]
                    self._add_user(UserEntry(entry, user_row, names.get(user_id, ()), contacts.get(user_id, ())))
            return [Dropped(user.aor, user.id) for user in before if self._is_gone(user)]

        return install

    # Installing: in the loop thread only

    def _is_gone(self, before: UserEntry) -> bool:
        user = self._by_aor.get(before.aor)
        return user is None or user.id != before.id or not user.enabled

    def _install_rules(self, rules: dict[tuple[int, int], float]) -> list[Dropped]:
        self._rules = rules
        return []

    def _add_domain(self, entry: DomainEntry) -> None:
        self._domains[entry.id] = entry
        for name in entry.names:
            # Should two rows claim one name, a domain's own name wins over an alias.
            if name == entry.name or name not in self._by_name:
                self._by_name[name] = entry

    def _remove_domain(self, entry: DomainEntry) -> None:
        del self._domains[entry.id]
        for name in [name for name, owner in self._by_name.items() if owner is entry]:
            del self._by_name[name]

    def _add_user(self, user: UserEntry) -> None:
        self._users[user.id] = user
        self._by_aor[user.aor] = user
        user.domain.add(user)

    def _remove_user(self, user_id: int) -> UserEntry | None:
        user = self._users.pop(user_id, None)
        if user is not None:
            if self._by_aor.get(user.aor) is user:
                del self._by_aor[user.aor]
            user.domain.remove(user)
        return user


def _alias_names(aliases: QuerySet[Alias]) -> dict[int, tuple[str, ...]]:
    names: dict[int, tuple[str, ...]] = {}
    for user_id, name in aliases.order_by().values_list("user_id", "name").iterator(chunk_size=5000):
        names[user_id] = (*names.get(user_id, ()), name)
    return names


def _rules() -> dict[tuple[int, int], float]:
    rows = ThirdPartyRule.objects.order_by().values_list("actor_id", "target_id", "ends_at")
    return {(actor, target): ends_at.timestamp() if ends_at else float("inf") for actor, target, ends_at in rows}
