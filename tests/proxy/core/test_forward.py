import pytest

from proxy.core.facts import Target
from proxy.core.forward import Forward, group_targets
from sip.message.uri import Uri

pytestmark = [pytest.mark.rule("P06"), pytest.mark.rfc("3261", "16.6")]


def targets(*qs):
    return [Target(Uri.parse(f"sip:t{number}@192.0.2.9"), q) for number, q in enumerate(qs)]


@pytest.mark.parametrize(
    ("action", "qs", "groups"),
    [
        ("proxy", (1.0, 1.0, 0.3), [["t0", "t1"], ["t2"]]),
        ("proxy", (0.3, 1.0, 0.3), [["t1"], ["t0", "t2"]]),
        ("proxy", (0.0,), [["t0"]]),
        ("proxy-parallel", (1.0, 0.3), [["t0", "t1"]]),
        ("proxy-sequential", (1.0, 1.0), [["t0"], ["t1"]]),
    ],
)
def test_groups_in_the_order_in_which_they_are_tried(action, qs, groups):
    found = group_targets(action, targets(*qs))
    assert [[target.uri.user for target in group] for group in found] == groups


def test_by_itself_a_decision_to_forward_promises_nothing_more():
    forward = Forward([targets(1.0)], 30.0)
    assert (forward.follow, forward.fallback, forward.late, forward.recipient) == (None, None, {}, None)
    assert (forward.keeps_ringing, forward.waits, forward.action, forward.note) == (False, True, "proxy", "")
