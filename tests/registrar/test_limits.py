"""What one user may register, and how room is made."""

import pytest

from registrar.choices import CONTACT_LIMITS, REPLACE_OLDEST, REPLACE_UNREACHABLE
from registrar.limits import Limits, make_room
from sip.location import Binding
from sip.message.address import Address

pytestmark = pytest.mark.rfc("3261", "10.3")


def a_binding(id, refreshed_at=0.0, call_id="", cseq=1):
    contact = f"sip:bob@192.0.2.{id}"
    return Binding(
        id=id,
        aor="sip:bob@example.org",
        contact=contact,
        expires_at=9.0,
        call_id=call_id or str(id),
        cseq=cseq,
        refreshed_at=refreshed_at,
    )


class TestRequested:
    @pytest.mark.rule("R14")
    @pytest.mark.parametrize(
        ("contact", "field", "seconds"),
        [
            ("<sip:b@h>;expires=60", "600", 60),
            ("<sip:b@h>", "600", 600),
            ("<sip:b@h>", None, 1800),
        ],
    )
    def test_precedence(self, contact, field, seconds):
        assert Limits(default_expires=1800).requested(Address.parse(contact), field) == seconds

    @pytest.mark.rule("R15")
    def test_malformed_and_too_large(self):
        limits = Limits()
        assert limits.requested(Address.parse("<sip:b@h>;expires=abc"), None) == 3600
        assert limits.requested(Address.parse("<sip:b@h>;expires"), None) == 3600
        assert limits.requested(Address.parse("<sip:b@h>"), "99999999999") == 2**32 - 1

    def test_our_own_choice_is_never_too_brief(self):
        assert Limits(min_expires=7200).requested(Address.parse("<sip:b@h>"), None) == 7200


class TestGranted:
    @pytest.mark.rule("R16")
    def test_never_longer(self):
        assert Limits().granted(99_999_999, 0.0) == 86400
        assert Limits(expires_jitter=10).granted(3600, 0.999) == 3240
        assert Limits(expires_jitter=10).granted(3600, 0.0) == 3600
        assert Limits(expires_jitter=50).granted(60, 0.999) == 60


class TestRoom:
    def room(self, limit, live, call_id="new", cseq=1, **limits):
        current = [*live, a_binding(99)]
        return make_room(Limits(max_contacts=len(live), contact_limit=limit, **limits), live, current, call_id, cseq)

    def test_refuse_makes_none(self):
        limit = next(iter(CONTACT_LIMITS))
        assert self.room(limit, [a_binding(1), a_binding(2)]) is None
        assert Limits(max_contacts=2).problem == "More than 2 contacts for this user"

    def test_the_oldest(self):
        found = self.room(REPLACE_OLDEST, [a_binding(1, 5.0), a_binding(2, 1.0)])
        assert list(found) == [2] and "heard of longest ago" in found[2]

    def test_the_unreachable_first(self):
        live = [a_binding(1, 5.0), a_binding(2, 1.0)]
        found = self.room(REPLACE_UNREACHABLE, live, is_unreachable=lambda binding_id: binding_id == 1)
        assert list(found) == [1] and "does not answer" in found[1]
        assert list(self.room(REPLACE_UNREACHABLE, live)) == [2]

    def test_none_of_what_a_later_request_has_set(self):
        live = [a_binding(1, 5.0), a_binding(2, 1.0, call_id="new", cseq=7)]
        assert list(self.room(REPLACE_OLDEST, live, cseq=6)) == [1]
        assert self.room(REPLACE_OLDEST, live[1:], cseq=6) is None
