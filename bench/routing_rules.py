"""What routing rules cost a request: 500 rules of which none fits. Run: .venv/bin/python bench/routing_rules.py"""

from __future__ import annotations

import os
import sys
import timeit

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from proxy.choices import Policy
from proxy.core.rules import MOST_RULES, Asked, Match, Pattern, Rule, RuleBook, parse_network

ASKED = Asked("bob", "sip:bob@example.org", "sip:bob@example.org", "INVITE", "alice@example.org", "192.0.2.10")


def book(**match: object) -> RuleBook:
    return RuleBook(Rule(n, n, str(n), Match(**match), Policy("refuse", "486")) for n in range(MOST_RULES))


def main() -> None:
    for name, rules in {
        "no rules": RuleBook(),
        "user pattern": book(user=Pattern("0049*")),
        "caller pattern": book(caller=Pattern("*@*.example.net")),
        "source network": book(source=parse_network("198.51.100.0/24")),
        "three stars that almost fit": book(user=Pattern("b*o*b*x")),
    }.items():
        count = 200
        seconds = timeit.timeit(lambda rules=rules: rules.find(1, ASKED), number=count) / count
        print(f"{name:30} {seconds * 1e6:8.1f} us a request")


main()
