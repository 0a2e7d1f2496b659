from proxy.core.branch import Branch
from proxy.core.effects import Answer, Cancel, SendUpstream, Start
from proxy.core.facts import Target
from sip.message.uri import Uri
from tests.proxy.core.messages import a_response


def test_effects_hold_what_is_to_be_done():
    branch = Branch(0, 0, Target(Uri.parse("sip:bob@192.0.2.9")), 0.0, 10.0)
    response = a_response(180, "")
    assert Start(branch).branch is branch
    assert (SendUpstream(response, branch).response, SendUpstream(response, branch).branch) == (response, branch)
    assert (Answer(480, "No answer").status, Answer(480, "No answer").reason) == (480, "No answer")
    assert (Cancel(branch, "SIP;cause=200").branch, Cancel(branch, "SIP;cause=200").reason) == (branch, "SIP;cause=200")
