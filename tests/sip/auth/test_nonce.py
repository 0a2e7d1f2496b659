"""Nonces: RFC 7616 §3.3, threats 1, 3 and 7."""

import pytest

from sip.auth.nonce import NonceFactory

NOW = 1_700_000_000.0
SECRET = b"a secret of this server alone"
REALM = "example.org"
ALICE, MALLORY = "192.0.2.10", "198.51.100.66"


class TestNonce:
    """3.3 Server nonce."""

    def test_own_nonce_is_valid_until_its_lifetime_ends(self):
        nonces = NonceFactory(SECRET, lifetime=300)
        nonce = nonces.make(NOW, REALM, ALICE)
        assert nonces.check(nonce, NOW, REALM) == "valid"
        assert nonces.check(nonce, NOW + 299, REALM) == "valid"
        assert nonces.check(nonce, NOW + 301, REALM) == "stale"

    @pytest.mark.threat(1)
    def test_a_thousand_nonces_of_one_moment_differ_and_cannot_be_guessed_from_each_other(self):
        nonces = NonceFactory(SECRET)
        made = [nonces.make(NOW, REALM, ALICE) for _ in range(1000)]
        assert len(set(made)) == 1000
        assert len({nonce[-32:] for nonce in made}) == 1000

    @pytest.mark.rule("R35")
    @pytest.mark.parametrize("nonce", ["", "x", "f" * 68, "é" * 68, "0" * 69])
    def test_other_text_is_foreign(self, nonce):
        assert NonceFactory(SECRET).check(nonce, NOW, REALM) == "foreign"

    def test_nonce_of_another_secret_is_foreign(self):
        assert (
            NonceFactory(SECRET).check(NonceFactory(b"another secret, also long").make(NOW, REALM, ALICE), NOW, REALM)
            == "foreign"
        )

    @pytest.mark.threat(1)
    def test_changing_the_time_makes_it_foreign(self):
        nonces = NonceFactory(SECRET)
        nonce = nonces.make(NOW, REALM, ALICE)
        later = f"{int(nonce[:12], 16) + 1000:012x}" + nonce[12:]
        assert nonces.check(later, NOW, REALM) == "foreign"

    @pytest.mark.threat(33)
    def test_nonce_of_an_earlier_process_is_stale_not_foreign(self):
        nonce = NonceFactory(SECRET).make(NOW, REALM, ALICE)
        assert NonceFactory(SECRET, valid_from=NOW + 5).check(nonce, NOW + 6, REALM) == "stale"

    def test_nonce_from_the_future_is_stale(self):
        nonces = NonceFactory(SECRET)
        assert nonces.check(nonces.make(NOW, REALM, ALICE), NOW - 3600, REALM) == "stale"

    def test_nonce_of_another_realm_is_foreign(self):
        nonces = NonceFactory(SECRET)
        assert nonces.check(nonces.make(NOW, "other.example", ALICE), NOW, REALM) == "foreign"

    def test_it_knows_for_whom_it_was_made(self):
        nonces = NonceFactory(SECRET)
        nonce = nonces.make(NOW, REALM, ALICE)
        assert nonces.is_for(nonce, ALICE)
        assert not nonces.is_for(nonce, MALLORY)
        # It stays good: a phone may have changed its network meanwhile.
        assert nonces.check(nonce, NOW, REALM) == "valid"

    def test_changing_for_whom_it_was_made_makes_it_foreign(self):
        nonces = NonceFactory(SECRET)
        own, other = nonces.make(NOW, REALM, MALLORY), nonces.make(NOW, REALM, ALICE)
        assert nonces.check(own[:20] + other[20:36] + own[36:], NOW, REALM) == "foreign"

    def test_short_secret_is_refused(self):
        with pytest.raises(ValueError, match="at least 16"):
            NonceFactory(b"short")
