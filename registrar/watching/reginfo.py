"""Registration state as a document: application/reginfo+xml (RFC 3680 §5), with GRUUs (RFC 5628). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from xml.etree import ElementTree

from registrar.events import ContactEvent
from sip.location import Binding
from sip.message.errors import BadMessage
from sip.message.params import parse_params

CONTENT_TYPE = "application/reginfo+xml"
NAMESPACE = "urn:ietf:params:xml:ns:reginfo"
GRUU_NAMESPACE = "urn:ietf:params:xml:ns:gruuinfo"

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ENDING = frozenset({"expired", "deactivated", "unregistered", "rejected"})

GruusOf = Callable[[Binding], "list[tuple[str, str]]"]


def no_gruus(binding: Binding) -> list[tuple[str, str]]:
    """For registrars without RFC 5627."""
    return []


class ContactChange(NamedTuple):
    """One contact and what happened to it last."""

    binding: Binding
    event: ContactEvent

    @property
    def is_over(self) -> bool:
        return self.event in ENDING


def document(
    aor: str,
    registration_id: str,
    version: int,
    contacts: Iterable[ContactChange],
    now: float,
    *,
    is_full: bool,
    has_contacts: bool,
    gruus_of: GruusOf = no_gruus,
) -> bytes:
    """The document of one NOTIFY. ``version`` counts them; ``has_contacts`` tells whether any contact is left.

    A full document lists every contact there is, a partial one those that changed (§5.1). ``gruus_of`` gives the names
    ("pub-gruu", "temp-gruu") and URIs that a binding has by RFC 5627.
    """
    root = ElementTree.Element(
        "reginfo", {"xmlns": NAMESPACE, "version": str(version), "state": "full" if is_full else "partial"}
    )
    # §4.7.1: with its last contact a registration ends; a later look finds it waiting for a first one.
    state = "active" if has_contacts else "init" if is_full else "terminated"
    registration = ElementTree.SubElement(
        root, "registration", {"aor": _text(aor), "id": registration_id, "state": state}
    )
    for change in contacts:
        contact = _add_contact(registration, change, now)
        for name, uri in gruus_of(change.binding):
            _add_gruu(contact, name, uri, change.binding.cseq)
    body: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return body


def _add_contact(registration: ElementTree.Element, change: ContactChange, now: float) -> ElementTree.Element:
    binding = change.binding
    attributes = {
        "id": f"{binding.id:x}",
        "state": "terminated" if change.is_over else "active",
        "event": "created" if binding.is_static else change.event,  # §5.1: set by an administrator
        "duration-registered": str(max(0, int(now - binding.created_at))),
        "q": f"{binding.q:g}",
        "callid": _text(binding.call_id),
        "cseq": str(binding.cseq),
    }
    if not change.is_over and not binding.is_static:
        attributes["expires"] = str(max(0, int(binding.expires_at - now)))
    contact = ElementTree.SubElement(registration, "contact", attributes)
    ElementTree.SubElement(contact, "uri").text = _text(binding.contact)
    for name, value in _parameters(binding):
        ElementTree.SubElement(contact, "unknown-param", {"name": _text(name)}).text = _text(value or "")
    return contact


def _add_gruu(contact: ElementTree.Element, name: str, uri: str, cseq: int) -> None:
    # RFC 5628 §4: with a temporary one, from which CSeq on it has been valid.
    since = {"first-cseq": str(cseq)} if name == "temp-gruu" else {}
    ElementTree.SubElement(contact, name, {"xmlns": GRUU_NAMESPACE, "uri": _text(uri), **since})


def _parameters(binding: Binding) -> list[tuple[str, str | None]]:
    try:
        return list(parse_params(binding.contact_parameters).items()) if binding.contact_parameters else []
    except BadMessage:
        return []  # a row from elsewhere: the contact is still worth telling


def _text(text: str) -> str:
    """Text from the wire as XML 1.0 takes it (its §2.2): no controls, no halves of surrogate pairs."""
    if text.isascii() and text.isprintable():
        return text
    return _NOT_XML.sub("\ufffd", text)
