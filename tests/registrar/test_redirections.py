import pytest

from registrar.redirections import check_redirections


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((0, "", ""), ("", "")),
        (
            (5, " Example.ORG, other.example example.org", "invite, message"),
            ("example.org other.example", "INVITE MESSAGE"),
        ),
        ((1, "*", "INVITE"), ("*", "INVITE")),
        ((1, "[2001:db8::1] 192.0.2.1", "DANCE"), ("[2001:db8::1] 192.0.2.1", "DANCE")),
    ],
)
def test_lists_are_kept_in_one_spelling(given, kept):
    assert check_redirections(*given) == (*kept, {})


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ((3, "", ""), "followed_domains", "name the domains"),
        ((0, "exam_ple.org", ""), "followed_domains", "'exam_ple.org' is no domain"),
        ((0, "example.org:5060", ""), "followed_domains", "is no domain"),
        ((0, "", "INVITE @"), "redirected_methods", "'@' is no method"),
        ((0, "", "x" * 33), "redirected_methods", "is no method"),
        ((0, "", "ack"), "redirected_methods", "never redirected"),
        ((0, "", "REGISTER INVITE"), "redirected_methods", "never redirected"),
    ],
)
def test_what_is_refused_says_why(given, field, sentence):
    errors = check_redirections(*given)[2]
    assert list(errors) == [field]
    assert sentence in errors[field]
