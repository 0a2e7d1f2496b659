import pytest

from proxy.core.branch import Branch
from proxy.core.facts import Target
from proxy.core.target_groups import TargetGroups
from sip.message.uri import Uri

pytestmark = pytest.mark.rfc("3261", "16.6")


def a_target(name, q=1.0):
    return Target(Uri.parse(f"sip:{name}@192.0.2.9"), q)


class Row:
    """Groups of (name, q), started one after another; the branches that were made stay pending."""

    def __init__(self, *groups, breadth=60, **how):
        self.groups = TargetGroups([[a_target(*one) for one in group] for group in groups], breadth, **how)
        self.branches = []

    def start(self):
        shares = self.groups.start(self.branches)
        for target, breadth in shares:
            self.branches.append(Branch(len(self.branches), self.groups.number, target, 0.0, 0.0, breadth))
        return [(target.uri.user, breadth) for target, breadth in shares]

    def join(self, name, q, action="proxy", *, is_ringing=True):
        return self.groups.join(a_target(name, q), action, self.branches, is_ringing=is_ringing)

    def end_all(self):
        for branch in self.branches:
            branch.is_pending = False

    def names(self):
        """Who rings with whom from now on, each group ending before the next starts."""
        found = []
        while self.groups.has_next:
            self.end_all()
            found.append([name for name, _ in self.start()])
        return found


@pytest.mark.rule("P26")
@pytest.mark.rfc("5393", "5.3.3")
class TestBreadth:
    def test_one_part_in_six_is_kept_for_late_phones(self):
        row = Row([("desk", 1.0), ("soft", 1.0)], keeps_some=True)
        assert row.start() == [("desk", 25), ("soft", 25)]
        assert row.groups.free(row.branches) == 10

    def test_of_little_nothing_is_kept(self):
        assert Row([("desk", 1.0)], breadth=5, keeps_some=True).start() == [("desk", 5)]

    def test_nothing_starts_without_any(self):
        row = Row([("desk", 1.0)], [("soft", 0.5)], breadth=1)
        assert (row.start(), row.start()) == ([("desk", 1)], [])
        assert row.groups.has_next

    def test_a_group_is_split_where_it_does_not_suffice(self):
        row = Row([("a", 1.0), ("b", 1.0), ("c", 1.0)], breadth=2)
        assert row.start() == [("a", 1), ("b", 1)]
        row.end_all()
        assert row.start() == [("c", 2)]


class TestJoin:
    """Where a phone gets in that registers while it rings."""

    def test_by_q_equal_or_higher_rings_at_once(self):
        row = Row([("desk", 0.5)], [("soft", 0.3)], keeps_some=True)
        row.start()
        assert row.join("new", 0.5)
        assert row.join("newer", 1.0)
        assert [target.uri.user for target in row.groups.current] == ["desk", "new", "newer"]

    def test_by_q_a_lower_one_joins_its_equals(self):
        row = Row([("desk", 1.0)], [("soft", 0.5)], [("cell", 0.1)], keeps_some=True)
        row.start()
        assert not row.join("new", 0.5)
        assert not row.join("newer", 0.3)
        assert not row.join("last", 0.0)
        assert row.names() == [["soft", "new"], ["newer"], ["cell"], ["last"]]

    def test_all_at_once_means_at_once(self):
        row = Row([("desk", 1.0), ("soft", 0.5)], keeps_some=True)
        row.start()
        assert row.join("new", 0.1, "proxy-parallel")

    def test_one_after_another_has_its_turn_by_q(self):
        row = Row([("desk", 1.0)], [("soft", 0.5)], [("cell", 0.1)], keeps_some=True)
        row.start()
        assert not row.join("new", 0.5, "proxy-sequential")
        assert not row.join("first", 1.0, "proxy-sequential")
        assert row.names() == [["first"], ["soft"], ["new"], ["cell"]]

    def test_without_breadth_it_is_next(self):
        row = Row([("desk", 1.0)], breadth=1)
        row.start()
        assert not row.join("new", 1.0)
        assert row.names() == [["new"]]

    def test_while_nothing_rings_it_is_next(self):
        row = Row([("desk", 1.0)], [("soft", 0.5)], keeps_some=True)
        row.start()
        assert not row.join("new", 1.0, is_ringing=False)
        assert row.names() == [["new"], ["soft"]]

    @pytest.mark.rule("P06")
    def test_who_waits_is_known(self):
        row = Row([("desk", 1.0)], [("soft", 0.5)])
        row.start()
        assert row.groups.knows(a_target("soft"))
        assert not row.groups.knows(a_target("desk"))

    def test_what_a_redirection_names_is_next(self):
        row = Row([("desk", 1.0)], [("soft", 0.5)])
        row.start()
        row.groups.put_next([[a_target("there")]])
        assert row.names() == [["there"], ["soft"]]
