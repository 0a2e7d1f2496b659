"""A table of users as text, read and checked row by row; nothing here writes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from proxy.choices import INHERIT, parse_policy
from registrar.call_forwarding import FORWARDING, TARGETS, forward_target
from registrar.columns import username_validator
from registrar.models import Domain, SipUser
from registrar.tags import parse_tags
from sipadmin.provisioning import ProvisioningError, parse_boolean, parse_number, set_credentials

COLUMNS = (
    "user", "password", "policy", "display_name", "ring_time", "enabled", "max_contacts", "aliases",
    "ha1_md5", "ha1_sha256", "may_watch", "tags", *FORWARDING,
)  # fmt: skip
MOST_ERRORS = 20

# A cell that begins so is a formula to a spreadsheet; one quotation mark in front makes it text.
FORMULA = re.compile(r"'*[=+\-@\t\r]")

Progress = Callable[[int], Any]


class RowError(NamedTuple):
    row: int  # as a spreadsheet counts: the header is row 1
    column: str
    text: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.text}" if self.column else f"row {self.row}: {self.text}"


class ImportRefused(ValueError):
    """Nothing was imported. ``errors`` holds the first MOST_ERRORS, ``count`` says how many there are."""

    def __init__(self, errors: Sequence[RowError], count: int | None = None) -> None:
        self.errors = list(errors)
        self.count = len(self.errors) if count is None else count
        super().__init__("; ".join(map(str, self.errors)))


class ImportCounts(NamedTuple):
    created: int
    updated: int
    unchanged: int


class Row(NamedTuple):
    """One checked row: a draft user whose HA1 values are set when the row has credentials."""

    number: int
    username: str
    draft: SipUser
    fields: dict[str, Any]
    policy: dict[str, Any]
    aliases: list[str] | None


def read_table(content: bytes) -> list[dict[str, str]]:
    """Rows of a CSV file by column name. UTF-8 with or without BOM, else Windows-1252; comma or semicolon.

    ImportRefused for an unknown or missing column, a row that is too long, or bytes that are no text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if "\x00" in text:
        raise ImportRefused([RowError(1, "", "this is not a CSV file (it holds zero bytes); save it as UTF-8 CSV")])
    first_line = text.partition("\n")[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[dict[str, str]] = []
    errors: list[RowError] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        check_header(header)
        for number, cells in enumerate(reader, start=2):
            if len(cells) > len(header):
                errors.append(RowError(number, "", f"{len(cells)} cells, but the header has {len(header)}"))
            rows.append(dict(zip(header, map(from_cell, cells), strict=False)))
    except csv.Error as error:
        raise ImportRefused([RowError(reader.line_num, "", f"not readable as CSV: {error}")]) from None
    if errors:
        raise ImportRefused(errors[:MOST_ERRORS], len(errors))
    return rows


def to_cell(value: str) -> str:
    """Text as a spreadsheet may show it without running it (threat: a display name that is a formula)."""
    return f"'{value}" if FORMULA.match(value) else value


def from_cell(text: str) -> str:
    """The inverse of to_cell; other text stays as it is."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def check_header(header: Sequence[str]) -> None:
    unknown = [name or "(empty)" for name in header if name not in COLUMNS]
    if unknown:
        raise ImportRefused([RowError(1, ", ".join(unknown), f"unknown column; there are {', '.join(COLUMNS)}")])
    if "user" not in header:
        raise ImportRefused([RowError(1, "user", "this column is missing")])
    if len(set(header)) < len(header):
        raise ImportRefused([RowError(1, "", "a column is named twice")])


def check_rows(
    domain: Domain, rows: Iterable[Mapping[str, str]], progress: Progress | None, most_errors: int = MOST_ERRORS
) -> tuple[list[Row], list[RowError], int]:
    """The rows that are right, the first errors, and how many errors there are."""
    checked: list[Row] = []
    errors: list[RowError] = []
    count = 0
    seen: dict[str, int] = {}
    done = 0
    for number, texts in enumerate(rows, start=2):
        if not any((text or "").strip() for text in texts.values()):
            continue  # spreadsheets leave empty lines at the end
        try:
            row = check_row(domain, number, texts)
            for column, name in [("user", row.username), *(("aliases", alias) for alias in row.aliases or ())]:
                if name in seen:
                    raise ProvisioningError({column: f"{name} is already in row {seen[name]}"})
                seen[name] = number
            checked.append(row)
        except ProvisioningError as error:
            count += len(error.errors)
            errors += [RowError(number, column, text) for column, text in error.errors.items()]
            del errors[most_errors:]
        done = number - 1
        if progress and done % 100 == 0:
            progress(100)
    if progress:
        progress(done % 100)
    return checked, errors, count


def check_row(domain: Domain, number: int, texts: Mapping[str, str]) -> Row:
    """A Row from texts; ProvisioningError by column."""
    cells = {column: (text or "").strip() for column, text in texts.items()}
    # White space is part of a password.
    cells["password"] = texts.get("password") or ""
    errors: dict[str, str] = {}
    fields: dict[str, Any] = {}
    policy: dict[str, Any] = {}
    username = cells.get("user", "")
    aliases = cells["aliases"].replace(",", " ").split() if "aliases" in cells else None
    check_name(username, "user", errors)
    for alias in aliases or ():
        check_name(alias, "aliases", errors)
    for column, parse in PARSERS.items():
        if column in cells:
            try:
                target = policy if column in ("policy", "ring_time") else fields
                target[column] = parse(cells[column])
            except ValueError as error:
                errors[column] = str(error)
    for column in TARGETS:
        if column in cells:
            try:
                fields[column] = forward_target(cells[column], username, domain.name)
            except ValueError as error:
                errors[column] = str(error)
    draft = SipUser(domain=domain, username=username)
    if cells["password"] or cells.get("ha1_md5") or cells.get("ha1_sha256"):
        try:
            # Hashed here, before the transaction: many users hold the write lock for a second less.
            set_credentials(
                draft,
                cells["password"] or None,
                cells.get("ha1_md5") or None,
                cells.get("ha1_sha256") or None,
            )
        except ProvisioningError as error:
            errors |= error.errors
    if errors:
        raise ProvisioningError(errors)
    return Row(number, username, draft, fields, policy, aliases)


def check_name(name: str, column: str, errors: dict[str, str]) -> None:
    if not name:
        errors[column] = "is empty"
        return
    try:
        username_validator(name)
    except ValidationError as error:
        errors[column] = f"{name!r}: {error.messages[0]}"


def parse_display_name(text: str) -> str:
    if len(text) > 120:
        raise ValueError("is longer than 120 characters")
    return text


def parse_enabled(text: str) -> bool:
    return True if not text else parse_boolean(text)


def parse_switch(text: str) -> bool:
    return bool(text) and parse_boolean(text)


def parse_max_contacts(text: str) -> int | None:
    if text and parse_number(text) < 1:
        raise ValueError("use 1 or more, or leave it empty for the domain's limit")
    return parse_number(text) if text else None


def parse_ring_time(text: str) -> int | None:
    if text in ("", INHERIT):
        return None
    if not 1 <= parse_number(text) <= 3600:
        raise ValueError("use 1 to 3600 seconds")
    return parse_number(text)


def parse_policy_text(text: str) -> str:
    return str(parse_policy(text or INHERIT))


PARSERS: dict[str, Callable[[str], Any]] = {
    "display_name": parse_display_name,
    "enabled": parse_enabled,
    "max_contacts": parse_max_contacts,
    "may_watch": parse_switch,
    "do_not_disturb": parse_switch,
    "tags": lambda text: parse_tags(text.replace(",", " ").split()),
    "policy": parse_policy_text,
    "ring_time": parse_ring_time,
}
