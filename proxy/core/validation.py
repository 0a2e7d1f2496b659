"""Request validation before a request is proxied (§16.3). Each check returns a refusal, or None when it is passed.

Syntax (step 1) is checked by the message layer as far as anybody reads it; what nobody reads is passed on as it came.
"""

from __future__ import annotations

from proxy.core.facts import Refuse
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
