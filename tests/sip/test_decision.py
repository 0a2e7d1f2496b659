"""One decision as a value."""

from sip.decision import Step


def test_it_works():
    assert Step("Domain found") == ("Domain found", "", "")
    assert Step("Refused", "R16", "10.3 step 7").rule == "R16"
