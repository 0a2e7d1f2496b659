import pytest

from registrar.call_forwarding import forward_target, in_words


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("", ""),
        ("  ", ""),
        ("carol", "sip:carol@example.org"),
        ("+15550100", "sip:+15550100@example.org"),
        (" carol@other.example ", "sip:carol@other.example"),
        ("sip:desk@192.0.2.7:5070;transport=tcp", "sip:desk@192.0.2.7:5070;transport=tcp"),
        ("SIPS:desk@other.example", "SIPS:desk@other.example"),
        ("bob@other.example", "sip:bob@other.example"),
        ("sip:voicemail.example", "sip:voicemail.example"),
    ],
)
def test_people_write_addresses_in_many_ways(text, uri):
    assert forward_target(text, "bob", "example.org") == uri


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("two words", "no address to forward to; use carol"),
        ("<sip:x@y>", "no address to forward to; use carol"),
        ("sip:x@y?subject=z", "no address to forward to; use carol"),
        ("x\x00y", "no address to forward to; use carol"),
        ("sip:", "no address to forward to: "),
        ("sip:x@y:port", "no address to forward to: "),
        ("http://x", "no address to forward to"),
        ("x" * 300, "longer than 256"),
        ("bob", "nobody can forward calls to himself"),
        ("sip:%62ob@EXAMPLE.org;transport=tcp", "nobody can forward calls to himself"),
    ],
)
def test_what_is_refused_says_why(text, sentence):
    with pytest.raises(ValueError) as refused:
        forward_target(text, "bob", "example.org")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("arranged", "words"),
    [
        ((False, "", "sip:a@b"), ""),
        ((False, "sip:a@b", ""), "all calls are forwarded to sip:a@b"),
        ((True, "sip:a@b", "sip:c@d"), "all calls are forwarded to sip:a@b"),
        ((True, "", ""), "do not disturb: callers get 480"),
        ((True, "", "sip:c@d"), "do not disturb: callers are sent to sip:c@d"),
    ],
)
def test_what_happens_at_once_is_said(arranged, words):
    assert in_words(*arranged) == words
