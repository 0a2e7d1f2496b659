import pytest

from proxy.core.call_forwarding import after, at_once, without_phone
from tests.proxy.scene import ADomain, AUser

pytestmark = pytest.mark.rfc("3261", "16.5")

CAROL = "sip:carol@example.org"


def a_user(**arranged):
    user = AUser(1, "bob", ADomain(1, "example.org"), "secret")
    for name, value in arranged.items():
        setattr(user, name, value)
    return user


class TestArranged:
    """Which arrangement counts when."""

    def test_nothing_is_arranged(self):
        user = a_user()
        assert (at_once(user), without_phone(user), after(user, 486), after(user, 480)) == (None,) * 4

    def test_always_comes_before_do_not_disturb(self):
        assert at_once(a_user(forward_always=CAROL, do_not_disturb=True)).target == CAROL

    def test_do_not_disturb_goes_where_calls_go_when_busy(self):
        assert at_once(a_user(do_not_disturb=True)).target == ""
        assert at_once(a_user(do_not_disturb=True, forward_busy=CAROL)).target == CAROL

    @pytest.mark.parametrize(
        ("status", "field"),
        [(486, "forward_busy"), (480, "forward_no_answer"), (408, "forward_no_answer"), (503, "forward_no_answer")],
    )
    def test_each_failure_has_its_own(self, status, field):
        assert after(a_user(**{field: CAROL}), status).target == CAROL
        others = {"forward_busy": CAROL, "forward_no_answer": CAROL} | {field: ""}
        assert after(a_user(**others), status) is None

    @pytest.mark.rule("P14")
    @pytest.mark.parametrize("status", [404, 488, 500, 600, 603])
    def test_what_says_something_else_is_no_reason(self, status):
        assert after(a_user(forward_busy=CAROL, forward_no_answer=CAROL), status) is None
