"""Digest computations: §22.4, RFC 7616 §3.4."""

import pytest

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
