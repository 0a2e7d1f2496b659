"""The ladder as SVG. Colours are attributes, so that the file stands alone; on our pages the style sheet wins.

Whatever stands in it from the wire is escaped text. No style, no script, nothing from elsewhere.
"""

from __future__ import annotations

from html import escape

from proxy.ladder.layout import Column, Ladder, Row
from proxy.ladder.visible import visible

GUTTER = 84  # for the time
WIDEST, NARROWEST = 216, 150  # columns; between them as many as there are share ROOM
ROOM = 630
ROW = 26
PAUSE = 22
HEAD = 46
LETTER = 7.0  # width of a letter of the labels, 11.5 px in a monospaced face

# kind -> colour, dash pattern: told apart without colour too
LOOKS = {
    "request": ("#1d4ed8", ""),
    "acknowledge": ("#566273", "1 3"),
    "end": ("#8a4b00", "9 3"),
    "provisional": ("#566273", "4 3"),
    "success": ("#146c34", ""),
    "redirect": ("#0f766e", "10 3 2 3"),
    "challenge": ("#8a4b00", "2 2 6 2"),
    "failure": ("#b42318", "7 3"),
}
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, Liberation Mono, monospace"
SANS = "system-ui, sans-serif"


class Measure:
    """Where the columns of one ladder stand."""

    def __init__(self, count: int) -> None:
        self.column = max(NARROWEST, min(WIDEST, ROOM // count))
        self.width = GUTTER + self.column * count

    def centre(self, at: int) -> int:
        return GUTTER + self.column * at + self.column // 2

    @property
    def letters(self) -> int:
        """Of a label between two columns, with arrow tip and chip."""
        return int((self.column - 34) / LETTER)


def heads(ladder: Ladder) -> str:
    """The row of those who speak, which stays in sight."""
    return _svg(Measure(len(ladder.columns)).width, HEAD, "ladder-heads", _heads(ladder))


def body(ladder: Ladder) -> str:
    """Lifelines and messages; each message leads to its text, ``#message-7``."""
    drawn, height = _rows(ladder, with_links=True)
    return _svg(Measure(len(ladder.columns)).width, height, "ladder-body", drawn, role="group")


def whole(ladder: Ladder, title: str) -> str:
    """A file of its own."""
    drawn, height = _rows(ladder, with_links=False)
    width = Measure(len(ladder.columns)).width
    top = 30
    parts = [
        f'<rect width="{width}" height="{height + HEAD + top}" fill="#ffffff"/>',
        f'<text x="12" y="20" font-family="{SANS}" font-size="13" font-weight="600" fill="#17202b">'
        f"{_text(title, 160)}</text>",
        f'<g transform="translate(0 {top})">',
        _heads(ladder),
        f'</g><g transform="translate(0 {top + HEAD})">{drawn}</g>',
    ]
    return _svg(width, height + HEAD + top, "ladder", "".join(parts))


def _svg(width: int, height: int, name: str, content: str, role: str = "img") -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{name}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="{role}" aria-label="Ladder diagram">{content}</svg>'
    )


def _heads(ladder: Ladder) -> str:
    measure = Measure(len(ladder.columns))
    return "".join(_head(column, at, measure) for at, column in enumerate(ladder.columns))


def _head(column: Column, at: int, measure: Measure) -> str:
    x = measure.centre(at)
    width = measure.column - 14
    left = x - width // 2
    name = _text(column.name or "unknown", int(width / 8.6))
    look = ("server", "#0f766e", "#ffffff") if column.is_server else ("peer", "#eceff3", "#17202b")
    return (
        f'<g class="head {look[0]}"><title>{_text(f"{column.name} {column.address}", 200)}</title>'
        f'<rect x="{left}" y="3" width="{width}" height="{HEAD - 6}" rx="6" fill="{look[1]}"/>'
        f'<text x="{x}" y="20" text-anchor="middle" font-family="{SANS}" font-size="12.5" font-weight="600" '
        f'fill="{look[2]}">{name}</text>'
        f'<text class="address" x="{x}" y="35" text-anchor="middle" font-family="{MONO}" font-size="10.5" '
        f'fill="{look[2]}">{_text(column.address, int(width / 6.4))}</text></g>'
    )


def _rows(ladder: Ladder, with_links: bool) -> tuple[str, int]:
    measure = Measure(len(ladder.columns))
    y = 6
    parts: list[str] = []
    for row in ladder.rows:
        if row.message is None:
            parts.append(_pause(row, y, measure.width))
            y += PAUSE
        else:
            parts.append(_message(row, y, measure, with_links))
            y += ROW
    y += 10
    lines = "".join(
        f'<line class="life" x1="{x}" y1="0" x2="{x}" y2="{y}" stroke="#d9dee5" stroke-width="1.5"/>'
        for x in map(measure.centre, range(len(ladder.columns)))
    )
    return lines + "".join(parts), y


def _pause(row: Row, y: int, width: int) -> str:
    middle = y + PAUSE // 2
    return (
        f'<g class="pause"><line x1="{GUTTER}" y1="{middle}" x2="{width - 8}" y2="{middle}" stroke="#7c8797" '
        f'stroke-dasharray="1 5"/><text x="{GUTTER - 10}" y="{middle + 4}" text-anchor="end" font-family="{MONO}" '
        f'font-size="10.5" fill="#566273">{_span(row.pause)} …</text></g>'
    )


def _message(row: Row, y: int, measure: Measure, with_links: bool) -> str:
    message = row.message
    assert message is not None
    kind = message.kind or "failure"
    colour, dashes = LOOKS[kind]
    line = y + ROW - 8
    start, end = measure.centre(row.start), measure.centre(row.end)
    toward = 1 if end > start else -1
    chips = (["SDP"] if message.has_sdp else []) + (["again"] if message.is_repeated else [])
    label = visible(message.label, measure.letters - 4 * len(chips))
    # The label stands in the gap next to the server, so that it crosses no other lifeline.
    near = measure.centre(1)
    middle = near + (measure.column if max(start, end) > near else -measure.column) // 2
    wide = len(label) * LETTER + sum(len(chip) * 6 + 14 for chip in chips)
    x = middle - wide / 2
    drawn = [
        f'<rect class="hit" x="4" y="{y}" width="{measure.width - 8}" height="{ROW}" fill="#ffffff" fill-opacity="0"/>',
        f'<text class="time" x="{GUTTER - 10}" y="{line + 3}" text-anchor="end" font-family="{MONO}" font-size="10.5" '
        f'fill="#566273">{row.offset:+.3f}</text>',
        f'<line class="arrow" x1="{start}" y1="{line}" x2="{end - 7 * toward}" y2="{line}" stroke="{colour}" '
        f'stroke-width="1.6"{_dashed("1 3" if message.is_repeated else dashes)}/>',
        f'<path class="tip" d="M{end} {line}l{-8 * toward} -4v8z" fill="{colour}"/>',
        f'<text class="label" x="{x:.0f}" y="{line - 5}" font-family="{MONO}" font-size="11.5" font-weight="600" '
        f'fill="{colour}">{escape(label)}</text>',
    ]
    x += len(label) * LETTER
    for chip in chips:
        size = len(chip) * 6 + 8
        x += 6
        drawn.append(
            f'<g class="chip {chip.lower()}"><rect x="{x:.0f}" y="{line - 15}" width="{size}" height="12" rx="3" '
            f'fill="#eceff3"/><text x="{x + size / 2:.0f}" y="{line - 6}" text-anchor="middle" font-family="{SANS}" '
            f'font-size="8.5" font-weight="600" fill="#566273">{chip}</text></g>'
        )
        x += size
    title = f"<title>{_text(message.first_line, 300)}</title>"
    again = " repeated" if message.is_repeated else ""
    if not with_links:
        return f'<g class="message {kind}{again}">{title}{"".join(drawn)}</g>'
    words = f"{message.sequence}: {'received' if message.is_received else 'sent'} {label}"
    return (
        f'<a class="message {kind}{again}" href="#message-{message.sequence}" data-message="{message.sequence}" '
        f'aria-label="{escape(words)}">{title}{"".join(drawn)}</a>'
    )


def _dashed(pattern: str) -> str:
    return f' stroke-dasharray="{pattern}"' if pattern else ""


def _text(text: str, limit: int) -> str:
    return escape(visible(text, limit))


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} m {seconds % 60:02.0f} s"
