"""What a user can arrange for calls to him, and how the addresses are written. Pure."""

from __future__ import annotations

from sip.message.errors import BadMessage
from sip.message.uri import Uri

TARGETS = ("forward_always", "forward_busy", "forward_no_answer")
FORWARDING = ("do_not_disturb", *TARGETS)
LONGEST_TARGET = 256  # characters, as for policies
MOST_FORWARDS = 5  # users who forward to each other; a longer chain is refused at once, as the proxy refuses it


def forward_target(text: str, username: str, domain: str) -> str:
    """SIP URI of an address as people write it: carol, carol@example.org, +15550100 or sip:desk@other.example.

    Empty stays empty. ValueError says what is wrong and what would be right.
    """
    text = text.strip()
    if not text:
        return ""
    has_scheme = text.lower().startswith(("sip:", "sips:"))
    uri_text = text if has_scheme else f"sip:{text if '@' in text else f'{text}@{domain}'}"
    if len(uri_text) > LONGEST_TARGET:
        raise ValueError(f"is longer than {LONGEST_TARGET} characters")
    is_strange = any(character in ' <>"?' or not character.isprintable() for character in uri_text)
    if is_strange or (not has_scheme and any(character in ":/;," for character in text)):
        raise ValueError(
            f"{text!r} is no address to forward to; use carol, carol@example.org or sip:desk@other.example"
        )
    try:
        uri = Uri.parse(uri_text)
    except BadMessage as error:
        raise ValueError(f"{text!r} is no address to forward to: {error.reason}") from None
    if uri.host == domain and uri.username == username:
        raise ValueError("nobody can forward calls to himself")
    return uri_text


def in_words(do_not_disturb: bool, always: str, busy: str) -> str:
    """What happens to calls before any phone rings, for the head of the user's page; empty when they ring."""
    if always:
        return f"all calls are forwarded to {always}"
    if do_not_disturb:
        return f"do not disturb: callers {f'are sent to {busy}' if busy else 'get 480'}"
    return ""
