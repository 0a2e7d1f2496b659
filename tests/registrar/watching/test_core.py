"""RFC 3680 §4, RFC 6665 §4.2.1.1: what a SUBSCRIBE asks for."""

import pytest

from registrar.outcome import Refused
from registrar.watching.core import event_of, inspect_subscribe
from sip.message.wire import parse_message
from tests.sip.imaginary import request_text

CONTACT = "Contact: <sip:bob@192.0.2.20>"


def inspected(*fields, is_refresh=False, contact=CONTACT):
    lines = [*fields, *([contact] if contact else [])]
    return inspect_subscribe(parse_message(request_text("SUBSCRIBE", fields=lines)), is_refresh=is_refresh)


@pytest.mark.rfc("6665", "8.2.1")
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Event: reg", ("reg", "")),
        ("o: reg ;id=4", ("reg", "4")),
        ("Event: reg;x", ("reg", "")),
        ("Event: reg;=", ("reg", "")),
        ("Event: r g", ("", "")),
        ("Subject: reg", ("", "")),
    ],
)
def test_event(field, expected):
    assert event_of(parse_message(request_text("SUBSCRIBE", fields=[field]))) == expected


@pytest.mark.rfc("3680", "4.3")
class TestInspection:
    """RFC 3680 §4.3 and §4.4: duration and bodies."""

    @pytest.mark.parametrize(
        ("field", "expires"), [("Subject: x", 3761), ("Expires: 0", 0), ("Expires: 60", 60), ("Expires: 1e9", 3600)]
    )
    @pytest.mark.rfc("3680", "4.4")
    def test_duration(self, field, expires):
        assert inspected("Event: reg", field).expires == expires

    def test_contact(self):
        assert inspected("Event: reg").contact.uri_text == "sip:bob@192.0.2.20"
        assert inspected("Event: reg", contact="", is_refresh=True).contact is None

    @pytest.mark.parametrize(
        ("fields", "contact", "status"),
        [
            (["Event: presence"], CONTACT, 489),
            ([], CONTACT, 489),
            (["Event: reg", "Require: a, b"], CONTACT, 420),
            (["Event: reg", "Accept: text/plain"], CONTACT, 406),
            (["Event: reg", "Expires: 1"], CONTACT, 423),
            (["Event: reg"], "", 400),
            (["Event: reg"], "Contact: *", 400),
            (["Event: reg"], "Contact: <sip:a>, <sip:b>", 400),
            (["Event: reg"], "Contact: <tel:1>", 400),
            (["Event: reg"], "Contact: <sip:%%>", 400),
            (["Event: reg"], "Contact: <sip:a", 400),
            (["Event: reg", "Record-Route: <sip:%%>"], CONTACT, 400),
            (["Event: reg", "Record-Route: " + ",".join(["<sip:a;lr>"] * 21)], CONTACT, 400),
        ],
    )
    def test_refusals(self, fields, contact, status):
        found = inspected(*fields, contact=contact)
        assert isinstance(found, Refused)
        assert found.status == status
