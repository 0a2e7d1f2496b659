"""Request validation before a request is proxied (§16.3). Each check returns a refusal, or None when it is passed.

Syntax (step 1) is checked by the message layer as far as anybody reads it; what nobody reads is passed on as it came.
"""

from __future__ import annotations

from proxy.core.facts import INITIAL_BREADTH, Refuse
from sip.message.errors import BadMessage
from sip.message.fields import parse_max_forwards
from sip.message.messages import Request
from sip.message.params import printable

PROXY_OPTIONS = frozenset[str]()  # option-tags that need a proxy's help and have it


def check_scheme(request: Request) -> Refuse | None:
    """§16.3 step 2: only sip and sips can be routed. BadMessage when the Request-URI is malformed."""
    scheme = request.uri.scheme
    if scheme in ("sip", "sips"):
        return None
    return Refuse(416, "Unsupported URI Scheme", f"The {printable(scheme)}: scheme cannot be called here: 416")


def check_max_forwards(request: Request) -> Refuse | None:
    """§16.3 step 3. BadMessage when the value is malformed."""
    text = request.first("max-forwards")
    if text is None or parse_max_forwards(text) > 0:
        return None
    return Refuse(483, "Too Many Hops", "The request had no hop left (Max-Forwards 0): 483")


def check_proxy_require(request: Request) -> Refuse | None:
    """§16.3 step 5: what is not understood is listed. Require is for the recipient alone."""
    if not request.has("proxy-require"):
        return None
    unknown = [tag for tag in request.values("proxy-require") if tag.lower() not in PROXY_OPTIONS]
    if not unknown:
        return None
    tags = ", ".join(unknown)
    sentence = f"The caller requires {printable(tags)} of every proxy, which this one does not know: 420"
    return Refuse(420, "Bad Extension", sentence, [("Unsupported", tags)])


def breadth_of(request: Request) -> int:
    """How many branches may be pending at a time, here and further on (RFC 5393 §5.3.3). BadMessage when malformed.

    Never more than the usual value: what a request may grow to is for us to say and not for its sender.
    """
    text = request.first("max-breadth")
    if text is None:
        return INITIAL_BREADTH
    if not (text.isascii() and text.isdigit()):
        raise BadMessage(f"Malformed Max-Breadth {printable(text)}", field="max-breadth")
    digits = text.lstrip("0")
    return INITIAL_BREADTH if len(digits) > 2 else min(int(digits or "0"), INITIAL_BREADTH)


def check_breadth(request: Request) -> Refuse | None:
    """RFC 5393 §5.3.3: without any breadth nothing may be forwarded."""
    if breadth_of(request) > 0:
        return None
    return Refuse(440, "Max-Breadth Exceeded", "The request had no breadth left to be forwarded (Max-Breadth 0): 440")
