"""Tags of users."""

import pytest

from registrar.tags import LONGEST_TEXT, MOST_TAGS, parse_tags, tags_of


def test_it_works():
    text = parse_tags([" VIP", "floor-2", "vip"])
    assert text == ",floor-2,vip,"
    assert tags_of(text) == ["floor-2", "vip"]
    assert tags_of(parse_tags([])) == []


@pytest.mark.parametrize("word", ["", "a b", "a,b", "-a", "ä", "x" * 41])
def test_what_is_no_tag(word):
    with pytest.raises(ValueError, match="is no tag"):
        parse_tags([word])


def test_too_many():
    words = [f"{number:040}" for number in range(MOST_TAGS)]
    assert len(parse_tags(words)) == LONGEST_TEXT
    with pytest.raises(ValueError, match="more than"):
        parse_tags([*words, "one-more"])
