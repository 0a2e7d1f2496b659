"""What the page Security shows, as values: the same for its first look and for its scripts."""

from __future__ import annotations

from typing import Any

from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.security.bans import users_behind, users_text
from sipadmin.security.models import Ban, seconds

MOST_SHOWN = 200
NAMES_SHOWN = 5
LONGEST_NAME = 40  # characters


def engine_security() -> dict[str, Any]:
    """What the engine knows of failures and floods; {"error": sentence} while it does not answer."""
    try:
        return engine_command("security", timeout=1.0)
    except EngineUnavailable as error:
        return {"error": str(error)}


def overview() -> dict[str, Any]:
    """JSON-able: bans in force, sources with failures, users locked out, floods, counts. Times in seconds."""
    known = engine_security()
    bans = list(Ban.objects.in_force()[:MOST_SHOWN])
    sources = known.get("sources", [])
    behind = users_behind([ban.source for ban in bans] + [one["source"] for one in sources])
    passed_over = known.get("passed_over", {})
    return {
        "error": known.get("error", ""),
        "bans": [ban_row(ban, behind, passed_over) for ban in bans],
        "sources": [source_row(one, behind) for one in sources],
        "locked": known.get("locked", []),
        "floods": known.get("floods", []),
        "counts": known.get("counts", {}),
    }


def ban_row(ban: Ban, behind: dict[str, int], passed_over: dict[str, int]) -> dict[str, Any]:
    return {
        "id": ban.pk,
        "source": ban.source,
        "reason": ban.reason or "–",
        "users": users_text(behind.get(ban.source, 0)),
        "made_by": ban.made_by or "the server",
        "created_at": seconds(ban.created_at),
        "expires_at": seconds(ban.expires_at),
        "passed_over": passed_over.get(ban.source, 0),
    }


def source_row(one: dict[str, Any], behind: dict[str, int]) -> dict[str, Any]:
    names = [name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…" for name in one["names"]]
    more = " and more" if len(names) > NAMES_SHOWN else ""
    return {
        "source": one["source"],
        "points": f"{one['score']:.0f} of {one['limit']:.0f}",
        "failures": one["failures"],
        "names": ", ".join(names[:NAMES_SHOWN]) + more,
        "last_at": one["last_at"],
        "users": users_text(behind.get(one["source"], 0)),
        "exempt": one["exempt"],
    }
