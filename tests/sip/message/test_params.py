"""§7.3.1, §25.1: parameters, lists, quoted strings, and text made safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.message.errors import BadMessage
from sip.message.params import (
    format_params,
    is_token,
    parse_params,
    printable,
    quote,
    split_list,
    split_outside,
    unquote,
)

pytestmark = pytest.mark.rfc("3261", "7.3.1")


@pytest.mark.parametrize(("text", "right"), [("a-Z.!%*_+`'~9", True), ("", False), ("a b", False), ("a\n", False)])
def test_token(text: str, right: bool) -> None:
    assert is_token(text) is right


class TestQuoting:
    @given(st.text())
    def test_round_trip(self, text: str) -> None:
        assert unquote(quote(text)) == text

    @pytest.mark.parametrize(
        ("text", "content"),
        [
            ('"a\\"b\\\\"', 'a"b\\'),
            ('"plain"', "plain"),
            ("bare", "bare"),
            ('"', '"'),
            ('"x', '"x'),
        ],
    )
    def test_unquote(self, text: str, content: str) -> None:
        assert unquote(text) == content


class TestSplitting:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("a, b ,c", ["a", "b", "c"]),
            ('"a,b", c', ['"a,b"', "c"]),
            ("<sip:a,b>;x, d", ["<sip:a,b>;x", "d"]),
            ('"q\\",q" <sip:x>, y', ['"q\\",q" <sip:x>', "y"]),
            ('<sip:"@x>, y', ['<sip:"@x>', "y"]),
            (" alone ", ["alone"]),
            ("", [""]),
            ("a,,b", ["a", "", "b"]),
        ],
    )
    def test_outside_quotes_and_brackets(self, text: str, parts: list[str]) -> None:
        assert split_outside(text, ",") == parts

    @pytest.mark.parametrize("text", ['"a, b', '"a', "<sip:a, b", 'a, "b\\"'])
    def test_what_is_left_open(self, text: str) -> None:
        with pytest.raises(BadMessage):
            split_outside(text, ",")

    def test_empty_values_are_no_values(self) -> None:
        assert split_list("a, , b,") == ["a", "b"]


class TestParams:
    @pytest.mark.parametrize(
        ("text", "params"),
        [
            ("", {}),
            (";a=1;B;c = \"x;y\"", {"a": "1", "b": None, "c": '"x;y"'}),
            (";;a", {"a": None}),
            (";a-b.c=[2001:db8::1]", {"a-b.c": "[2001:db8::1]"}),
        ],
    )  # fmt: skip
    def test_it_works(self, text: str, params: dict[str, str | None]) -> None:
        assert parse_params(text) == params

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (";a;A", "Parameter a given twice"),
            (";a b", "Malformed parameter a b"),
            (";=1", "Malformed parameter =1"),
            (";a=", "Parameter a without value"),
            (";a=b c", "Malformed value of parameter a"),
            (';a="x"y', "Malformed value of parameter a"),
        ],
    )
    def test_malformed(self, text: str, reason: str) -> None:
        with pytest.raises(BadMessage) as caught:
            parse_params(text)
        assert caught.value.reason == reason

    def test_they_are_written_as_they_were_read(self) -> None:
        text = ';a=1;b;c="x;y"'
        assert format_params(parse_params(text)) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("x" * 41, "x" * 37 + "..."),
        ("a\r\n\x1b[b\x7f", "a???[b?"),
        ("\u00e4\udcff", "\\xe4\\udcff"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
