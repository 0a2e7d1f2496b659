"""§7.3.1, §7.3.3, §20: one name for every spelling."""

from __future__ import annotations

import pytest

from sip.message.errors import BadMessage
from sip.message.names import COMPACT, PRINTED, SPELLINGS, canonical_name


@pytest.mark.rfc("3261", "7.3.3")
@pytest.mark.parametrize(("letter", "name"), COMPACT.items())
def test_compact_forms(letter: str, name: str) -> None:
    assert SPELLINGS[letter] == SPELLINGS[letter.upper()] == canonical_name(letter + " ") == name


@pytest.mark.rfc("3261", "7.3.1")
@pytest.mark.parametrize(
    ("spelling", "name"), [("cALL-iD", "call-id"), ("Via \t", "via"), ("X-Odd", "x-odd"), ("V", "via")]
)
def test_any_case_and_space_before_the_colon(spelling: str, name: str) -> None:
    assert canonical_name(spelling) == name


@pytest.mark.parametrize("spelling", ["", " Via", "a b", "Via:", "\u00e4"])
def test_malformed(spelling: str) -> None:
    with pytest.raises(BadMessage):
        canonical_name(spelling)


def test_printed_forms_are_spellings_of_their_names() -> None:
    assert all(canonical_name(printed) == name for name, printed in PRINTED.items())
