"""Delivery policy in memory: user over domain over server, and where the effective one comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q

from proxy.choices import INHERIT, Policy, parse_policy
from proxy.core.facts import DEFAULT_RING_TIME, SERVER_DEFAULT, EffectivePolicy
from proxy.core.rules import RuleBook
from proxy.models import DeliveryPolicy
from proxy.rule_rows import load_rules

if TYPE_CHECKING:
    from registrar.models import SipUser

NO_RULES = RuleBook()

_COLUMNS = (
    "is_server",
    "domain_id",
    "domain__name",
    "user_id",
    "user__username",
    "user__domain__name",
    "policy",
    "ring_time",
)


class PolicyAt(NamedTuple):
    """What is set at one place. ``policy`` None and ``ring_time`` None inherit; ``name`` is the domain's or user's."""

    policy: Policy | None
    ring_time: float | None
    name: str


class PolicySnapshot:
    """All delivery policies at one moment. Never changed; a new one takes its place."""

    __slots__ = ("_by_domain", "_domains", "_server", "_server_at", "_users", "rules")

    def __init__(
        self,
        server: PolicyAt | None = None,
        domains: Mapping[int, PolicyAt] | None = None,
        users: Mapping[int, PolicyAt] | None = None,
        rules: RuleBook = NO_RULES,
    ) -> None:
        self.rules = rules
        self._server_at = server
        self._server = _below(server, SERVER_DEFAULT, "server")
        self._domains = domains or {}
        self._by_domain = {key: _below(at, self._server, "domain") for key, at in self._domains.items()}
        self._users = dict(users or {})

    def with_rules(self, rules: RuleBook) -> PolicySnapshot:
        """Another snapshot with these rules."""
        return PolicySnapshot(self._server_at, self._domains, self._users, rules)

    def with_policy(self, at: PolicyAt, *, user_id: int | None = None, domain_id: int | None = None) -> PolicySnapshot:
        """Another snapshot with this at one place: of a user, of a domain, or (neither) of the server."""
        if user_id is not None:
            return PolicySnapshot(self._server_at, self._domains, {**self._users, user_id: at}, self.rules)
        if domain_id is not None:
            return PolicySnapshot(self._server_at, {**self._domains, domain_id: at}, self._users, self.rules)
        return PolicySnapshot(at, self._domains, self._users, self.rules)

    def effective(self, user_id: int | None, domain_id: int | None) -> EffectivePolicy:
        """Policy for a user of a domain, for a domain (user None), or for the server (both None)."""
        inherited = self._server if domain_id is None else self._by_domain.get(domain_id, self._server)
        at = self._users.get(user_id) if user_id is not None else None
        return inherited if at is None else _below(at, inherited, "user")


def _below(at: PolicyAt | None, inherited: EffectivePolicy, origin: str) -> EffectivePolicy:
    if at is None:
        return inherited
    ring_time = inherited.ring_time if at.ring_time is None else at.ring_time
    if at.policy is None:
        return inherited._replace(ring_time=ring_time)
    return EffectivePolicy(at.policy, ring_time, origin, at.name)


def load_snapshot() -> PolicySnapshot:
    """All policies and rules from the database. Blocking."""
    return _snapshot(DeliveryPolicy.objects.values_list(*_COLUMNS), load_rules())


def load_part(where: Q) -> PolicySnapshot:
    """Only the rows that matter to some owners, besides the server's: a list of users in one query. Blocking."""
    return _snapshot(DeliveryPolicy.objects.filter(Q(is_server=True) | where).values_list(*_COLUMNS))


def effective_for(user: SipUser) -> EffectivePolicy:
    """Effective policy of one user, for pages and the API: the same rules, one query."""
    return load_part(Q(domain_id=user.domain_id) | Q(user_id=user.pk)).effective(user.pk, user.domain_id)


def _snapshot(
    rows: Iterable[tuple[bool, int | None, str, int | None, str, str, str, int | None]], rules: RuleBook = NO_RULES
) -> PolicySnapshot:
    server: PolicyAt | None = None
    domains: dict[int, PolicyAt] = {}
    users: dict[int, PolicyAt] = {}
    for is_server, domain_id, domain_name, user_id, username, user_domain, text, ring_time in rows:
        try:
            policy: Policy | None = None if text == INHERIT else parse_policy(text)
        except ValueError:
            policy = None  # a row from elsewhere must not stop the start
        seconds = float(ring_time) if ring_time else None
        if is_server:
            server = PolicyAt(policy, seconds, "")
        elif domain_id is not None:
            domains[domain_id] = PolicyAt(policy, seconds, domain_name)
        elif user_id is not None:
            users[user_id] = PolicyAt(policy, seconds, f"{username}@{user_domain}")
    return PolicySnapshot(server, domains, users, rules)


__all__ = [
    "DEFAULT_RING_TIME",
    "EffectivePolicy",
    "PolicyAt",
    "PolicySnapshot",
    "effective_for",
    "load_part",
    "load_snapshot",
]
