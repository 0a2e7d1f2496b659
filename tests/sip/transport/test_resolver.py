"""Answers are kept for their time, and questions asked once at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from sip.transport.name_servers import FAILED, Answer
from sip.transport.records import Kind, Question, Record
from sip.transport.resolver import MAX_KEPT, MAX_PENDING, Resolver

BOB = Question(Kind.ADDRESS, "bob.example")
NOBODY = Question(Kind.ADDRESS, "nobody.example")


class AZone:
    """Source of answers; ``now`` is the clock."""

    def __init__(self) -> None:
        self.answers = {BOB: Answer(["192.0.2.9", "2001:db8::9"], 300)}
        self.asked: list[Question] = []
        self.now = 1000.0
        self.is_stopped = False

    async def ask(self, question: Question) -> Answer:
        self.asked.append(question)
        await asyncio.sleep(0)
        return self.answers.get(question, FAILED)

    def stop(self) -> None:
        self.is_stopped = True

    def resolver(self, count: Counter[str] | None = None) -> Resolver:
        return Resolver(Counter() if count is None else count, self, lambda: self.now)


async def records(of: Resolver, question: Question) -> Sequence[Record]:
    found: asyncio.Future[Sequence[Record]] = asyncio.get_running_loop().create_future()
    of.look_up(question, found.set_result)
    return await asyncio.wait_for(found, 5)


class TestResolver:
    async def test_answers_are_kept(self) -> None:
        zone = AZone()
        under_test = zone.resolver()
        for _ in range(2):
            assert await records(under_test, BOB) == ["192.0.2.9", "2001:db8::9"]
            assert await records(under_test, NOBODY) == []
        assert zone.asked == [BOB, NOBODY]
        at_once: list[Sequence[Record]] = []
        under_test.look_up(BOB, at_once.append)
        assert at_once == [["192.0.2.9", "2001:db8::9"]]

    @pytest.mark.parametrize(
        ("answer", "kept"),
        [
            (Answer(["192.0.2.9"], 300), 300),
            (Answer(["192.0.2.9"], 0), 1),
            (Answer(["192.0.2.9"], 1e9), 3600),
            (Answer([], 30), 30),
            (Answer([], 86_400), 60),
            (FAILED, 5),
        ],
    )
    async def test_for_their_time_within_bounds(self, answer: Answer, kept: float) -> None:
        zone = AZone()
        zone.answers[BOB] = answer
        under_test = zone.resolver()
        await records(under_test, BOB)
        zone.now += kept - 0.5
        await records(under_test, BOB)
        assert len(zone.asked) == 1
        zone.now += 1
        await records(under_test, BOB)
        assert len(zone.asked) == 2

    async def test_a_question_is_asked_once_at_a_time(self) -> None:
        zone = AZone()
        under_test = zone.resolver()
        found = await asyncio.gather(*(records(under_test, BOB) for _ in range(5)))
        assert found == [["192.0.2.9", "2001:db8::9"]] * 5 and zone.asked == [BOB]

    async def test_a_flood_of_questions_is_refused(self) -> None:
        count: Counter[str] = Counter()
        zone = AZone()
        under_test = zone.resolver(count)
        got: list[Sequence[Record]] = []
        for number in range(MAX_PENDING + 3):
            under_test.look_up(Question(Kind.ADDRESS, f"{number}.example"), got.append)
        assert got == [[], [], []] and count["too_many_look_ups"] == 3
        under_test.stop()
        assert zone.is_stopped

    async def test_the_cache_is_bounded(self) -> None:
        zone = AZone()
        under_test = zone.resolver()
        await records(under_test, BOB)
        for number in range(MAX_KEPT):
            under_test._keep(Question(Kind.ADDRESS, f"{number}.example"), FAILED, zone.now)
        assert len(under_test._kept) == MAX_KEPT and BOB not in under_test._kept
        zone.now += 10
        under_test._keep(BOB, zone.answers[BOB], zone.now)
        assert list(under_test._kept) == [BOB]  # the others were over

    async def test_one_that_raises_does_not_rob_the_others(self) -> None:
        under_test = AZone().resolver()
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context["exception"]))

        def fail(records: Sequence[Record]) -> None:
            raise RuntimeError

        under_test.look_up(BOB, fail)
        assert await records(under_test, BOB) == ["192.0.2.9", "2001:db8::9"]
        assert len(complaints) == 1
