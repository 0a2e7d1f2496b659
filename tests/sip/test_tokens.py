"""Tags and branches are random."""

from sip.tokens import Tokens


def test_tokens_differ() -> None:
    token = Tokens()
    assert len({token() for _ in range(2_000)}) == 2_000 and len(token()) == 16
