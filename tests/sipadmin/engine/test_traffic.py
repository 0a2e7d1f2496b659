"""Requests and answers a second."""

from sipadmin.engine.traffic import KEPT, Traffic


def test_rates_are_differences():
    traffic = Traffic()
    traffic.sample({}, 10.0, 1000.0)
    assert traffic.last is None
    traffic.sample({"request_REGISTER": 20, "answer_2xx": 18, "answer_5xx": 1, "answer_6xx": 1}, 12.0, 1002.0)
    assert traffic.last == {
        "at": 1002.0, "register": 10.0, "invite": 0.0, "success": 9.0, "redirect": 0.0, "refused": 0.0, "failed": 1.0,
    }  # fmt: skip


def test_between_two_samples_nothing_is_taken():
    traffic = Traffic()
    for now in (0.0, 1.0, 2.0, 3.0):
        traffic.sample({}, now, now)
    assert [sample["at"] for sample in traffic.history()["samples"]] == [2.0]


def test_five_minutes_are_kept():
    traffic = Traffic()
    for number in range(KEPT + 20):
        traffic.sample({}, 2.0 * number, 2.0 * number)
    samples = traffic.history()["samples"]
    assert len(samples) == KEPT
    assert samples[-1]["at"] == 2.0 * (KEPT + 19)
