import pytest

from proxy.core.validation import breadth_of, check_breadth, check_max_forwards, check_proxy_require, check_scheme
from sip.message.errors import BadMessage
from tests.proxy.core.messages import a_request

pytestmark = pytest.mark.rfc("3261", "16.3")


@pytest.mark.rule("P02")
class TestScheme:
    """16.3 step 2."""

    @pytest.mark.parametrize("uri", ["tel:+15551234", "mailto:bob@example.org", "foo:bar"])
    def test_an_unknown_scheme_is_416(self, uri):
        assert check_scheme(a_request("INVITE", uri)).status == 416

    @pytest.mark.parametrize("uri", ["sip:bob@example.org", "SIPS:bob@example.org"])
    def test_sip_and_sips_pass(self, uri):
        assert check_scheme(a_request("INVITE", uri)) is None

    def test_a_malformed_uri_is_400(self):
        with pytest.raises(BadMessage) as caught:
            check_scheme(a_request("INVITE", "sip:bob@"))
        assert caught.value.status == 400


@pytest.mark.rule("P03")
def test_nothing_required_of_proxies_passes():
    assert check_proxy_require(a_request("INVITE", "sip:bob@example.org")) is None
    assert check_proxy_require(a_request("INVITE", "sip:bob@example.org", "Proxy-Require: ,")) is None


@pytest.mark.rule("P01")
class TestMaxForwards:
    """16.3 step 3."""

    @pytest.mark.parametrize(("value", "status"), [("0", 483), ("1", 0), ("70", 0)])
    def test_zero_is_refused(self, value, status):
        request = a_request()
        request.replace("Max-Forwards", value)
        refusal = check_max_forwards(request)
        assert (refusal.status if refusal else 0) == status

    def test_none_at_all_passes(self):
        request = a_request()
        request.remove("Max-Forwards")
        assert check_max_forwards(request) is None

    @pytest.mark.parametrize("value", ["-1", "many", "256", "0x10"])
    def test_a_malformed_one_is_400(self, value):
        request = a_request()
        request.replace("Max-Forwards", value)
        with pytest.raises(BadMessage):
            check_max_forwards(request)


@pytest.mark.rule("P03")
class TestProxyRequire:
    """16.3 step 5."""

    def test_unknown_options_are_listed(self):
        refusal = check_proxy_require(a_request("INVITE", "sip:b@example.org", "Proxy-Require: sec-agree, foo"))
        assert (refusal.status, list(refusal.fields)) == (420, [("Unsupported", "sec-agree, foo")])

    def test_require_is_not_the_proxys_business(self):
        assert check_proxy_require(a_request("INVITE", "sip:b@example.org", "Require: foo")) is None


@pytest.mark.rule("P26")
@pytest.mark.rfc("5393", "5.3.3")
class TestBreadth:
    @pytest.mark.parametrize(
        ("text", "number"), [("1", 1), ("007", 7), ("60", 60), ("61", 60), ("9" * 5000, 60), ("0", 0), ("000", 0)]
    )
    def test_what_it_says_but_never_more_than_60(self, text, number):
        assert breadth_of(a_request("INVITE", "sip:b@example.org", f"Max-Breadth: {text}")) == number

    def test_absent_is_60(self):
        assert breadth_of(a_request()) == 60
        assert check_breadth(a_request()) is None

    @pytest.mark.parametrize("text", ["-1", "x", "1.5", ""])
    def test_malformed_is_400(self, text):
        with pytest.raises(BadMessage) as caught:
            breadth_of(a_request("INVITE", "sip:b@example.org", f"Max-Breadth: {text}"))
        assert caught.value.status == 400

    def test_none_left_is_440(self):
        assert check_breadth(a_request("INVITE", "sip:b@example.org", "Max-Breadth: 0")).status == 440
