"""Nonces: RFC 7616 §3.3, threat 1."""

import pytest

from sip.auth.nonce import NonceFactory

NOW = 1_700_000_000.0
SECRET = b"a secret of this server alone"


class TestNonce:
    """3.3 Server nonce."""

    def test_own_nonce_is_valid_until_its_lifetime_ends(self):
        nonces = NonceFactory(SECRET, lifetime=300)
        nonce = nonces.make(NOW)
        assert nonces.check(nonce, NOW) == "valid"
        assert nonces.check(nonce, NOW + 299) == "valid"
        assert nonces.check(nonce, NOW + 301) == "stale"

    def test_a_thousand_nonces_of_one_moment_differ_and_cannot_be_guessed_from_each_other(self):
        nonces = NonceFactory(SECRET)
        made = [nonces.make(NOW) for _ in range(1000)]
        assert len(set(made)) == 1000
        assert len({nonce[20:] for nonce in made}) == 1000

    @pytest.mark.rule("R35")
    @pytest.mark.parametrize("nonce", ["", "x", "f" * 52, "é" * 52, "0" * 53])
    def test_other_text_is_foreign(self, nonce):
        assert NonceFactory(SECRET).check(nonce, NOW) == "foreign"

    def test_nonce_of_another_secret_is_foreign(self):
        assert NonceFactory(SECRET).check(NonceFactory(b"another secret, also long").make(NOW), NOW) == "foreign"

    def test_changing_the_time_makes_it_foreign(self):
        nonces = NonceFactory(SECRET)
        nonce = nonces.make(NOW)
        later = f"{int(nonce[:12], 16) + 1000:012x}" + nonce[12:]
        assert nonces.check(later, NOW) == "foreign"

    def test_nonce_of_an_earlier_process_is_stale_not_foreign(self):
        nonce = NonceFactory(SECRET).make(NOW)
        assert NonceFactory(SECRET, valid_from=NOW + 5).check(nonce, NOW + 6) == "stale"

    def test_nonce_from_the_future_is_stale(self):
        nonces = NonceFactory(SECRET)
        assert nonces.check(nonces.make(NOW), NOW - 3600) == "stale"

    def test_short_secret_is_refused(self):
        with pytest.raises(ValueError, match="at least 16"):
            NonceFactory(b"short")
