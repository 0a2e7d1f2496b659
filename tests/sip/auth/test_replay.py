"""Nonce counts: RFC 7616 §3.3, §5.5."""

import pytest

from sip.auth.nonce import NonceFactory
from sip.auth.replay import UsedCounts

NOW = 1_700_000_000.0


@pytest.fixture
def nonces():
    return NonceFactory(b"a secret of this server alone")


@pytest.mark.rule("R35")
class TestUsedCounts:
    """3.3 nc must be new."""

    def test_a_count_is_good_once(self, nonces):
        used, nonce = UsedCounts(300), nonces.make(NOW, "example.org")
        assert [used.use(nonce, count, NOW) for count in (1, 1, 2, 2, 1)] == [True, False, True, False, False]

    def test_counts_may_overtake_each_other_within_the_window(self, nonces):
        used, nonce = UsedCounts(300), nonces.make(NOW, "example.org")
        assert [used.use(nonce, count, NOW) for count in (1, 5, 3, 4, 2, 3)] == [True, True, True, True, True, False]

    def test_a_count_far_behind_is_refused(self, nonces):
        used, nonce = UsedCounts(300), nonces.make(NOW, "example.org")
        assert used.use(nonce, 100, NOW)
        assert used.use(nonce, 69, NOW)
        assert not used.use(nonce, 68, NOW)
        assert used.use(nonce, 500, NOW)
        assert not used.use(nonce, 100, NOW)

    def test_without_counts_a_nonce_is_good_once(self, nonces):
        used, nonce = UsedCounts(300), nonces.make(NOW, "example.org")
        assert used.use_once(nonce, NOW)
        assert not used.use_once(nonce, NOW)
        assert not used.use(nonce, 7, NOW)

    @pytest.mark.threat(2)
    def test_memory_is_bounded_and_what_was_forgotten_is_not_good_again(self, nonces):
        used = UsedCounts(300, capacity=10)
        made = [nonces.make(NOW + index / 10, "example.org") for index in range(50)]
        assert all(used.use(nonce, 1, NOW + 5) for nonce in made)
        assert len(used) <= 10
        assert not any(used.use(nonce, 1, NOW + 5) for nonce in made)

    def test_expired_nonces_are_dropped_on_the_way(self, nonces):
        used = UsedCounts(300)
        for index in range(20):
            used.use(nonces.make(NOW + index, "example.org"), 1, NOW + index)
        for index in range(20):
            used.use(nonces.make(NOW + 1000 + index, "example.org"), 1, NOW + 1000 + index)
        assert len(used) == 20
