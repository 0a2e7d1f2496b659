"""Matching requests to server transactions and responses to client transactions (§17.1.3, §17.2.3)."""

from __future__ import annotations

from sip.message.messages import Request
from sip.message.via import MAGIC_COOKIE, Via

# Branch, sent-by, method; or for RFC 2543 the longer tuple that begins with an empty branch.
RequestKey = tuple[str | int, ...]


def request_key(request: Request, via: Via) -> RequestKey:
    """Key of the server transaction a request belongs to; an ACK has that of its INVITE (§17.2.3).

    ``via`` is the top Via as received, before received and rport were written.
    """
    method = request.method
    if method == "ACK":
        method = "INVITE"
    branch = via.params.get("branch") or ""
    # A cookie with nothing behind it identifies nothing: such a sender is matched as one of RFC 2543.
    if len(branch) > len(MAGIC_COOKIE) and via.has_magic_cookie:
        return (branch, via.sent_by, method)
    return (
        "",
        request.uri_text,
        request.from_tag,
        request.call_id,
        request.cseq.number,
        method,
        str(via),
        # The To tag of an ACK is that of the response, so it cannot be part of an INVITE's key: see matches_ack.
        "" if method == "INVITE" else request.to_tag,
    )


def is_rfc2543(key: RequestKey) -> bool:
    """Whether the key is one of a sender without magic cookie."""
    return key[0] == ""


def key_of_cancelled(cancel: Request, via: Via, method: str = "INVITE") -> RequestKey:
    """Key of the request that a CANCEL is for (§9.2): that of the CANCEL, with the other method."""
    key = request_key(cancel, via)
    if is_rfc2543(key):
        return (*key[:5], method, key[6], "" if method == "INVITE" else key[7])
    return (key[0], key[1], method)


def merge_key(request: Request) -> tuple[str, str, int, str]:
    """From tag, Call-ID and CSeq: the same in every copy of a forked request (§8.2.2.2)."""
    cseq = request.cseq
    return (request.from_tag, request.call_id, cseq.number, cseq.method)
