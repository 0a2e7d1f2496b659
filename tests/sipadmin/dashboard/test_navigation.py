"""The rail and the tabs."""

from sipadmin.dashboard import navigation
from sipadmin.dashboard.navigation import Entry


def test_eight_entries_at_most():
    assert len(navigation.RAIL) == 8
    assert navigation.entries(navigation.RAIL)[0]["address"] == "/"


def test_a_page_that_is_not_installed_is_left_out():
    assert navigation.entries([Entry("x", "X", "no-such-page")]) == []


def test_every_icon_is_drawn():
    from sipadmin.environment import BASE_DIR

    drawn = (BASE_DIR / "static/img/icons.svg").read_text()
    for entry in navigation.RAIL:
        assert f'id="{entry.page}"' in drawn
