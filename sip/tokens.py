"""Random text for tags and branches."""

from __future__ import annotations

import os


class Tokens:
    """Random text for tags and branches: 64 bits each, from the system, drawn in bulk."""

    __slots__ = ("_drawn",)

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def __call__(self) -> str:
        if not self._drawn:
            text = os.urandom(8 * 256).hex()
            self._drawn = [text[at : at + 16] for at in range(0, len(text), 16)]
        return self._drawn.pop()
