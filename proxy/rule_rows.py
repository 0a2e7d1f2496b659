"""Routing rules as database rows: checked when saved, read into a rule book."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ValidationError

from proxy.choices import BY_Q, PROXY
from proxy.core.rules import (
    MOST_RULES,
    MOST_TARGETS,
    Match,
    Pattern,
    Rule,
    RuleBook,
    RuleTarget,
    parse_methods,
    parse_network,
    policy_of,
)
from proxy.models import RoutingRule

logger = logging.getLogger("proxy")


def load_rules() -> RuleBook:
    """The rules in force. Blocking. One that cannot be read must not stop the start: it is left out, and said."""
    rows = RoutingRule.objects.filter(enabled=True).order_by("priority", "id")[: MOST_RULES + 1]
    return rule_book(rows)


def rule_book(rows: Iterable[RoutingRule]) -> RuleBook:
    rules = []
    for row in rows:
        try:
            rules.append(rule_of(row))
        except ValueError as error:
            logger.error("routing rule %s is left out: %s", row, error)
    if len(rules) > MOST_RULES:
        logger.error("only the first %d routing rules are in force", MOST_RULES)
    return RuleBook(rules)


def rule_of(row: RoutingRule) -> Rule:
    """The rule of a row, saved or not; ValueError ``field: sentence`` when it is none."""
    match = Match(
        row.domain_id,
        parsed(row, "user_pattern", Pattern) if row.user_pattern else None,
        parsed(row, "method", parse_methods),
        parsed(row, "source_cidr", parse_network),
        parsed(row, "caller", Pattern) if row.caller else None,
    )
    targets = parsed(row, "targets", targets_of)
    return Rule(
        row.pk or 0, row.priority, row.name, match, policy_of(row.action, row.fork, row.reject_code, targets), targets
    )


def parsed(row: RoutingRule, field: str, parse: Callable[[Any], Any]) -> Any:
    try:
        return parse(getattr(row, field))
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


def targets_of(texts: Any) -> list[RuleTarget]:
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("is no list of SIP URIs")
    if len(texts) > MOST_TARGETS:
        raise ValueError(f"has more than {MOST_TARGETS} targets")
    found = []
    for text in texts:
        try:
            found.append(RuleTarget(text))
        except ValueError as error:
            raise ValueError(f"{text!r} {error}") from None
    return found


def check_rule(row: RoutingRule) -> None:
    """For ``clean``: ValidationError by field."""
    errors: dict[str, str] = {}
    for field, parse in (
        ("user_pattern", Pattern),
        ("method", parse_methods),
        ("source_cidr", parse_network),
        ("caller", Pattern),
        ("targets", targets_of),
    ):
        try:
            parse(getattr(row, field))
        except ValueError as error:
            errors[field] = str(error)
    if not errors and row.action:
        try:
            policy_of(row.action, row.fork, row.reject_code, targets_of(row.targets))
        except ValueError as error:
            field, _, sentence = str(error).partition(": ")
            errors[field] = sentence
    if row.action != PROXY and row.fork != BY_Q:
        errors["fork"] = "only a rule that rings has an order of ringing"
    others = RoutingRule.objects.filter(enabled=True).exclude(pk=row.pk)
    if row.enabled and others.count() >= MOST_RULES:
        errors["enabled"] = f"{MOST_RULES} rules are in force already, which is as many as there may be"
    if errors:
        raise ValidationError(errors)
