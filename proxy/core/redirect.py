"""The redirect server: bindings to a 3xx response (§8.3, §21.3)."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.choices import REDIRECT_301
from proxy.core.explain import Step, Steps, number
from proxy.core.facts import BindingFacts, Refuse
from proxy.core.reach import why_useless
from sip.message.errors import BadMessage
from sip.message.params import printable
from sip.message.status import reason_phrase
from sip.message.uri import Uri


class Redirect:
    """A redirection: status 300, 301 or 302, and the Contact values to go with it."""

    __slots__ = ("contacts", "sentence", "status")

    def __init__(self, status: int, contacts: list[str], sentence: str) -> None:
        self.status = status
        self.contacts = contacts
        self.sentence = sentence

    @property
    def reason(self) -> str:
        return reason_phrase(self.status)

    @property
    def fields(self) -> list[tuple[str, str]]:
        return [("Contact", contact) for contact in self.contacts]


def contact_value(binding: BindingFacts, now: float) -> str:
    """Contact with q and the seconds it stays valid (§8.3)."""
    remaining = max(1, int(binding.expires_at - now))
    return f"<{binding.contact}>;q={binding.q:.3g};expires={remaining}"


def redirect(
    action: str,
    name: str,
    request_uri: Uri,
    bindings: Sequence[BindingFacts],
    now: float,
    steps: Steps,
    caller: str = "",
) -> Redirect | Refuse | None:
    """Where the caller should try instead. ``bindings`` are live, highest q first; ``action`` is the policy's word.

    ``caller`` is the address his request came from. None when there are contacts, but none that he could use.
    """
    contacts: list[str] = []
    given: list[Uri] = []
    was_itself = is_useless = False
    for binding in bindings:
        try:
            uri = binding.uri
        except BadMessage:
            continue
        shown = printable(uri.text, 80)
        if uri.equals(request_uri):
            was_itself = True
            steps.append(Step(f"{shown} is the very address that was called: left out", "D02", "8.3"))
        elif request_uri.scheme == "sips" and uri.scheme == "sip":
            steps.append(Step(f"{shown} is not secure, and the caller asked for sips: left out", "D09", "26.4.4"))
        elif why := why_useless(binding, uri, caller):
            is_useless = True
            steps.append(Step(f"{shown} {why}: left out", "D06", "8.3"))
        elif any(uri.equals(other) for other in given):
            steps.append(Step(f"{shown} is there already: left out", "P06", "16.5"))
        else:
            given.append(uri)
            contacts.append(contact_value(binding, now))
    if not contacts:
        if is_useless:
            return None
        if was_itself:
            return Refuse(404, "Not Found", f"{name} is registered only at the very address that was called: 404")
        return Refuse(480, "Temporarily Unavailable", f"{name} has no usable registered phone: 480")
    status = 301 if action == REDIRECT_301 else 302 if len(contacts) == 1 else 300
    steps.append(Step(f"The caller is sent to {number(len(contacts), 'contact')}", "D03", "8.3"))
    whither = "contact" if len(contacts) == 1 else f"{len(contacts)} contacts"
    return Redirect(status, contacts, f"The caller was sent to {name}'s {whither} ({status})")
