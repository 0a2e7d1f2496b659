"""docs/conformance.md is what the tests say."""

import pytest

from tests.conformance.listing import (
    DOCUMENT,
    Shown,
    render,
    rule_ids,
    section_titles,
    shown_by_tests,
    untested_elsewhere,
    untested_sections,
)

MODULE = """
import pytest
pytestmark = [pytest.mark.rule("P04"), pytest.mark.rfc("3261", "16.4")]

@pytest.mark.rfc("3261", "7.3.1")
class TestFields:
    @pytest.mark.parametrize("line", [pytest.param("a", marks=pytest.mark.rule("X12"))])
    def test_line(self, line): ...
"""


class TestReading:
    def test_it_works(self):
        shown = Shown()
        shown.read(MODULE, "test_m.py")
        assert shown.sections == {("3261", "16.4"): {"test_m.py"}, ("3261", "7.3.1"): {"test_m.py"}}
        assert shown.rules == {"P04": {"test_m.py"}, "X12": {"test_m.py"}}

    def test_what_only_running_would_tell_is_refused(self):
        with pytest.raises(ValueError, match=r"test_m\.py:1: "):
            Shown().read("pytest.mark.rfc('3261', section)", "test_m.py")


class TestUntestedSections:
    def test_a_subsection_counts_for_its_section(self):
        without = untested_sections(["8.2.6.1"])
        assert "8.2.6" not in without
        assert "8.2.6.2" in without

    def test_what_is_for_phones_is_out_of_scope(self):
        assert not [section for section in untested_sections([]) if section.startswith(("11", "12", "13", "14", "21"))]


class TestOtherRfcs:
    def test_a_subsection_counts_for_its_section(self):
        without = untested_elsewhere([("5626", "6.1"), ("7118", "6")])
        assert ("5626", "6") not in without and ("7118", "6") not in without
        assert ("5627", "6.1") in without

    def test_nothing_in_scope_is_without_a_test(self):
        assert untested_elsewhere(shown_by_tests().sections) == []
        assert untested_sections(section for number, section in shown_by_tests().sections if number == "3261") == []


def test_no_marker_is_invented():
    """Every section and rule that a test names exists."""
    shown = shown_by_tests()
    assert {section for number, section in shown.sections if number == "3261"} <= set(section_titles())
    assert set(shown.rules) <= set(rule_ids())


def test_document_is_fresh():
    assert DOCUMENT.read_text() == render(shown_by_tests()), "stale: run pytest --conformance and commit the result"
