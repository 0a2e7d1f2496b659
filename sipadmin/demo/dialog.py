"""A dialog as its two ends keep it (§12)."""

from __future__ import annotations

from collections.abc import Sequence

from sip.message.address import Address
from sip.message.messages import Request, Response, new_request
from sip.message.uri import Uri


class Dialog:
    """One end of a dialog: where its requests go and how they are numbered (§12.1, §12.2.1.1)."""

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        remote: str,
        local_tag: str,
        remote_tag: str,
        target: str,
        routes: Sequence[str],
        cseq: int,
    ) -> None:
        self.call_id = call_id
        self.local, self.remote = local, remote
        self.local_tag, self.remote_tag = local_tag, remote_tag
        self.target = target
        self.routes = list(routes)
        self.cseq = cseq
        self.remote_cseq = 0

    @classmethod
    def of_caller(cls, invite: Request, response: Response) -> Dialog:
        """§12.1.2: the route set is Record-Route in reverse order."""
        return cls(
            call_id=invite.call_id,
            local=invite.first("from") or "",
            remote=response.first("to") or "",
            local_tag=invite.from_tag,
            remote_tag=response.to_tag,
            target=contact_uri(response) or invite.uri_text,
            routes=response.values("record-route")[::-1],
            cseq=invite.cseq.number,
        )

    @classmethod
    def of_callee(cls, invite: Request, local_tag: str) -> Dialog:
        """§12.1.1: the route set is Record-Route as it came."""
        dialog = cls(
            call_id=invite.call_id,
            local=f"{invite.first('to')};tag={local_tag}",
            remote=invite.first("from") or "",
            local_tag=local_tag,
            remote_tag=invite.from_tag,
            target=contact_uri(invite),
            routes=invite.values("record-route"),
            cseq=1,
        )
        dialog.remote_cseq = invite.cseq.number
        return dialog

    def request(self, method: str, *, cseq: int | None = None, fields: Sequence[tuple[str, str]] = ()) -> Request:
        """A request inside the dialog. An ACK is given the number of its INVITE; others count on."""
        if cseq is None:
            self.cseq += 1
        uri, routes = self.target, self.routes
        if routes and "lr" not in Address.parse(routes[0]).uri.params:
            # §12.2.1.1: a strict router wants to see itself in the Request-URI.
            uri, routes = Address.parse(routes[0]).uri_text, [*routes[1:], f"<{self.target}>"]
        return new_request(
            method,
            uri,
            from_=self.local,
            to=self.remote,
            call_id=self.call_id,
            cseq=self.cseq if cseq is None else cseq,
            fields=[*(("Route", route) for route in routes), *fields],
        )

    @property
    def key(self) -> tuple[str, str]:
        """Call-ID and our tag; the remote tag is not needed to find it on one phone."""
        return self.call_id, self.local_tag


def next_hop(request: Request, default_port: int = 5060) -> tuple[str, int]:
    """Host and port the request is sent to: its first Route, else its Request-URI (§8.1.2)."""
    routes = request.values("route")
    uri = Address.parse(routes[0]).uri if routes else Uri.parse(request.uri_text)
    return uri.host.strip("[]"), uri.port or default_port


def contact_uri(message: Request | Response) -> str:
    """The first Contact's URI, or empty."""
    values = message.values("contact")
    return Address.parse(values[0]).uri_text if values else ""
