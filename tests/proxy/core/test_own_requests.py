import pytest

from proxy.core.own_requests import answer
from tests.proxy.core.messages import a_request


def result(request, is_merged=False):
    return answer(request, is_merged=is_merged, supported=("path",))


@pytest.mark.rule("P30")
@pytest.mark.rfc("3261", "8.2.5")
@pytest.mark.rfc("3261", "8.2.4")
@pytest.mark.rfc("3261", "11.2")
def test_options_tells_what_the_server_can_do():
    found = result(a_request("OPTIONS", "sip:example.org"))
    assert found.status == 200
    assert dict(found.fields) == {
        "Allow": "OPTIONS, REGISTER, SUBSCRIBE, CANCEL",
        "Allow-Events": "reg",
        "Accept": "application/sdp",
        "Accept-Encoding": "identity",
        "Accept-Language": "en",
        "Supported": "path",
    }


@pytest.mark.rule("P31")
@pytest.mark.rfc("3261", "8.2.1")
@pytest.mark.parametrize(
    ("method", "status"), [("INVITE", 405), ("MESSAGE", 405), ("BYE", 405), ("FOO", 501), ("options", 501)]
)
def test_other_methods_are_405_or_501_with_allow(method, status):
    found = result(a_request(method, "sip:example.org"))
    assert (found.status, found.fields[0][0]) == (status, "Allow")


@pytest.mark.rfc("6665", "4.2.1.1")
def test_a_server_without_domains_has_nothing_to_watch():
    found = result(a_request("SUBSCRIBE", "sip:192.0.2.1", "Event: reg"))
    assert (found.status, dict(found.fields)["Allow-Events"]) == (489, "reg")


@pytest.mark.rfc("3261", "8.2.2.3")
@pytest.mark.rfc("3261", "19.2")
def test_an_unknown_requirement_is_420():
    found = result(a_request("OPTIONS", "sip:example.org", "Require: path, foo, bar"))
    assert (found.status, found.fields) == (420, [("Unsupported", "foo, bar")])


@pytest.mark.rfc("3261", "8.2.2.2")
def test_a_merged_request_is_482():
    assert result(a_request("OPTIONS", "sip:example.org"), is_merged=True).status == 482


@pytest.mark.rfc("3261", "12.2.2")
def test_a_dialog_that_does_not_exist_is_481():
    assert result(a_request("BYE", "sip:example.org", to="<sip:example.org>;tag=x")).status == 481


@pytest.mark.rfc("3261", "8.2.3")
def test_a_body_that_the_server_cannot_read_is_415():
    request = a_request("OPTIONS", "sip:example.org", "Content-Type: application/x-private")
    request.body = b"?"
    found = result(request)
    assert (found.status, found.fields) == (415, [("Accept", "application/sdp")])


@pytest.mark.rfc("3261", "8.2.2.1")
def test_to_may_name_anybody():
    """8.2.2.1: the Request-URI says who is meant; an unknown To is no reason to refuse."""
    assert result(a_request("OPTIONS", "sip:example.org", to="<sip:nobody@elsewhere.example>")).status == 200
