"""The redirect server: bindings to a 3xx response (§8.3, §21.3)."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.choices import REDIRECT_301
from proxy.core.explain import Step, Steps, number
from proxy.core.facts import ADDRESSES, CONTACTS, BindingFacts, Refuse
from proxy.core.reach import why_useless
from sip.gruu import public
from sip.location import FOR_EVER
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


def contact_value(binding: BindingFacts, uri_text: str, now: float) -> str:
    """Contact with q and, unless it stays for ever, the seconds it stays valid (§8.3)."""
    value = f"<{uri_text}>;q={binding.q:.3g}"
    return f"{value};expires={max(1, int(binding.expires_at - now))}" if binding.expires_at != FOR_EVER else value


def redirect(
    action: str,
    name: str,
    request_uri: Uri,
    bindings: Sequence[BindingFacts],
    now: float,
    steps: Steps,
    caller: str = "",
    reveals: str = CONTACTS,
) -> Redirect | Refuse | None:
    """Where the caller should try instead. ``bindings`` are live, highest q first; ``action`` is the policy's word.

    ``caller`` is the address his request came from; ``reveals`` what he may learn: contacts, or only addresses at this
    server. None when there are contacts, but none that he could use.
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
        if request_uri.scheme == "sips" and uri.scheme == "sip":
            steps.append(Step(f"{shown} is not secure, and the caller asked for sips: left out", "D09", "26.4.4"))
            continue
        if reveals == ADDRESSES:
            uri = _address_of(binding, uri, request_uri)
            steps.append(Step(f"{shown} is not revealed, but {printable(uri.text, 80)}", "D07", "8.3"))
            shown = printable(uri.text, 80)
            why = "would lead the caller here again" if _is_same(uri, request_uri) else ""
        else:
            was_called = _is_same(uri, request_uri)
            was_itself = was_itself or was_called
            why = "" if was_called else why_useless(binding, uri, caller)
        if why:
            is_useless = True
            steps.append(Step(f"{shown} {why}: left out", "D06", "8.3"))
        elif _is_same(uri, request_uri):
            steps.append(Step(f"{shown} is the very address that was called: left out", "D02", "8.3"))
        elif any(_is_same(uri, other) for other in given):
            steps.append(Step(f"{shown} is there already: left out", "P06", "16.5"))
        else:
            given.append(uri)
            contacts.append(contact_value(binding, uri.text if reveals == ADDRESSES else binding.contact, now))
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


def _address_of(binding: BindingFacts, uri: Uri, request_uri: Uri) -> Uri:
    """What may be known of a contact: the public GRUU of its phone (RFC 5627 §5.4), else the address-of-record."""
    has_gruu = binding.instance_id and uri.is_sip
    text = public(binding.aor, binding.instance_id) if has_gruu else binding.aor
    return Uri.parse(f"sips{text[3:]}" if request_uri.scheme == "sips" else text)


def _is_same(uri: Uri, other: Uri) -> bool:
    """§19.1.4, but a GRUU is not the address-of-record that it is made from."""
    return uri.equals(other) and uri.params.get("gr") == other.params.get("gr")
