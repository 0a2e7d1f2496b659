"""Whom a Request-URI of ours means: the user, the bindings, and the policy in force for this request (§16.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.choices import FORWARD, PROXY, Policy
from proxy.core.facts import (
    BindingFacts,
    DirectoryFacts,
    DomainFacts,
    EffectivePolicy,
    LocationFacts,
    PolicyFacts,
    Recipient,
    Responsibility,
    UserFacts,
)
from proxy.core.wishes import as_wished
from proxy.instances import Instance, Instances
from sip.message.params import printable
from sip.message.uri import Uri
from sip.transaction.server import ServerTransaction


class Recipients:
    """Looks in memory only. ``policies`` gives the snapshot in force."""

    def __init__(
        self,
        directory: DirectoryFacts,
        location: LocationFacts,
        policies: Callable[[], PolicyFacts],
        responsibility: Responsibility,
        instances: Instances,
    ) -> None:
        self._directory = directory
        self._location = location
        self._policies = policies
        self._responsibility = responsibility
        self._instances = instances

    def find(self, transaction: ServerTransaction, uri: Uri, now: float) -> Recipient | None:
        """The recipient of a URI for this request; None when it is no user address of ours."""
        if uri.user is None:
            return None
        domain = self._responsibility.domain_of(uri)
        if domain is None:
            return None
        instance = self._instances.find(domain, uri, now)
        if instance is not None:
            return self._of_instance(transaction, domain, uri, instance)
        username = uri.username
        user = self._directory.user(domain, username)
        bindings = self._location.lookup(user.aor, now) if user is not None and user.enabled else ()
        policy = self._policy_for(transaction, domain, user, bindings)
        name = user.username if user is not None else printable(username)
        return Recipient(domain, user, name, policy, bindings)

    def _of_instance(
        self, transaction: ServerTransaction, domain: DomainFacts, uri: Uri, instance: Instance
    ) -> Recipient:
        """Who asks for one phone gets that phone or nobody (RFC 5627 §5.1): his forwarding is for his other callers."""
        user = instance.user
        effective = self._policy_for(transaction, domain, user, instance.bindings)
        if effective.policy.action == FORWARD:
            effective = effective._replace(policy=Policy(PROXY))
        name = user.username if user is not None else printable(uri.username)
        return Recipient(domain, user, name, effective, instance.bindings, is_one_phone=True)

    def _policy_for(
        self,
        transaction: ServerTransaction,
        domain: DomainFacts,
        user: UserFacts | None,
        bindings: Sequence[BindingFacts],
    ) -> EffectivePolicy:
        """The one place where a policy is chosen; what depends on the request and its source goes in here."""
        effective = self._policies().effective(user.id if user is not None else None, domain.id)
        return as_wished(effective, domain, transaction.request.method, bindings)
