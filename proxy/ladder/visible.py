"""Text from the wire made safe to look at: what moves a cursor or turns letters around becomes its number."""

from __future__ import annotations

# C0 and C1 controls (terminal escapes among them), bidirectional and other invisible marks (Unicode TR 36).
_INVISIBLE = [
    *range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), 0x2028, 0x2029,
    *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xD800, 0xE000),
]  # fmt: skip
_SHOWN = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _INVISIBLE}
_IN_LINE = {code: shown for code, shown in _SHOWN.items() if code != 9}


def visible(text: str, limit: int = 0) -> str:
    """One line of it: no control character, no change of direction. ``limit`` characters at most, if not 0."""
    if limit and len(text) > limit:
        text = text[: limit - 1] + "…"
    return text.translate(_SHOWN)


def visible_lines(text: str) -> list[str]:
    """Its lines, ended by CRLF or LF, with tabs left as they are."""
    return [line.translate(_IN_LINE) for line in text.replace("\r\n", "\n").split("\n")]
