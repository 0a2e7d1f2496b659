"""When which binding is probed."""

from collections import Counter

from registrar.probe_times import MOST_A_SECOND, MOST_IN_FLIGHT, ProbeTimes

AOR = "sip:bob@example.org"


def run(times, start, seconds, in_flight=0):
    """What was due in each second."""
    return [times.take(start + second, in_flight) for second in range(seconds)]


class TestSpread:
    def test_first_probes_are_spread_over_the_interval(self):
        times = ProbeTimes()
        for number in range(1, 1010):
            times.add((AOR, number), 1000.0, 60, is_first=True)
        a_second = Counter(map(len, run(times, 1000, 62)))
        assert sum(count * number for number, count in a_second.items()) == 1009
        assert max(a_second) <= 40  # of 1009 in 60 s

    def test_later_ones_keep_their_place(self):
        times = ProbeTimes()
        times.add((AOR, 7), 1000.0, 60, is_first=False)
        assert [number for number, due in enumerate(run(times, 1000, 70)) if due] == [60]
        times.add((AOR, 7), 1069.0, 60, is_first=False)
        assert [number for number, due in enumerate(run(times, 1070, 70)) if due] == [59]

    def test_each_is_there_once(self):
        times = ProbeTimes()
        for _ in range(3):
            times.add((AOR, 7), 1000.0, 10, is_first=False)
        assert len(times) == 1
        assert sum(map(len, run(times, 1000, 20))) == 1 and len(times) == 0


class TestBounds:
    def test_no_more_a_second_than_that(self):
        times = ProbeTimes()
        for number in range(2 * MOST_A_SECOND + 1):
            times.add((AOR, number), 1000.0, 1, is_first=False)
        found = run(times, 1000, 6)
        assert [len(due) for due in found] == [0, MOST_A_SECOND, MOST_A_SECOND, 1, 0, 0]
        assert len({number for due in found for _, number in due}) == 2 * MOST_A_SECOND + 1

    def test_none_while_too_many_are_unanswered(self):
        times = ProbeTimes()
        times.add((AOR, 1), 1000.0, 1, is_first=False)
        assert run(times, 1000, 5, in_flight=MOST_IN_FLIGHT) == [[]] * 5
        assert times.take(1005, 0) == [(AOR, 1)]

    def test_what_should_have_been_is_soon(self):
        times = ProbeTimes()
        times.take(1000, 0)
        times.add((AOR, 1), 900.0, 1, is_first=False)
        assert times.take(1001, 0) == [(AOR, 1)]
