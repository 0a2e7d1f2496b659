"""Words an administrator puts on users to find them again. Stored as one text, ``,floor-2,vip,``; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

TAG_SHAPE = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
MOST_TAGS = 20
LONGEST_TEXT = 1 + MOST_TAGS * 41
RULE = "a tag is up to 40 of a to z, 0 to 9, . _ - and begins with a letter or digit"


def parse_tags(words: Iterable[str]) -> str:
    """The stored text, sorted, each tag once; ValueError when one is none, or there are too many."""
    tags = sorted({word.strip().lower() for word in words})
    for tag in tags:
        if not TAG_SHAPE.fullmatch(tag):
            raise ValueError(f"{tag!r} is no tag; {RULE}")
    if len(tags) > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS} tags")
    return f",{','.join(tags)}," if tags else ""


def tags_of(text: str) -> list[str]:
    """The tags of a stored text."""
    return text.strip(",").split(",") if text else []
