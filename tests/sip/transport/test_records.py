"""The order of servers, and names that may be looked up."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from sip.transport.records import Srv, in_order, is_host_name


@pytest.mark.rfc("3263", "4.2")
class TestOrder:
    """RFC 2782: priority, then weighted chance."""

    def test_priority(self) -> None:
        servers = [Srv(30, 9, 1, "c"), Srv(10, 0, 1, "a"), Srv(20, 99, 1, "b")]
        assert [server.target for server in in_order(servers, Random(1).random)] == ["a", "b", "c"]

    @pytest.mark.parametrize(("drawn", "first"), [(0.0, "none"), (0.2, "light"), (0.3, "heavy"), (0.999, "heavy")])
    def test_weight(self, drawn: float, first: str) -> None:
        servers = [Srv(1, 75, 1, "heavy"), Srv(1, 25, 1, "light"), Srv(1, 0, 1, "none")]
        servers = [servers[1], servers[0], servers[2]]
        assert in_order(servers, lambda: drawn)[0].target == first

    def test_shares(self) -> None:
        random = Random(3263).random
        servers = [Srv(1, 60, 1, "big"), Srv(1, 30, 1, "middle"), Srv(1, 10, 1, "small")]
        first = Counter(in_order(servers, random)[0].target for _ in range(5_000))
        assert 2_800 < first["big"] < 3_200 and 1_300 < first["middle"] < 1_700 and 350 < first["small"] < 650

    def test_everyone_comes_once(self) -> None:
        servers = [Srv(number % 3, number, 1, str(number)) for number in range(20)]
        assert sorted(in_order(servers, Random(7).random)) == sorted(servers)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("example.org", True),
        ("localhost", True),
        ("_sip._udp.example.org", True),
        ("a-b.example", True),
        ("", False),
        ("127.1", False),
        ("a..b", False),
        ("x" * 64 + ".example", False),
        ("a." * 130 + "example", False),
        ("b\udcff.example", False),
        ("ü.example", False),
        ("a b.example", False),
        ("a\\046b.example", False),
    ],
)
def test_host_names(name: str, expected: bool) -> None:
    assert is_host_name(name) is expected
