"""Timers and intervals."""

from __future__ import annotations

from random import Random

import pytest

from sip.transaction.timers import Intervals, Timers


class Owner:
    def __init__(self) -> None:
        self.fired: list[tuple[str, float]] = []

    def timer_fired(self, name: str, now: float) -> None:
        self.fired.append((name, now))


@pytest.mark.rfc("3261", "17.1.1.1")
class TestIntervals:
    """§17.1.1.1 and RFC 4320 §4.1."""

    @pytest.mark.parametrize(
        ("t1", "t2", "expected"), [(0.5, 4.0, 3.5), (1.0, 4.0, 3.0), (0.5, 0.5, 0.5), (0.1, 4.0, 6.3)]
    )
    def test_how_long_timer_e_takes_to_reach_t2(self, t1: float, t2: float, expected: float) -> None:
        assert Intervals(t1, t2).before_trying == pytest.approx(expected)

    def test_timer_d_is_never_below_32_s(self) -> None:
        assert (Intervals(0.1).timer_d, Intervals(1.0).timer_d) == (32.0, 64.0)


class TestTimers:
    def test_they_fire_when_due_and_once(self) -> None:
        owner, timers = Owner(), Timers(lambda when: None)
        timers.start(owner, "A", 0.5, 10.0)
        timers.start(owner, "B", 32.0, 10.0)
        timers.fire(10.4)
        assert owner.fired == []
        timers.fire(10.5)
        timers.fire(10.6)
        assert owner.fired == [("A", 10.5)]
        timers.fire(50.0)
        assert owner.fired[1:] == [("B", 50.0)]
        assert timers.next_due() == float("inf")

    def test_a_cancelled_timer_never_fires(self) -> None:
        owner, timers = Owner(), Timers(lambda when: None)
        timers.start(owner, "A", 0.5, 0.0).cancel()
        timers.start_at(owner, "single", 0.7).cancel()
        assert timers.next_due() == float("inf")
        timers.fire(1.0)
        assert owner.fired == []

    def test_an_owner_may_start_and_cancel_while_timers_fire(self) -> None:
        timers = Timers(lambda when: None)
        owner = Owner()
        doomed = timers.start(owner, "doomed", 1.0, 0.0)

        class Restless(Owner):
            def timer_fired(self, name: str, now: float) -> None:
                super().timer_fired(name, now)
                doomed.cancel()
                timers.start(self, "again", 0.5, now)
                timers.start_at(self, "single", now + 0.1)

        restless = Restless()
        timers.start(restless, "first", 0.5, 0.0)
        timers.fire(0.5)
        assert len(timers) == 2
        timers.fire(1.0)
        assert owner.fired == []
        assert [name for name, _ in restless.fired] == ["first", "again", "single"]

    def test_it_asks_to_be_woken_when_something_is_due_earlier(self) -> None:
        wishes: list[float] = []
        timers = Timers(wishes.append)
        owner = Owner()
        timers.start(owner, "B", 32.0, 0.0)
        timers.start(owner, "A", 0.5, 0.0)
        timers.start(owner, "A", 0.5, 0.1)
        timers.start_at(owner, "single", 0.2)
        assert wishes == [32.0, 0.5, 0.2]
        timers.fire(0.2)
        assert wishes[3:] == [0.5]

    def test_cancelled_single_timers_do_not_pile_up(self) -> None:
        timers = Timers(lambda when: None)
        for number in range(10_000):
            timers.start_at(Owner(), "ring", 180.0 + number).cancel()
        assert len(timers._single) < 2_000

    def test_any_mixture_fires_everything_in_time(self) -> None:
        random = Random(7)
        timers, owner = Timers(lambda when: None), Owner()
        now, due = 0.0, []
        for _ in range(500):
            now += random.random() / 10
            interval = random.choice([0.5, 1.0, 2.0, 4.0, 32.0])
            timer = timers.start(owner, str(now + interval), interval, now)
            if random.random() < 0.5:
                timer.cancel()
            else:
                due.append(now + interval)
            if random.random() < 0.2:
                timers.fire(now)
        timers.fire(now + 100)
        assert sorted(float(name) for name, _ in owner.fired) == sorted(due)
        assert all(float(name) <= fired_at for name, fired_at in owner.fired)

    def test_a_single_timer_that_was_cancelled_lets_the_next_one_fire(self) -> None:
        timers, owner = Timers(lambda when: None), Owner()
        timers.start_at(owner, "first", 1.0).cancel()
        timers.start_at(owner, "second", 2.0)
        timers.fire(2.0)
        assert [name for name, _ in owner.fired] == ["second"]
