"""The decision record's first steps: whose request it is, who asks, and whether he may (§16.3 to §16.5, §22.3)."""

from __future__ import annotations

from proxy.core.facts import Recipient
from sip.decision import Step
from sip.message.params import printable
from sip.message.uri import Uri

JUDGED_BEFORE = Step("It came back to this server: the caller was judged when it came first", "P27", "16.3")
TRUSTED_SOURCE = Step("The source may use this server to reach others without a password", "P27", "22.3")


def stranger(host: str) -> Step:
    """The caller is from no domain of ours."""
    return Step(f"The caller is from {printable(host, 60)}, which is elsewhere: no password asked for", "", "22.3")


def unasked(domain: str) -> Step:
    return Step(f"{domain} asks its callers for no password", "", "22.3")


def proven(username: str, realm: str, algorithm: str) -> Step:
    """His credentials were right."""
    how = f"{algorithm or 'MD5'}, realm {printable(realm, 60)}"
    return Step(f"The caller is {printable(username)}: the password was right ({how})", "R05", "22.3")


def recipient_steps(recipient: Recipient) -> list[Step]:
    """Which domain and user the Request-URI names."""
    domain = recipient.domain.name
    steps = [Step(f"{domain} is a domain of this server", "P07", "16.5")]
    if recipient.rule is not None:
        name = printable(recipient.rule.name, 60)
        steps.append(Step(f"Routing rule {name} is for this request, whoever {recipient.name} is", "", "16.5"))
    elif recipient.user is not None:
        count = len(recipient.bindings)
        contacts = "no contact" if not count else "1 contact" if count == 1 else f"{count} contacts"
        steps.append(Step(f"{recipient.name} is a user of it with {contacts}", "P06", "16.5"))
    return steps


def elsewhere(uri: Uri) -> Step:
    return Step(f"{printable(uri.host, 60)} is not a domain of this server: passed on as it is", "P07", "16.5")
