"""What would happen to a request, now and after an edit that nobody has saved: the engine's `simulate` command."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

from proxy.choices import INHERIT, parse_policy
from proxy.core.rules import RuleBook
from proxy.models import RoutingRule
from proxy.policy import PolicyAt, PolicySnapshot
from proxy.rule_rows import rule_of
from proxy.simulation.question import Question, Unanswerable
from proxy.simulation.rehearsal import Server, rehearse
from registrar.core import SUPPORTED
from registrar.directory import Directory, DomainEntry, UserEntry
from sip.gruu import Gruus
from sip.transport.flow import Flow

if TYPE_CHECKING:
    from sipadmin.engine.engine import Engine

DEFAULT_PORT = 5060
# What may be different for a user in a draft: no HA1, no name.
USER_SETTINGS = ("enabled", "do_not_disturb", "forward_always", "forward_busy", "forward_no_answer")


def simulate(engine: Engine, arguments: dict[str, Any]) -> dict[str, Any]:
    """Facts of ``rehearse``, ``is_banned`` when the source would not be heard at all at present, and with a draft in
    ``after`` what would be different. Unanswerable.

    ``arguments``: "from", "to", "method", "source" (address), "port", "protocol", "at" (ISO 8601, None for now) and
    "draft": {"rule": columns}, {"policy": {"user" or "domain", "policy", "ring_time"}}, {"user": {"aor", settings}},
    or None. The web side has checked them; what is wrong all the same is refused with a sentence.
    """
    server = Server(
        engine.endpoint,
        engine.location,
        engine.clock.wall,
        engine.config.route_secret,
        engine.config.trunks,
        sorted(SUPPORTED),
        Gruus(engine.config.gruu_secret),
        engine.messages.kept,
    )
    at = engine.endpoint.now()
    if arguments.get("at"):
        at = engine.clock.loop(_moment(arguments["at"]))
    question = _question(arguments)
    facts = rehearse(server, engine.directory, engine.policies, question, at)
    source = Flow(question.protocol, ("", 0), (question.host, question.port))
    facts["is_banned"] = engine.guard.is_banned(source)
    draft = arguments.get("draft")
    if draft:
        policies, directory = _with_draft(engine.policies, engine.directory, draft)
        facts["after"] = rehearse(server, directory, policies, question, at)
    else:
        facts["after"] = None
    return facts


def _question(arguments: dict[str, Any]) -> Question:
    try:
        host = str(ip_address(arguments.get("source") or "127.0.0.1"))
    except ValueError:
        raise Unanswerable("The source is no address, such as 192.0.2.10.") from None
    return Question(
        arguments["from"],
        arguments["to"],
        arguments.get("method") or "INVITE",
        host,
        arguments.get("port") or DEFAULT_PORT,
        arguments.get("protocol") or "udp",
    )


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise Unanswerable("The time is none, such as 2030-01-31T18:00:00Z.") from None


class DraftDirectory:
    """The directory with one user as he would be (``proxy.core.facts.DirectoryFacts``)."""

    def __init__(self, directory: Directory, changed: UserEntry) -> None:
        self._directory = directory
        self._changed = changed

    def domain(self, host: str) -> DomainEntry | None:
        return self._directory.domain(host)

    def domains(self) -> Sequence[DomainEntry]:
        return self._directory.domains()

    def user(self, domain: DomainEntry, username: str) -> UserEntry | None:
        return self._swapped(self._directory.user(domain, username))

    def by_id(self, domain: DomainEntry, user_id: int) -> UserEntry | None:
        return self._swapped(self._directory.by_id(domain, user_id))

    def _swapped(self, user: UserEntry | None) -> UserEntry | None:
        return self._changed if user is not None and user.id == self._changed.id else user


def _with_draft(
    policies: PolicySnapshot, directory: Directory, draft: dict[str, Any]
) -> tuple[PolicySnapshot, Directory]:
    if "rule" in draft:
        return policies.with_rules(_draft_rules(policies.rules, draft["rule"])), directory
    if "policy" in draft:
        return _draft_policy(policies, directory, draft["policy"]), directory
    if "user" in draft:
        facts = draft["user"]
        user = copy.copy(_user(directory, facts["aor"]))
        for name in USER_SETTINGS:
            if name in facts:
                setattr(user, name, facts[name])
        return policies, cast(Directory, DraftDirectory(directory, user))
    raise Unanswerable("A draft is a rule, a policy or a user.")


def _draft_rules(rules: RuleBook, columns: dict[str, Any]) -> RuleBook:
    """``id`` names the rule that is changed, if one is; ``is_deleted`` takes it away."""
    others = [rule for rule in rules.rules if rule.id != columns.get("id")]
    if columns.get("is_deleted") or not columns.get("enabled", True):
        return RuleBook(others)
    known = {field.attname for field in RoutingRule._meta.concrete_fields}
    try:
        draft = rule_of(RoutingRule(**{name: value for name, value in columns.items() if name in known}))
    except ValueError as error:
        raise Unanswerable(f"The rule is none: {error}.") from None
    return RuleBook([*others, draft])


def _draft_policy(policies: PolicySnapshot, directory: Directory, facts: dict[str, Any]) -> PolicySnapshot:
    try:
        policy = None if facts["policy"] == INHERIT else parse_policy(facts["policy"])
    except ValueError as error:
        raise Unanswerable(f"The policy is none: {error}.") from None
    seconds = float(facts["ring_time"]) if facts.get("ring_time") else None
    if facts.get("user"):
        user = _user(directory, facts["user"])
        at = PolicyAt(policy, seconds, f"{user.username}@{user.domain.name}")
        return policies.with_policy(at, user_id=user.id)
    if facts.get("domain"):
        domain = directory.domain(facts["domain"].lower())
        if domain is None:
            raise Unanswerable(f"There is no domain {facts['domain']}.")
        return policies.with_policy(PolicyAt(policy, seconds, domain.name), domain_id=domain.id)
    return policies.with_policy(PolicyAt(policy, seconds, ""))


def _user(directory: Directory, aor: str) -> UserEntry:
    username, _, host = aor.removeprefix("sip:").rpartition("@")
    domain = directory.domain(host.lower())
    user = directory.user(domain, username) if domain is not None else None
    if user is None:
        raise Unanswerable(f"There is no user {aor}.")
    return user
