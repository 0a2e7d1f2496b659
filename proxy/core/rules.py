"""Routing rules: which one is for a request, in bounded time, and what it asks for. Pure.

Patterns know one special character, ``*``: no pattern can make a request slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from proxy.choices import (
    BY_Q,
    FORWARD,
    PARALLEL,
    PROXY,
    PROXY_PARALLEL,
    PROXY_SEQUENTIAL,
    REDIRECT,
    REFUSE,
    REJECT,
    SERIAL,
    Policy,
)
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import parse_q

MOST_RULES = 500  # in force at once: a request that matches none looks at each: 60 to 170 us (bench)
MOST_STARS = 8  # in one pattern
MOST_TARGETS = 10
LONGEST_PATTERN = 256
LONGEST_TARGET = 400

FORKS = {BY_Q: PROXY, PARALLEL: PROXY_PARALLEL, SERIAL: PROXY_SEQUENTIAL}

Network = IPv4Network | IPv6Network


class Pattern:
    """A text with ``*`` for any characters, none included. ``matches`` takes time in proportion to the text."""

    __slots__ = ("_end", "_middle", "_start", "text")

    def __init__(self, text: str) -> None:
        """ValueError says what is wrong with the text."""
        if len(text) > LONGEST_PATTERN:
            raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
        if text.count("*") > MOST_STARS:
            raise ValueError(f"has more than {MOST_STARS} stars")
        if any(character.isspace() or not character.isprintable() for character in text):
            raise ValueError("holds white space")
        self.text = text
        self._start, *rest = text.split("*")
        self._end = rest[-1] if rest else None
        self._middle = tuple(part for part in rest[:-1] if part)

    def matches(self, text: str) -> bool:
        if self._end is None:
            return text == self._start
        if len(text) < len(self._start) + len(self._end):
            return False
        if not (text.startswith(self._start) and text.endswith(self._end)):
            return False
        position, end = len(self._start), len(text) - len(self._end)
        for part in self._middle:  # the first place is as good as any later one
            position = text.find(part, position, end)
            if position < 0:
                return False
            position += len(part)
        return True

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


class RuleTarget:
    """Where a rule leads: one contact, as the target set sees it (``proxy.core.facts.BindingFacts``)."""

    __slots__ = ("contact", "q", "uri")

    user_id = 0
    aor = ""
    created_at = refreshed_at = 0.0
    expires_at = float("inf")
    path: Sequence[str] = ()
    flow = None
    reg_id = 0
    instance_id = ""
    is_outbound = False
    user_agent = ""
    contact_parameters = ""

    def __init__(self, text: str) -> None:
        """``text``: a SIP URI, or one in <> with ``;q=``. ValueError says what is wrong."""
        if len(text) > LONGEST_TARGET:
            raise ValueError(f"is longer than {LONGEST_TARGET} characters")
        try:
            address = Address.parse(text if "<" in text else f"<{text.strip()}>")
            self.uri = address.uri.without_headers_and_method()
            self.q = parse_q(address.params.get("q"))
        except BadMessage as error:
            raise ValueError(f"is no SIP URI: {error.reason}") from None
        if not self.uri.is_sip:
            raise ValueError("is no SIP URI, such as sip:desk@example.org")
        self.contact = self.uri.text

    def __repr__(self) -> str:
        return f"<{self.contact}>"


class Match(NamedTuple):
    """What a rule looks at; what is empty or None matches everything. ``domain_id`` is the called user's domain."""

    domain_id: int | None = None
    user: Pattern | None = None
    methods: frozenset[str] = frozenset()
    source: Network | None = None
    caller: Pattern | None = None


class Rule:
    """One rule in force. ``name`` is for people: ``20 'night'``."""

    __slots__ = ("id", "match", "name", "own_targets", "policy", "priority", "targets")

    def __init__(
        self, id: int, priority: int, name: str, match: Match, policy: Policy, targets: Sequence[RuleTarget] = ()
    ) -> None:
        self.id = id
        self.priority = priority
        self.name = name
        self.match = match
        self.policy = policy
        self.targets = tuple(sorted(targets, key=lambda target: -target.q))
        self.own_targets = frozenset(target.uri.aor() for target in targets)

    @property
    def is_final(self) -> bool:
        """Whether it says itself what becomes of the request, so that it needs no user and asks none."""
        return bool(self.targets) or self.policy.action == REFUSE

    def is_for(self, asked: Asked) -> bool:
        match = self.match
        return (
            (match.user is None or match.user.matches(asked.user))
            and (not match.methods or asked.method in match.methods)
            and (match.caller is None or match.caller.matches(asked.caller))
            and (match.source is None or address_of(asked.source) in match.source)
            # Where it leads is not led on: "everybody to the desk" lets the desk ring.
            and self.own_targets.isdisjoint((asked.aor, asked.dialled))
        )

    def __repr__(self) -> str:
        return f"<rule {self.name}>"


class Asked(NamedTuple):
    """A request as rules see it: the user part that was dialled, that with its host as an address-of-record, the one
    it means (an alias has another), the method, the caller's ``user@host``, and the numeric address it came from."""

    user: str
    dialled: str
    aor: str
    method: str
    caller: str
    source: str


class RuleBook:
    """All rules in force. Never changed; a new one takes its place."""

    __slots__ = ("_any", "_by_domain", "rules")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: (rule.priority, rule.id)))[:MOST_RULES]
        self._any = tuple(rule for rule in self.rules if rule.match.domain_id is None)
        domains = {rule.match.domain_id for rule in self.rules if rule.match.domain_id is not None}
        self._by_domain = {
            domain_id: tuple(rule for rule in self.rules if rule.match.domain_id in (None, domain_id))
            for domain_id in domains
        }

    def __len__(self) -> int:
        return len(self.rules)

    def find(self, domain_id: int, asked: Asked) -> Rule | None:
        """The first rule that is for this request."""
        for rule in self._by_domain.get(domain_id, self._any):
            if rule.is_for(asked):
                return rule
        return None


@lru_cache(4096)
def address_of(text: str) -> IPv4Address | IPv6Address:
    """A numeric address, with or without a zone; an IPv4 address in IPv6 clothes is taken as what it is."""
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def policy_of(action: str, fork: str, reject_code: int | None, targets: Sequence[RuleTarget]) -> Policy:
    """The policy that a rule stands for; ValueError says what is missing."""
    if action == REJECT:
        if reject_code is None or not 400 <= reject_code <= 699:
            raise ValueError("reject_code: a rule that rejects needs a status code from 400 to 699")
        return Policy(REFUSE, str(reject_code))
    if action == FORWARD:
        if len(targets) != 1:
            raise ValueError("targets: a rule that forwards needs one target")
        return Policy(FORWARD, targets[0].contact)
    if action == REDIRECT:
        return Policy(REDIRECT)
    if action == PROXY and fork in FORKS:
        return Policy(FORKS[fork])
    raise ValueError(f"action: {action!r} with fork {fork!r} is no action of a rule")


def parse_methods(text: str) -> frozenset[str]:
    """Methods from ``INVITE, MESSAGE``; ValueError for what is no method."""
    words = text.replace(",", " ").split()
    wrong = [word for word in words if not (word.isascii() and word.replace("-", "").replace(".", "").isalnum())]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no method; use names such as INVITE, separated by commas")
    return frozenset(words)


def parse_network(text: str) -> Network | None:
    """Network from ``192.0.2.0/24``; None for no text; ValueError says what would be right."""
    if not text.strip():
        return None
    try:
        return ip_network(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no network, such as 192.0.2.0/24 or 2001:db8::/32") from None
