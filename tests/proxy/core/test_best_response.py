import pytest

from proxy.core.best_response import Candidate, add_challenges, choose
from tests.proxy.core.messages import a_response

pytestmark = [pytest.mark.rule("P15"), pytest.mark.rfc("3261", "16.7")]


def candidates(*statuses):
    return [Candidate(position, status, "", a_response(status)) for position, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("statuses", "best"),
    [
        ((404, 603, 302), 603),
        ((503, 407, 501, 404), 407),
        ((486, 302), 302),
        ((500, 486), 486),
        ((404, 486, 484), 484),
        ((480, 401), 401),
        ((486, 415), 415),
        ((487, 486), 486),
        ((408, 480), 480),
        ((404, 420), 420),
        ((503, 500), 500),
        ((606, 600), 606),
        ((408, 500), 408),
    ],
)
def test_the_best_is_6xx_then_the_lowest_class_then_what_can_be_repaired(statuses, best):
    assert choose(candidates(*statuses)).status == best


def test_nothing_received_is_408():
    best = choose([])
    assert (best.status, best.response) == (408, None)


def test_a_lone_503_goes_up_as_500():
    best = choose(candidates(503))
    assert (best.status, best.response) == (500, None)


def test_503_of_every_branch_goes_up_as_500():
    assert choose(candidates(503, 503)).status == 500


@pytest.mark.rule("P19")
def test_a_caller_who_cancelled_gets_487():
    assert choose(candidates(486, 487), is_cancelled=True).status == 487
    assert choose(candidates(486), is_cancelled=True).status == 487
    assert choose(candidates(603, 487), is_cancelled=True).status == 603


@pytest.mark.rule("P16")
class TestChallenges:
    """16.7 step 7."""

    def test_all_challenges_go_into_the_one_response_unchanged(self):
        phone = a_response(401, "", ("WWW-Authenticate", 'Digest realm="phone", nonce="1"'))
        proxy = a_response(407, "", ("Proxy-Authenticate", 'Digest realm="a", nonce="2", qop="auth,auth-int"'))
        both = [Candidate(0, 401, "", phone), Candidate(1, 407, "", proxy), *candidates(486)]
        best = choose(both)
        add_challenges(best.response, both)
        assert best.response.lines("www-authenticate") == ['Digest realm="phone", nonce="1"']
        assert best.response.lines("proxy-authenticate") == ['Digest realm="a", nonce="2", qop="auth,auth-int"']

    def test_other_responses_stay_as_they_are(self):
        busy = a_response(486)
        before = busy.to_bytes()
        add_challenges(busy, [Candidate(1, 401, "", a_response(401, "", ("WWW-Authenticate", "Digest x=y")))])
        assert busy.to_bytes() == before


def test_a_candidate_names_itself_in_failures():
    assert repr(Candidate(2, 486, "")) == "<branch 2: 486 Busy Here>"
