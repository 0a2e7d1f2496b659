"""Bytes to messages (§7, §18.3, §25). The hot file: flat, and done with each line after one look."""

from __future__ import annotations

import re
from functools import lru_cache

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import CSeq, parse_cseq
from sip.message.limits import CACHED_CHARACTERS, MAX_FIELDS, MAX_LINE_CHARACTERS, MAX_MESSAGE_BYTES
from sip.message.messages import Message, Request, Response, top_via, value_of
from sip.message.names import PRINTED, SPELLINGS, canonical_name
from sip.message.params import is_token, printable

_STATUS = re.compile(r"[1-6][0-9][0-9]\Z")
_STRAY_NUL = re.compile(r"(?<!\\)\x00")
_FOLDED = re.compile(r"\r\n[ \t]")
_UNFOLDED = re.compile(r"\r\n(?![ \t])")
# More than one of these would let two elements read two different messages (§7.3.1, threat of smuggling).
_ONCE = frozenset(("call-id", "cseq", "from", "to", "content-length", "max-forwards"))
_NOTED = _ONCE | {"via"}
_REQUIRED = ("via", "from", "to", "call-id", "cseq")


def parse_message(data: bytes) -> Request | Response:
    """Message from one datagram or one framed piece of a stream.

    Bytes beyond Content-Length are dropped (§18.3). Raises BadMessage; its ``message`` is set when the start line and
    the header field lines could be read, so that a request can be answered.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise BadMessage("Message too large", status=513)
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        raise BadMessage("No empty line ends the header fields")
    head = data[:head_end].decode("utf-8", "surrogateescape")
    if head[:2] == "\r\n":  # §7.5: empty lines may precede the start line
        head = head.lstrip("\r\n")
    if not head.count("\r") == head.count("\n") == head.count("\r\n"):
        raise BadMessage("Bare CR or LF in the header fields")
    lines = _UNFOLDED.split(head) if _FOLDED.search(head) else head.split("\r\n")
    message, problem = _start(lines[0])
    names, raw = message.names, message.raw
    spellings = SPELLINGS
    noted: dict[str, str] = {}
    for line in lines[1:]:
        spelling, colon, _ = line.partition(":")
        name = spellings.get(spelling)
        if name is None:
            try:
                name = canonical_name(spelling)
            except BadMessage as error:
                problem = problem or error
                continue
        if not colon:
            problem = problem or BadMessage(f"Header field without colon: {printable(line)}")
            continue
        names.append(name)
        raw.append(line)
        if name in _NOTED:
            if name not in noted:
                noted[name] = line
            elif name in _ONCE:
                problem = problem or BadMessage(f"More than one {PRINTED[name]}", field=name)
    if problem is not None:
        problem.message = message
        raise problem
    message.body = data[head_end + 4 :]
    try:
        _check(message, head, noted)
    except BadMessage as error:
        error.message = message
        raise
    return message


def _start(line: str) -> tuple[Request | Response, BadMessage | None]:
    """Message of the start line, and what is wrong with it when the rest may still be good enough to answer."""
    if line[:4].upper() == "SIP/":
        version, _, rest = line.partition(" ")
        status, _, reason = rest.partition(" ")
        if version.upper() != "SIP/2.0" or not _STATUS.match(status):
            raise BadMessage(f"Malformed Status-Line {printable(line)}")
        return Response(int(status), reason, [], []), None
    parts = line.split(" ")
    if not is_token(parts[0]) or len(parts) < 3:
        raise BadMessage("Not SIP")
    request = Request(parts[0], parts[1], [], [])
    problem = None
    if len(parts) != 3 or not parts[1] or "\t" in line or "\r\n" in line:
        # §7.1: single spaces, and none inside the Request-URI
        if "SIP/" not in line.upper():
            raise BadMessage("Not SIP")
        problem = BadMessage("Malformed Request-Line: surplus white space")
    elif parts[2].upper() != "SIP/2.0":
        if not parts[2].upper().startswith("SIP/"):
            raise BadMessage("Not SIP")
        problem = BadMessage("Only SIP/2.0 is understood", status=505)
    return request, problem


def _check(message: Message, head: str, noted: dict[str, str]) -> None:
    """What every later step relies on: the header fields of §8.1.1, their syntax, Content-Length.

    ``noted`` has the first line of each. Their views are parsed here once, so that no later step can fail on them.
    """
    if len(message.names) > MAX_FIELDS:
        raise BadMessage("Too many header fields", status=513)
    if len(head) > MAX_LINE_CHARACTERS and max(map(len, message.raw)) > MAX_LINE_CHARACTERS:
        raise BadMessage("Header field too long", status=513)
    if "\0" in head and _STRAY_NUL.search(head):
        raise BadMessage("NUL in the header fields")
    for name in _REQUIRED:
        if name not in noted:
            raise BadMessage(f"{PRINTED[name]} missing", field=name)
    message._call_id = value_of(noted["call-id"])
    if not message._call_id:
        raise BadMessage("Call-ID empty", field="call-id")
    message._cseq = cseq = _cseq_of(noted["cseq"])
    if isinstance(message, Request) and cseq.method != message.method:
        raise BadMessage(f"CSeq names {printable(cseq.method)}, the Request-Line another method", field="cseq")
    via = value_of(noted["via"])
    message._via = top_via(via)
    if ";;" in via or ",," in via:
        # §25.1: neither a parameter nor a value is empty; good enough to find the way back, not to go on (§16.3 step 1)
        raise BadMessage(f"Malformed Via {printable(via)}", field="via")
    message._from = _address_of(noted["from"])
    message._to = _address_of(noted["to"])
    line = noted.get("content-length")
    if line == "Content-Length: 0" and not message.body:
        return
    if line is not None:
        length = value_of(line)
        if not (length.isascii() and length.isdigit()) or len(length) > 8:
            raise BadMessage(f"Malformed Content-Length {printable(length)}", field="content-length")
        surplus = len(message.body) - int(length)
        if surplus < 0:
            raise BadMessage("Body shorter than Content-Length", field="content-length")
        if surplus:
            message.body = message.body[: int(length)]


def _uncached_address_of(line: str) -> Address:
    return Address.parse(value_of(line))


_cached_address_of = lru_cache(8192)(_uncached_address_of)


def _address_of(line: str) -> Address:
    # The lines of one dialog repeat to the letter.
    return _cached_address_of(line) if len(line) <= CACHED_CHARACTERS else _uncached_address_of(line)


@lru_cache(1024)
def _cseq_of(line: str) -> CSeq:
    return parse_cseq(value_of(line))
