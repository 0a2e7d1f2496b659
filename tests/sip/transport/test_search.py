"""Asking what the pure function wants to know, round by round."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from sip.message.uri import Uri
from sip.transport.records import Kind, Question, Record, Srv
from sip.transport.search import Search
from sip.transport.selection import NextHop, destination

ZONE: dict[Question, list[Record]] = {
    Question(Kind.SRV, "_sip._udp.example.org"): [
        Srv(1, 1, 5060 + number, f"s{number}.example.org") for number in range(9)
    ],
    **{Question(Kind.ADDRESS, f"s{number}.example.org"): [f"192.0.2.{number}"] for number in range(9)},
}


def search(uri: str, key: str) -> list[NextHop]:
    """What comes of it when all answers of a round come late and in the wrong order."""
    late: list[tuple[Question, Callable[[Sequence[Record]], None]]] = []
    found: list[list[NextHop]] = []
    wanted = destination(Uri.parse(uri))
    assert wanted is not None
    Search(wanted, lambda *asked: late.append(asked), lambda *hop: True, key, found.append).go_on()
    while late:
        question, done = late.pop()
        done(ZONE.get(question, []))
    [hops] = found
    return hops


@pytest.mark.rfc("3263", "4")
def test_rounds() -> None:
    hops = search("sip:example.org", "")
    assert {hop.port for hop in hops} <= set(range(5060, 5069)) and len(hops) == 9
    assert search("sip:192.0.2.9", "") == [NextHop("udp", "192.0.2.9", 5060)]


@pytest.mark.rule("P29")
def test_the_same_key_draws_the_same_order() -> None:
    assert search("sip:example.org", "a\udcff") == search("sip:example.org", "a\udcff")
    assert len({tuple(search("sip:example.org", str(key))) for key in range(20)}) > 1
