"""Host names to addresses."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from sip.transport import resolver
from sip.transport.resolver import MAX_PENDING, Resolver


async def addresses(of: Resolver, name: str) -> list[str]:
    found: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    of.look_up(name, found.set_result)
    return await asyncio.wait_for(found, 5)


class TestResolver:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        asked: list[str] = []

        def answer(name: str) -> list[str]:
            asked.append(name)
            return ["192.0.2.9", "2001:db8::9"] if name == "bob.example" else []

        monkeypatch.setattr(resolver, "_addresses", answer)
        return asked

    async def test_answers_are_kept(self, asked: list[str]) -> None:
        under_test = Resolver(Counter())
        assert await addresses(under_test, "bob.example") == ["192.0.2.9", "2001:db8::9"]
        assert await addresses(under_test, "BOB.example.") == ["192.0.2.9", "2001:db8::9"]
        assert await addresses(under_test, "nobody.example") == []
        assert asked == ["bob.example", "nobody.example"]
        under_test.stop()

    async def test_a_name_is_asked_once_at_a_time(self, asked: list[str]) -> None:
        under_test = Resolver(Counter())
        found = await asyncio.gather(*(addresses(under_test, "bob.example") for _ in range(5)))
        assert found == [["192.0.2.9", "2001:db8::9"]] * 5 and asked == ["bob.example"]
        under_test.stop()

    async def test_a_flood_of_names_is_refused(self, asked: list[str]) -> None:
        count: Counter[str] = Counter()
        under_test = Resolver(count)
        got: list[list[str]] = []
        for number in range(MAX_PENDING + 3):
            under_test.look_up(f"{number}.example", got.append)
        assert got == [[], [], []] and count["too_many_look_ups"] == 3
        under_test.stop()

    @pytest.mark.parametrize("name", ["a..b", "x" * 300, "\udcff.example"])
    def test_names_that_are_none(self, name: str) -> None:
        assert resolver._addresses(name) == []
