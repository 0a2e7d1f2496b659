"""Policy names: the same words in CSV, API, commands and database."""

from __future__ import annotations

import re
from typing import NamedTuple

INHERIT = "inherit"
PROXY = "proxy"
PROXY_PARALLEL = "proxy-parallel"
PROXY_SEQUENTIAL = "proxy-sequential"
REDIRECT = "redirect"
REDIRECT_301 = "redirect-301"
FORWARD = "forward"
REFUSE = "refuse"
REJECT = "reject"  # what routing rules call it

# Whose messages are stored for users who are away (registrar.choices.STORE_MESSAGES).
NOBODY = "no"
USERS = "from-users"
ANYBODY = "from-anybody"

PLAIN = (INHERIT, PROXY, PROXY_PARALLEL, PROXY_SEQUENTIAL, REDIRECT, REDIRECT_301)
LABELS = {
    INHERIT: "inherit",
    PROXY: "proxy: highest q first, equal q together",
    PROXY_PARALLEL: "proxy: all contacts at once",
    PROXY_SEQUENTIAL: "proxy: one contact after another",
    REDIRECT: "redirect: 302 for one contact, 300 for several",
    REDIRECT_301: "redirect: 301, moved permanently",
    FORWARD: "forward to another URI",
    REFUSE: "refuse with a status code",
}


# What routing rules do, and how they ring.
RULE_ACTIONS = {
    PROXY: "ring the targets, or the user's phones",
    FORWARD: "forward to one address, by its own policy",
    REDIRECT: "redirect to the targets, or to the user's phones",
    REJECT: "reject with a status code",
}
BY_Q = "by-q"
PARALLEL = "parallel"
SERIAL = "serial"
RULE_FORKS = {BY_Q: "highest q first, equal q together", PARALLEL: "all at once", SERIAL: "one after another"}


class Policy(NamedTuple):
    """A parsed policy. ``argument`` is the URI of ``forward`` or the code of ``refuse``, else empty."""

    action: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.action}:{self.argument}" if self.argument else self.action


def parse_policy(text: str) -> Policy:
    """Policy from its written form; ValueError says what is wrong and what would be right."""
    text = text.strip()
    if text in PLAIN:
        return Policy(text)
    action, colon, argument = text.partition(":")
    argument = argument.strip()
    if action == FORWARD and colon:
        if not re.fullmatch(r"sips?:[^\s<>\"]{1,250}", argument, re.IGNORECASE):
            raise ValueError(f"forward needs a SIP URI, such as forward:sip:desk@example.org, not {argument!r}")
        return Policy(FORWARD, argument)
    if action == REFUSE and colon:
        # §21.4 to §21.6: only final failures refuse.
        if not re.fullmatch(r"[456]\d\d", argument):
            raise ValueError(f"refuse needs a status code from 400 to 699, such as refuse:486, not {argument!r}")
        return Policy(REFUSE, argument)
    raise ValueError(f"{text!r} is not a policy; use {', '.join(PLAIN)}, forward:URI or refuse:CODE")
