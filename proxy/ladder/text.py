"""A call as plain text, to attach to a ticket: the verdict, the decisions, the ladder and the messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from proxy.ladder.calls import BODY_NOT_KEPT, Call, Message, has_unkept_body
from proxy.ladder.layout import Ladder, lay_out
from proxy.ladder.timings import timings
from proxy.ladder.visible import visible, visible_lines

COLUMN = 30
RULE = "-" * 100


def moment(at: Any) -> str:
    """``2026-11-25 10:44:24.123 UTC``."""
    if at is None:
        return "-"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def as_text(call: Call) -> str:
    """ASCII art and messages. Every line from the wire is made visible: no terminal obeys it."""
    facts = call.facts
    lines = [
        visible(call.title),
        visible(str(facts.get("explanation") or "in progress")),
        "",
        f"Started      {moment(facts.get('started_at'))}",
        f"Source       {visible(str(facts.get('source') or ''))}",
        f"Call-ID      {visible(str(facts.get('call_id') or ''))}",
        f"Result       {facts.get('state')} {facts.get('status') or ''} {visible(str(facts.get('reason') or ''))}",
        *(f"{name:12} {value}" for name, value in timings(facts)),
        "",
        "Decision, step by step",
        *(f"  {number:2}. {step_line(step)}" for number, step in enumerate(facts.get("steps") or (), 1)),
    ]
    branches = facts.get("branches") or ()
    if branches:
        lines += ["", "Branches", *(f"  {branch_line(branch)}" for branch in branches)]
    if call.messages:
        lines += ["", "Messages", *art(lay_out(call))]
        for message in call.messages:
            lines += ["", RULE, message_title(message), RULE, *message_lines(message)]
    return "\n".join(lines) + "\n"


def step_line(step: Any) -> str:
    """A step as the database has it, as one line."""
    if isinstance(step, dict):
        text, section, rule = str(step.get("text", "")), str(step.get("section") or ""), str(step.get("rule") or "")
    else:
        text, rule, section = (*map(str, step), "", "", "")[:3]
    where = f"§{section}" if section[:1].isdigit() else section
    marks = ", ".join(mark for mark in (where, rule) if mark)
    return visible(f"{text}  [{marks}]" if marks else text)


def branch_line(branch: dict[str, Any]) -> str:
    status = f"{branch.get('status') or ''} {branch.get('reason') or ''}".strip()
    text = f"{branch.get('position', 0) + 1}. {branch.get('target')} by {branch.get('next_hop') or '-'}"
    return visible(f"{text}: {branch.get('state')} {status}".rstrip())


def message_title(message: Message) -> str:
    arrow = f"{message.remote} -> {message.local}" if message.is_received else f"{message.local} -> {message.remote}"
    again = "  (retransmission)" if message.is_repeated else ""
    return f"#{message.sequence}  {moment(message.at)}  {message.transport}  {arrow}{again}"


def message_lines(message: Message) -> list[str]:
    note = message.note or (BODY_NOT_KEPT if has_unkept_body(message) else "")
    return [*visible_lines(message.text.rstrip("\r\n")), *([f"[{note}]"] if note else [])]


def art(ladder: Ladder) -> list[str]:
    """The ladder in letters."""
    gutter = 12
    heads = "".join(visible(column.name, COLUMN - 2).center(COLUMN) for column in ladder.columns)
    addresses = "".join(column.address[: COLUMN - 2].center(COLUMN) for column in ladder.columns)
    lines = [" " * gutter + heads.rstrip(), " " * gutter + addresses.rstrip()]
    middles = [COLUMN * at + COLUMN // 2 for at in range(len(ladder.columns))]
    for row in ladder.rows:
        canvas = [" "] * (COLUMN * len(ladder.columns))
        for middle in middles:
            canvas[middle] = "|"
        message = row.message
        if message is None:
            lines.append(f"{row.pause:9.1f} s  " + "".join(":" if letter == "|" else " " for letter in canvas))
            continue
        left, right = sorted((middles[row.start], middles[row.end]))
        canvas[left + 1 : right] = "-" * (right - left - 1)
        if row.end > row.start:
            canvas[right - 1] = ">"
        else:
            canvas[left + 1] = "<"
        label = visible(message.label, COLUMN - 10) + ("*" if message.has_sdp else "")
        if message.is_repeated:
            label += " (again)"
        label = f" {label[: right - left - 4]} "
        at = (left + right - len(label)) // 2
        canvas[at : at + len(label)] = label
        lines.append(f"{row.offset:+10.3f}  " + "".join(canvas).rstrip())
    return [*lines, "  * with SDP"]
