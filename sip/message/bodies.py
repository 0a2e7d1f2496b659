"""Whether a body is one that its reader may not pass over (§8.2.3)."""

from __future__ import annotations

from collections.abc import Sequence

from sip.message.messages import Request


def unread_body(request: Request, taken: Sequence[str]) -> list[tuple[str, str]] | None:
    """Header fields of the 415 for a body that is none of the types in ``taken``, or encoded; None when all is well.

    A body that its sender calls optional may always be passed over (§20.11).
    """
    if not request.body or _parameter(request.first("content-disposition"), "handling") == "optional":
        return None
    if (request.first("content-encoding") or "identity").strip().lower() != "identity":
        return [("Accept-Encoding", "identity")]
    kind = (request.first("content-type") or "").partition(";")[0].strip().lower()
    return None if kind in taken else [("Accept", ", ".join(taken))]


def _parameter(value: str | None, name: str) -> str:
    for part in (value or "").split(";")[1:]:
        key, _, text = part.partition("=")
        if key.strip().lower() == name:
            return text.strip().lower()
    return ""
