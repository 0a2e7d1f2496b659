"""What the proxy's decisions are made from, and who supplies it: plain values and protocols, nothing that acts."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple, Protocol

from proxy.choices import PROXY, Policy
from proxy.core.rules import Rule, RuleBook
from sip.message.uri import Uri

DEFAULT_RING_TIME = 30.0  # seconds a group of phones may ring when nobody has said otherwise
INITIAL_BREADTH = 60  # Max-Breadth of a request that has none (RFC 5393 §5.3.3), and the most that is taken from one


# What a redirected caller may learn.
CONTACTS = "contacts"
ADDRESSES = "addresses"


class DomainFacts(Protocol):
    """A domain this server is responsible for (``registrar.directory.DomainEntry``)."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def realm(self) -> str: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def auth_call(self) -> bool: ...
    @property
    def strangers_may_call(self) -> bool: ...
    @property
    def store_messages(self) -> str: ...
    @property
    def stored_messages_per_user(self) -> int: ...
    @property
    def stored_message_days(self) -> int: ...
    @property
    def stored_message_size(self) -> int: ...
    @property
    def stored_message_skip(self) -> str: ...
    @property
    def digest_offer(self) -> Sequence[str]: ...
    @property
    def keep_ringing(self) -> bool: ...
    @property
    def wait_for_group(self) -> bool: ...
    @property
    def late_joiners(self) -> bool: ...
    @property
    def follow_redirects(self) -> int: ...
    @property
    def followed_domains(self) -> Container[str]: ...
    @property
    def redirect_reveals(self) -> str: ...
    @property
    def redirected_methods(self) -> Container[str]: ...
    @property
    def contact_action(self) -> bool: ...


class UserFacts(Protocol):
    """A user of such a domain (``registrar.directory.UserEntry``)."""

    @property
    def id(self) -> int: ...
    @property
    def username(self) -> str: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def aor(self) -> str: ...
    @property
    def do_not_disturb(self) -> bool: ...
    @property
    def forward_always(self) -> str: ...
    @property
    def forward_busy(self) -> str: ...
    @property
    def forward_no_answer(self) -> str: ...
    def ha1(self, algorithm: str) -> str | None: ...


class DirectoryFacts(Protocol):
    """Domains and users in memory (``registrar.directory.Directory``)."""

    def domain(self, host: str) -> DomainFacts | None: ...
    def domains(self) -> Sequence[DomainFacts]: ...
    def user(self, domain: Any, username: str) -> UserFacts | None: ...
    def by_id(self, domain: Any, user_id: int) -> UserFacts | None: ...


class FlowFacts(Protocol):
    """The network path a REGISTER came over (``sip.transport.flow.Flow``)."""

    @property
    def is_reliable(self) -> bool: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def remote(self) -> tuple[str, int]: ...


class BindingFacts(Protocol):
    """One live contact (``sip.location.Binding``). Times are loop clock floats."""

    @property
    def user_id(self) -> int: ...
    @property
    def id(self) -> int: ...
    @property
    def aor(self) -> str: ...
    @property
    def call_id(self) -> str: ...
    @property
    def created_at(self) -> float: ...
    @property
    def refreshed_at(self) -> float: ...
    @property
    def contact(self) -> str: ...
    @property
    def contact_parameters(self) -> str: ...
    @property
    def uri(self) -> Uri: ...
    @property
    def q(self) -> float: ...
    @property
    def expires_at(self) -> float: ...
    @property
    def path(self) -> Sequence[str]: ...
    @property
    def flow(self) -> FlowFacts | None: ...
    @property
    def reg_id(self) -> int: ...
    @property
    def instance_id(self) -> str: ...
    @property
    def is_outbound(self) -> bool: ...
    @property
    def user_agent(self) -> str: ...


class LocationFacts(Protocol):
    """The location service (``sip.location.LocationService``)."""

    def lookup(self, aor: str, now: float) -> Sequence[BindingFacts]: ...


class EffectivePolicy(NamedTuple):
    """A recipient's delivery policy and where it comes from. ``ring_time`` in seconds.

    ``origin`` is "rule", "user", "domain" or "server"; ``origin_name`` names that rule, user or domain, empty for the
    server. ``why`` says why the policy is another one for this request than what was set there.
    """

    policy: Policy
    ring_time: float
    origin: str
    origin_name: str
    why: str = ""

    @property
    def origin_text(self) -> str:
        return f"{self.origin} {self.origin_name}" if self.origin_name else "server default"


SERVER_DEFAULT = EffectivePolicy(Policy(PROXY), DEFAULT_RING_TIME, "server", "")


class PolicyFacts(Protocol):
    """Delivery policy and routing rules in memory (``proxy.policy.PolicySnapshot``)."""

    @property
    def rules(self) -> RuleBook: ...
    def effective(self, user_id: int | None, domain_id: int | None) -> EffectivePolicy: ...


class Target:
    """One element of the target set (§16.5).

    ``routes`` are Route values to push for it (RFC 3327 §5.4); ``flow`` is the live connection to send on, if any.
    ``is_flow_only``: nothing but that flow will do (RFC 5626 §5.3); without it the target has failed already.
    ``other_flow`` is the same phone on its next flow, to be tried when this one has failed (RFC 5626 §7).
    ``phone`` names the phone where it may have several flows. ``is_late`` is set for one that registered while the
    request was being forwarded. ``binding`` is what it was made from.
    """

    __slots__ = (
        "binding",
        "flow",
        "is_binding",
        "is_flow_only",
        "is_late",
        "other_flow",
        "phone",
        "q",
        "routes",
        "uri",
        "user_agent",
    )

    def __init__(
        self,
        uri: Uri,
        q: float = 1.0,
        routes: Sequence[str] = (),
        flow: FlowFacts | None = None,
        user_agent: str = "",
        is_binding: bool = False,
        is_flow_only: bool = False,
    ) -> None:
        self.uri = uri
        self.q = q
        self.routes = routes
        self.flow = flow
        self.user_agent = user_agent
        self.is_binding = is_binding
        self.is_flow_only = is_flow_only
        self.other_flow: Target | None = None
        self.phone = ""
        self.is_late = False
        self.binding: BindingFacts | None = None

    def __repr__(self) -> str:
        return f"<target {self.uri.text} q={self.q:g}>"


class Recipient(NamedTuple):
    """Whom a Request-URI of ours means. ``user`` is None when the domain knows nobody of that name; ``is_one_phone``:
    it asks for one phone of his and no other (RFC 5627 §5.1).

    ``rule`` is set where a routing rule says what becomes of the request, whoever the user is; its targets are the
    bindings then.
    """

    domain: DomainFacts
    user: UserFacts | None
    name: str
    policy: EffectivePolicy
    bindings: Sequence[BindingFacts]
    is_one_phone: bool = False
    rule: Rule | None = None


class Refuse:
    """A refusal of our own: final response, header fields that go with it, and one plain sentence why."""

    __slots__ = ("fields", "reason", "sentence", "status")

    def __init__(self, status: int, reason: str, sentence: str, fields: Sequence[tuple[str, str]] = ()) -> None:
        self.status = status
        self.reason = reason
        self.sentence = sentence
        self.fields = fields

    def __repr__(self) -> str:
        return f"<refuse {self.status} {self.reason}>"
