import pytest

from proxy.core.facts import Refuse
from proxy.core.redirect import redirect
from sip.location import FOR_EVER
from sip.message.uri import Uri
from tests.proxy.core.people import NOW, a_binding

pytestmark = pytest.mark.rfc("3261", "8.3")

DESK, MOBILE = "sip:bob@192.0.2.20", "sip:bob@192.0.2.22"


def result(*bindings, action="redirect", uri="sip:bob@example.org"):
    return redirect(action, "bob", Uri.parse(uri), bindings, NOW, [])


@pytest.mark.rule("D03")
class TestContacts:
    """8.3, 21.3."""

    def test_one_is_302_with_q_and_remaining_time(self):
        found = result(a_binding(DESK, 0.5, expires_at=NOW + 99.7))
        assert (found.status, found.contacts) == (302, [f"<{DESK}>;q=0.5;expires=99"])

    def test_several_are_300(self):
        found = result(a_binding(DESK, 1.0), a_binding(MOBILE, 0.125))
        assert found.status == 300
        assert found.fields == [
            ("Contact", f"<{DESK}>;q=1;expires=600"),
            ("Contact", f"<{MOBILE}>;q=0.125;expires=600"),
        ]

    def test_redirect_301_is_301(self):
        assert result(a_binding(DESK), a_binding(MOBILE), action="redirect-301").status == 301

    @pytest.mark.rule("R26")
    def test_any_scheme_can_be_told(self):
        assert result(a_binding("tel:+15551234"), a_binding("mailto:bob@example.org")).status == 300

    @pytest.mark.rule("P06")
    def test_each_is_told_once(self):
        assert result(a_binding(DESK), a_binding(DESK + ";x=1")).status == 302


@pytest.mark.rule("D02")
def test_never_the_request_uri_itself():
    found = result(a_binding("sip:bob@EXAMPLE.org"), a_binding(DESK))
    assert found.contacts == [f"<{DESK}>;q=1;expires=600"]
    only = result(a_binding("sip:bob@example.org"))
    assert isinstance(only, Refuse)
    assert only.status == 404


@pytest.mark.rule("D04")
def test_nothing_to_tell_is_480_and_no_empty_3xx():
    found = result()
    assert isinstance(found, Refuse)
    assert (found.status, found.sentence) == (480, "bob has no usable registered phone: 480")


@pytest.mark.rule("R27")
def test_a_sips_call_is_not_sent_to_a_sip_address():
    assert result(a_binding(DESK), a_binding("sips:bob@192.0.2.9"), uri="sips:bob@example.org").contacts == [
        "<sips:bob@192.0.2.9>;q=1;expires=600"
    ]


@pytest.mark.rule("D06")
class TestWhatTheCallerCanUse:
    def test_useless_contacts_are_left_out_and_told(self):
        steps = []
        found = redirect(
            "redirect",
            "bob",
            Uri.parse("sip:bob@example.org"),
            [a_binding("sip:bob@10.0.0.5"), a_binding(DESK)],
            NOW,
            steps,
            "203.0.113.9",
        )
        assert (found.status, found.contacts) == (302, [f"<{DESK}>;q=1;expires=600"])
        assert steps[0].rule == "D06"
        assert steps[0].text.startswith("sip:bob@10.0.0.5 is a private address")

    def test_nothing_left_means_no_redirection(self):
        assert result(a_binding("sip:bob@x.invalid")) is None
        assert result(a_binding("sip:bob@x.invalid"), a_binding("sip:bob@example.org")) is None


@pytest.mark.rule("D03")
def test_a_contact_that_never_expires_says_nothing_of_it():
    found = result(a_binding(DESK, 0.5, expires_at=FOR_EVER))
    assert found.contacts == [f"<{DESK}>;q=0.5"]


def test_the_answer_has_its_reason_phrase():
    assert (result(a_binding(DESK)).reason, result(a_binding(DESK)).status) == ("Moved Temporarily", 302)


def test_a_row_that_is_no_uri_is_passed_over():
    assert result(a_binding("sip:a@b@c"), a_binding(DESK)).contacts == [f"<{DESK}>;q=1;expires=600"]


@pytest.mark.rule("D07")
class TestAddresses:
    """8.3: only addresses at this server are told."""

    def reveal(self, *bindings, uri="sip:bob@example.org"):
        self.steps = []
        return redirect("redirect", "bob", Uri.parse(uri), bindings, NOW, self.steps, reveals="addresses")

    def test_the_gruu_of_a_phone_that_has_one(self):
        found = self.reveal(a_binding(DESK, instance_id="<urn:uuid:1>"))
        assert found.contacts == ["<sip:bob@example.org;gr=urn:uuid:1>;q=1;expires=600"]
        assert [step.rule for step in self.steps] == ["D07", "D03"]

    def test_no_private_address_is_too_private_for_it(self):
        found = self.reveal(a_binding("sip:bob@10.0.0.1", instance_id="<urn:uuid:1>", path=("<sip:192.0.2.7;lr>",)))
        assert found.status == 302

    def test_the_address_that_was_called_is_none(self):
        assert self.reveal(a_binding(DESK)) is None

    def test_another_one_learns_the_address_of_record_once(self):
        found = self.reveal(a_binding(DESK), a_binding(MOBILE), uri="sip:bob@192.0.2.1")
        assert found.contacts == ["<sip:bob@example.org>;q=1;expires=600"]

    @pytest.mark.rule("D09")
    def test_in_the_scheme_that_was_asked_for(self):
        found = self.reveal(a_binding("sips:bob@192.0.2.20", instance_id="<urn:uuid:1>"), uri="sips:bob@example.org")
        assert found.contacts == ["<sips:bob@example.org;gr=urn:uuid:1>;q=1;expires=600"]

    def test_a_telephone_number_is_not_told(self):
        assert self.reveal(a_binding("tel:+15550100", instance_id="<urn:uuid:1>")) is None
