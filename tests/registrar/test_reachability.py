"""Which contacts answer."""

from registrar.reachability import Reachability


class TestReachability:
    def test_nothing_is_known_at_first(self):
        reach = Reachability()
        assert reach.of(1) is None and not reach.is_unreachable(1) and len(reach) == 0

    def test_failures_are_counted_until_an_answer(self):
        reach = Reachability()
        assert reach.failed(1, 10.0, "silent")
        assert not reach.failed(1, 20.0, "still silent")
        assert reach.is_unreachable(1) and reach.of(1).failures == 2 and not reach.of(1).is_reachable
        assert reach.answered(1, 30.0, 200, 0.25)
        assert not reach.answered(1, 40.0)
        assert not reach.is_unreachable(1)

    def test_facts(self):
        reach = Reachability()
        reach.answered(1, 30.0, 200, 0.25)
        reach.failed(1, 40.0, "It did not answer a probe")
        assert reach.of(1).facts(1000.0) == {
            "reachable": False,
            "round_trip": 0.25,
            "last_answer": 200,
            "answered_at": 1030.0,
            "failed_at": 1040.0,
            "failures": 1,
            "reason": "It did not answer a probe",
        }
        reach.failed(2, 40.0, "x")
        assert reach.of(2).facts()["answered_at"] is None and reach.of(2).facts()["last_answer"] is None
        reach.answered(3, 1.0)
        assert reach.of(3).facts()["failed_at"] is None

    def test_what_is_gone_is_forgotten(self):
        reach = Reachability()
        reach.failed(1, 10.0, "silent")
        reach.forget(1)
        reach.forget(2)
        assert len(reach) == 0
