"""A domain with users in the running product, and what the product then knows about them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from threading import Event
from time import monotonic
from typing import Any, TypeVar

import pytest

DEADLINE = 10.0
Row = dict[str, Any]
Found = TypeVar("Found")


class Enrolment:
    """One domain: made through the product's own commands, read through its database file."""

    def __init__(self, product: Any, domain: str, policies: Mapping[str, str], settings: Sequence[str] = ()) -> None:
        self.product = product
        self.domain = domain
        self.passwords = {user: f"pw-of-{user}" for user in policies}
        options = [word for setting in settings for word in ("--set", setting)]
        product.manage("domain", domain, *options)
        table = product.data / f"{domain}.csv"
        lines = [f"{user},{self.passwords[user]},{policy or 'inherit'}" for user, policy in policies.items()]
        table.write_text("\n".join(["user,password,policy", *lines]) + "\n")
        product.manage("importusers", str(table), "--domain", domain)

    def arrange(self, user: str, field: str, text: str) -> None:
        """Set one column of a user, as by CSV; live in the engine when a later change of the same kind is."""
        table = self.product.data / f"{self.domain}-{field}.csv"
        table.write_text(f"user,{field}\n{user},{text}\n")
        self.product.manage("importusers", str(table), "--domain", self.domain)

    @property
    def server(self) -> tuple[str, int]:
        host, port = self.product.sip
        return host, port

    def aor(self, user: str) -> str:
        return f"sip:{user}@{self.domain}"

    def bindings(self, user: str) -> list[Row]:
        """Rows of live bindings; committed before the phone saw its 200."""
        return self._rows(
            "SELECT b.* FROM registrar_binding b JOIN registrar_sipuser u ON u.id = b.user_id"
            " JOIN registrar_domain d ON d.id = u.domain_id"
            " WHERE u.username = ? AND d.name = ? AND b.expires_at > datetime('now') ORDER BY b.q DESC",
            user,
            self.domain,
        )

    def wait_for_bindings(self, user: str, count: int) -> list[Row]:
        return until(lambda: self.bindings(user), lambda rows: len(rows) == count, f"{count} bindings of {user}")

    def attempts(self, user: str) -> list[Row]:
        """Call attempts for that user, oldest first, each with its branches."""
        rows = self._rows(
            "SELECT * FROM proxy_callattempt WHERE callee LIKE ? ORDER BY started_at", f"%{user}@{self.domain}%"
        )
        for row in rows:
            row["branches"] = self._rows(
                "SELECT * FROM proxy_callbranch WHERE attempt_id = ? ORDER BY position", row["id"]
            )
            row["steps"] = json.loads(row["steps"])
        return rows

    def attempt(self, user: str) -> Row:
        """The last attempt that got through authentication, once it and all its branches have ended."""

        def is_over(rows: list[Row]) -> bool:
            return bool(rows) and rows[-1]["ended_at"] is not None and all(b["ended_at"] for b in rows[-1]["branches"])

        def admitted() -> list[Row]:
            return [row for row in self.attempts(user) if row["status"] not in (401, 407)]

        return until(admitted, is_over, f"a finished call attempt for {user}")[-1]

    def forget_calls(self) -> None:
        """So that the next ``attempt`` is the next call."""
        with closing(self._connect()) as database, database:
            database.execute("DELETE FROM proxy_callbranch")
            database.execute("DELETE FROM proxy_callattempt")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.product.data / "sipadmin.sqlite3", timeout=5)
        connection.row_factory = sqlite3.Row
        return connection

    def _rows(self, query: str, *arguments: Any) -> list[Row]:
        with closing(self._connect()) as database:
            return [dict(row) for row in database.execute(query, arguments)]


def until(look: Callable[[], Found], is_right: Callable[[Found], bool], what: str, deadline: float = DEADLINE) -> Found:
    """Looks until what is seen is right; fails with the last thing seen."""
    end, pause = monotonic() + deadline, Event()
    while not is_right(seen := look()):
        if monotonic() > end:
            pytest.fail(f"no {what} within {deadline:g} s; last seen: {seen}")
        pause.wait(0.05)
    return seen
