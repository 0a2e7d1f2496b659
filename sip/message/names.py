"""Header field names: compact forms and printed forms (§7.3.1, §7.3.3, §20)."""

from __future__ import annotations

from sip.message.errors import BadMessage
from sip.message.params import is_token, printable

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

_USUAL = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Alert-Info",
    "Allow",
    "Allow-Events",
    "Authentication-Info",
    "Authorization",
    "Call-ID",
    "Call-Info",
    "Contact",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Error-Info",
    "Event",
    "Expires",
    "From",
    "Identity",
    "In-Reply-To",
    "Max-Breadth",
    "Max-Forwards",
    "Min-Expires",
    "Min-SE",
    "MIME-Version",
    "Organization",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Path",
    "Priority",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Require",
    "RAck",
    "Reason",
    "Record-Route",
    "Refer-To",
    "Referred-By",
    "Remote-Party-ID",
    "Reply-To",
    "Require",
    "Retry-After",
    "Route",
    "RSeq",
    "Server",
    "Service-Route",
    "Session-Expires",
    "SIP-ETag",
    "SIP-If-Match",
    "Subject",
    "Subscription-State",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "Warning",
    "WWW-Authenticate",
]

PRINTED = {name.lower(): name for name in _USUAL}

# Spelling on the wire -> lower-case long name, for the spellings that nearly every message uses.
SPELLINGS: dict[str, str] = {}
for _name in _USUAL:
    SPELLINGS[_name] = SPELLINGS[_name.lower()] = SPELLINGS[_name.upper()] = _name.lower()
for _letter, _long in COMPACT.items():
    SPELLINGS[_letter] = SPELLINGS[_letter.upper()] = _long
SPELLINGS["Call-Id"] = "call-id"
SPELLINGS["Cseq"] = "cseq"


def canonical_name(spelling: str) -> str:
    """Lower-case long name of a spelling not in SPELLINGS; white space may precede the colon (§7.3.1)."""
    name = spelling.rstrip(" \t")
    if not is_token(name):
        raise BadMessage(f"Malformed header field name {printable(name)}")
    name = name.lower()
    return SPELLINGS.get(name, name)
