"""Token buckets (threat 8)."""

from sip.defence.buckets import TokenBuckets

ALICE, MALLORY = "192.0.2.10", "198.51.100.66"


def taken(buckets, source, now, most=100):
    return next(number for number in range(most + 1) if number == most or not buckets.take(source, now))


def test_a_burst_and_then_the_rate():
    buckets = TokenBuckets(10, 50, 100)
    assert taken(buckets, ALICE, 0.0) == 50
    assert taken(buckets, ALICE, 0.5) == 5
    assert taken(buckets, ALICE, 1000.0) == 50


def test_sources_do_not_share():
    buckets = TokenBuckets(10, 50, 100)
    taken(buckets, MALLORY, 0.0)
    assert buckets.take(ALICE, 0.0)


def test_what_is_given_back_is_there_again_up_to_the_burst():
    buckets = TokenBuckets(10, 50, 100)
    taken(buckets, ALICE, 0.0)
    buckets.give(ALICE, 3)
    assert taken(buckets, ALICE, 0.0) == 3
    buckets.give(ALICE, 1000)
    assert taken(buckets, ALICE, 0.0) == 50
    buckets.give("203.0.113.1", 1000)
    assert len(buckets) == 1


def test_what_costs_more_is_owed():
    buckets = TokenBuckets(10, 50, 100)
    for _ in range(10):
        buckets.charge(ALICE, 0.0, 20)
    assert taken(buckets, ALICE, 2.0) == 0
    assert taken(buckets, ALICE, 3.0) == 10
    buckets.charge(MALLORY, 0.0, 20)
    assert taken(buckets, MALLORY, 0.0) == 30


def test_memory_is_bounded():
    buckets = TokenBuckets(10, 50, 100)
    for number in range(10_000):
        assert buckets.take(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert len(buckets) == 100
