"""Digest computations: §22.4, RFC 7616 §3.4."""

import hashlib
import re
from functools import partial
from types import SimpleNamespace

import pytest
import requests.auth
from hypothesis import given
from hypothesis import strategies as st

from sip.auth.digest import ha1, response


@pytest.mark.rfc("7616", "3.4.1")
class TestResponse:
    """3.4.1 Response. Expected values are those of the examples in RFC 7616 §3.9.1 and RFC 2069 as corrected."""

    @pytest.mark.parametrize(
        ("algorithm", "expected"),
        [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ],
    )
    def test_published_example(self, algorithm, expected):
        known = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
        assert expected == response(
            algorithm,
            known,
            "GET",
            "/dir/index.html",
            "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            "auth",
            "00000001",
            "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )

    def test_without_qop_as_old_clients_do(self):
        known = ha1("MD5", "Mufasa", "testrealm@host.com", "CircleOfLife")
        assert response("MD5", known, "GET", "/dir/index.html", "dcd98b7102dd2f0e8b11d0f600bfb0c093") == (
            "1949323746fe6a43ef61f9606e7febea"
        )

    def test_sha_512_256_has_64_hex_digits(self):
        assert len(ha1("SHA-512-256", "bob", "example.org", "secret")) == 64

    def test_unknown_algorithm(self):
        with pytest.raises(ValueError, match="MD4"):
            ha1("MD4", "bob", "example.org", "secret")


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\'), min_size=1, max_size=20)


class TestAgainstAnother:
    """What the client of a library that knows nothing of ours sends, is what we expect."""

    def theirs(self, algorithm, username, password, realm, nonce, method, qop):
        """Its Authorization header field. It knows SHA-512 and not SHA-512-256: same sums, another hash function."""
        client = requests.auth.HTTPDigestAuth(username, password)
        client.init_per_thread_state()
        named = "SHA-512" if algorithm == "SHA-512-256" else algorithm
        client._thread_local.chal = {"realm": realm, "nonce": nonce, "algorithm": named} | ({"qop": qop} if qop else {})
        shorter = SimpleNamespace(**{**vars(hashlib), "sha512": partial(hashlib.new, "sha512_256")})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(requests.auth, "hashlib", shorter)
            return client.build_digest_header(method, "http://example.org/there")

    @pytest.mark.rfc("7616", "3.4.1")
    @pytest.mark.rfc("8760", "2")
    @given(
        st.sampled_from(["MD5", "SHA-256", "SHA-512-256"]),
        *[TEXTS] * 4,
        st.sampled_from(["REGISTER", "INVITE", "X-Odd"]),
        st.sampled_from(["", "auth"]),
    )
    def test_the_same(self, algorithm, username, password, realm, nonce, method, qop):
        header = self.theirs(algorithm, username, password, realm, nonce, method, qop)

        def sent(name):
            return re.findall(rf', {name}="?([^",]*)', header)[-1]  # after all that a hostile name could imitate

        known = ha1(algorithm, username, realm, password)
        rest = (qop, sent("nc"), sent("cnonce")) if qop else ()
        assert f'response="{response(algorithm, known, method, "/there", nonce, *rest)}"' in header

    def test_its_hash_function_is_the_one_of_the_standard(self):
        assert hashlib.new("sha512_256", b"abc").hexdigest() == (
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
        )
