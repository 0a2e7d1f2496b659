"""Requests and responses: header field lines as received plus lazy typed views (§7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import CSeq, parse_cseq
from sip.message.names import PRINTED
from sip.message.params import printable, split_list
from sip.message.status import reason_phrase
from sip.message.uri import Uri
from sip.message.via import Via

_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")


def value_of(line: str) -> str:
    """Value of a header field line: without its name, white space around it and folds (§7.3.1)."""
    value = line[line.index(":") + 1 :].strip()
    return _FOLD.sub(" ", value) if "\n" in value else value


class Message:
    """Header field lines in order, and a body.

    ``names`` holds the lower-case long name of each line, ``raw`` the line itself as received, without its CRLF: a
    line nobody edits leaves exactly as it came, fold, case and compact form included (§16.6 step 1).
    """

    __slots__ = ("_call_id", "_cseq", "_from", "_to", "_via", "body", "names", "raw")

    def __init__(self, names: list[str], raw: list[str], body: bytes = b"") -> None:
        self.names = names
        self.raw = raw
        self.body = body
        self._call_id: str | None = None
        self._via: Via | None = None
        self._from: Address | None = None
        self._to: Address | None = None
        self._cseq: CSeq | None = None

    # Reading

    @property
    def fields(self) -> list[tuple[str, str]]:
        """(lower-case long name, value unfolded) of every line, in order."""
        return [(name, value_of(self.raw[index])) for index, name in enumerate(self.names)]

    def has(self, name: str) -> bool:
        return name in self.names

    def first(self, name: str) -> str | None:
        """Value of the first line of that name (lower-case long form), None when absent."""
        return value_of(self.raw[self.names.index(name)]) if name in self.names else None

    def lines(self, name: str) -> list[str]:
        """Values of all lines of that name, each as one text."""
        if name not in self.names:
            return []
        return [value_of(self.raw[index]) for index, found in enumerate(self.names) if found == name]

    def values(self, name: str) -> list[str]:
        """Values of a header field that is a comma-separated list; repeated lines count as one list (§7.3.1)."""
        return [value for line in self.lines(name) for value in split_list(line)]

    def _required(self, name: str) -> str:
        value = self.first(name)
        if value is None:
            raise BadMessage(f"{PRINTED.get(name, name)} missing", field=name)
        return value

    @property
    def call_id(self) -> str:
        if self._call_id is None:
            self._call_id = self._required("call-id")
        return self._call_id

    @property
    def cseq(self) -> CSeq:
        if self._cseq is None:
            self._cseq = parse_cseq(self._required("cseq"))
        return self._cseq

    @property
    def from_(self) -> Address:
        if self._from is None:
            self._from = Address.parse(self._required("from"))
        return self._from

    @property
    def to(self) -> Address:
        if self._to is None:
            self._to = Address.parse(self._required("to"))
        return self._to

    @property
    def from_tag(self) -> str:
        return self.from_.tag

    @property
    def to_tag(self) -> str:
        return self.to.tag

    @property
    def via(self) -> Via:
        """The top Via."""
        if self._via is None:
            self._via = top_via(self._required("via"))
        return self._via

    @property
    def vias(self) -> list[Via]:
        return [Via.parse(value) for value in self.values("via")]

    # Editing: names in their printed form, such as "Record-Route"

    def _forget(self, name: str) -> None:
        if name == "via":
            self._via = None
        elif name == "to":
            self._to = None
        elif name == "from":
            self._from = None
        elif name == "cseq":
            self._cseq = None
        elif name == "call-id":
            self._call_id = None

    def add_top(self, name: str, value: str) -> None:
        """Insert a line above the first of that name, or on top of all."""
        lower = name.lower()
        index = self.names.index(lower) if lower in self.names else 0
        self.names.insert(index, lower)
        self.raw.insert(index, f"{name}: {value}")
        self._forget(lower)

    def append(self, name: str, value: str) -> None:
        """Add a line below all others."""
        self.names.append(name.lower())
        self.raw.append(f"{name}: {value}")

    def replace(self, name: str, value: str) -> None:
        """Put one line in the place of the first of that name and drop the others; append when absent."""
        lower = name.lower()
        if lower not in self.names:
            self.append(name, value)
            return
        index = self.names.index(lower)
        self.raw[index] = f"{name}: {value}"
        self._forget(lower)
        if lower in self.names[index + 1 :]:
            self._keep([at == index or found != lower for at, found in enumerate(self.names)])

    def remove(self, name: str) -> None:
        """Drop every line of that name."""
        lower = name.lower()
        if lower in self.names:
            self._keep([found != lower for found in self.names])
            self._forget(lower)

    def _keep(self, flags: list[bool]) -> None:
        self.names = [name for name, kept in zip(self.names, flags, strict=True) if kept]
        self.raw = [line for line, kept in zip(self.raw, flags, strict=True) if kept]

    def remove_top_value(self, name: str) -> None:
        """Drop the first value of a list header field, with its line when it was the only one."""
        lower = name.lower()
        if lower not in self.names:
            return
        index = self.names.index(lower)
        values = split_list(value_of(self.raw[index]))
        if len(values) > 1:
            self.raw[index] = f"{name}: {', '.join(values[1:])}"
        else:
            del self.names[index], self.raw[index]
        self._forget(lower)

    def replace_top_value(self, name: str, value: str) -> None:
        """Put another value in the place of the first one of a list header field."""
        lower = name.lower()
        index = self.names.index(lower)
        old = value_of(self.raw[index])
        rest = split_list(old)[1:] if "," in old else []
        self.raw[index] = f"{name}: {', '.join([value, *rest])}"
        self._forget(lower)

    def set_body(self, body: bytes, content_type: str) -> None:
        """Set body, Content-Type and Content-Length together (§7.4)."""
        self.body = body
        self.replace("Content-Type", content_type)
        self.replace("Content-Length", str(len(body)))

    def ensure_content_length(self) -> None:
        """Add Content-Length where it is missing: streams cannot do without (§16.6 step 9, §18.3)."""
        if "content-length" not in self.names:
            self.append("Content-Length", str(len(self.body)))

    @property
    def start_line(self) -> str:
        raise NotImplementedError  # each kind of message has its own

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire."""
        head = "\r\n".join([self.start_line, *self.raw, "", ""])
        return head.encode("utf-8", "surrogateescape") + self.body

    def _copy_to(self, copy: Self) -> Self:
        copy.names = self.names.copy()
        copy.raw = self.raw.copy()
        copy.body = self.body
        copy._call_id = self._call_id
        copy._via = self._via
        copy._from = self._from
        copy._to = self._to
        copy._cseq = self._cseq
        return copy

    def __str__(self) -> str:
        return self.to_bytes().decode("utf-8", "replace")


class Request(Message):
    """A request (§7.1). Setting ``uri_text`` changes the Request-URI."""

    __slots__ = ("method", "uri_text")

    def __init__(self, method: str, uri_text: str, names: list[str], raw: list[str], body: bytes = b"") -> None:
        super().__init__(names, raw, body)
        self.method = method
        self.uri_text = uri_text

    @property
    def uri(self) -> Uri:
        """The Request-URI; BadMessage when malformed."""
        return Uri.parse(self.uri_text)

    @property
    def start_line(self) -> str:
        return f"{self.method} {self.uri_text} SIP/2.0"

    def copy(self) -> Request:
        """A copy whose header fields can be edited on their own."""
        copy = Request.__new__(Request)
        copy.method = self.method
        copy.uri_text = self.uri_text
        return self._copy_to(copy)

    def __repr__(self) -> str:
        return f"<{self.method} {printable(self.uri_text)}>"


class Response(Message):
    """A response (§7.2)."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, names: list[str], raw: list[str], body: bytes = b"") -> None:
        super().__init__(names, raw, body)
        self.status = status
        self.reason = reason

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def copy(self) -> Response:
        """A copy whose header fields can be edited on their own."""
        copy = Response.__new__(Response)
        copy.status = self.status
        copy.reason = self.reason
        return self._copy_to(copy)

    def __repr__(self) -> str:
        return f"<{self.status} {printable(self.reason)}>"


def top_via(value: str) -> Via:
    """First of the Via values of one line."""
    return Via.parse(split_list(value)[0] if "," in value else value)


_COPIED = frozenset(("via", "from", "to", "call-id", "cseq"))


def response_to(request: Request, status: int, reason: str | None = None, to_tag: str = "") -> Response:
    """Response of our own with the header fields of §8.2.6.2: Via, From, To, Call-ID, CSeq, and no body.

    ``to_tag`` is added where the request's To has none; 100 copies Timestamp instead (§8.2.6.1).
    """
    names: list[str] = []
    raw: list[str] = []
    for name, line in zip(request.names, request.raw, strict=True):
        if name in _COPIED or (status == 100 and name == "timestamp"):
            if name == "to" and to_tag and not _has_tag(request):
                line = f"{line};tag={to_tag}"
            names.append(name)
            raw.append(line)
    names.append("content-length")
    raw.append("Content-Length: 0")
    response = Response(status, reason or reason_phrase(status), names, raw)
    response._call_id = request._call_id
    response._via = request._via
    response._from = request._from
    response._cseq = request._cseq
    return response


def _has_tag(request: Request) -> bool:
    try:
        return bool(request.to_tag)
    except BadMessage:
        return False


def new_request(
    method: str,
    uri: str,
    *,
    from_: str,
    to: str,
    call_id: str,
    cseq: int,
    max_forwards: int = 70,
    fields: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Request:
    """Request of our own with the header fields of §8.1.1 except Via, which the endpoint adds when it sends."""
    request = Request(method, uri, [], [], body)
    request.append("Max-Forwards", str(max_forwards))
    request.append("From", from_)
    request.append("To", to)
    request.append("Call-ID", call_id)
    request.append("CSeq", f"{cseq} {method}")
    for name, value in fields:
        request.append(name, value)
    request.append("Content-Length", str(len(body)))
    return request
