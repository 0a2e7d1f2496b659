"""No text moves a cursor or turns letters around."""

from __future__ import annotations

import pytest

from proxy.ladder.visible import visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 电话 ☎", "Zoë 电话 ☎"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\r\nb\tc\0", "a\\x0d\\x0ab\\x09c\\x00"),
        ("abc\u202edcb\u2066x\u200fy\u061c", "abc\\u202edcb\\u2066x\\u200fy\\u061c"),
        ("a\u200bb\ufeff\u2028", "a\\u200bb\\ufeff\\u2028"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("\udc80", "\\udc80"),
    ],
)
def test_visible(text, shown):
    assert visible(text) == shown


def test_limit():
    assert visible("x" * 10, 5) == "xxxx…"


def test_lines():
    assert visible_lines("a\tb\r\nc\nd\re") == ["a\tb", "c", "d\\x0de"]
