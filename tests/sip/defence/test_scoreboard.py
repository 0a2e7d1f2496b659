"""Scores by source, and by source and user (threats 6 and 7)."""

from sip.defence.evidence import WINDOW, Evidence
from sip.defence.scoreboard import LOCK_INTERVAL, MOST_GOOD_USERS, USER_LIMIT, Scoreboard

NOW = 1_700_000_000.0
OFFICE, MALLORY = "192.0.2.10", "198.51.100.66"
BOB, ALICE = ("example.org", "bob"), ("example.org", "alice")


def wrong(at=NOW):
    return Evidence(at, "wrong-password", "bob@example.org")


def guesses(board, source, most=200, at=NOW):
    return next(number for number in range(1, most) if board.add(source, wrong(at)))


class TestSource:
    def test_the_limit_is_reached_by_points(self):
        board = Scoreboard()
        assert guesses(board, MALLORY) == 10
        assert board.record(MALLORY).score(NOW) == 20
        assert board.record(OFFICE) is None

    def test_old_evidence_counts_no_more(self):
        board = Scoreboard()
        for number in range(1000):
            assert not board.add(OFFICE, wrong(NOW + number * (WINDOW / 9)))

    def test_users_who_log_in_raise_the_limit_for_a_while(self):
        board = Scoreboard()
        board.add(OFFICE, wrong())
        board.succeeded(OFFICE, BOB, NOW)
        board.succeeded(OFFICE, ALICE, NOW)
        board.succeeded(OFFICE, ALICE, NOW + 1)
        assert board.record(OFFICE).limit(NOW) == 40
        assert board.record(OFFICE).limit(NOW + WINDOW + 1) == 20

    def test_but_not_beyond_what_evidence_can_reach(self):
        board = Scoreboard()
        board.add(OFFICE, wrong())
        for number in range(1000):
            board.succeeded(OFFICE, ("example.org", str(number)), NOW + number / 1000)
        assert len(board.record(OFFICE).good) == MOST_GOOD_USERS
        assert guesses(board, OFFICE) < 200

    def test_a_login_where_nothing_is_wrong_leaves_no_trace(self):
        board = Scoreboard()
        board.succeeded(OFFICE, BOB, NOW)
        assert board.sources() == []

    def test_names_tried_are_shown_the_first_of_them(self):
        board = Scoreboard()
        for number in range(100):
            board.add(MALLORY, wrong(), str(number))
        assert list(board.record(MALLORY).names)[:2] == ["0", "1"]
        assert len(board.record(MALLORY).names) == 20
        assert board.record(MALLORY).failures == 100

    def test_forgetting(self):
        board = Scoreboard()
        board.add(MALLORY, wrong())
        board.failed(MALLORY, BOB, NOW)
        board.failed(OFFICE, BOB, NOW)
        board.forget(MALLORY)
        assert board.sources() == []
        assert board.failed(MALLORY, BOB, NOW) == 1
        assert board.failed(OFFICE, BOB, NOW) == 2

    def test_memory_is_bounded_and_who_was_quiet_longest_goes(self):
        board = Scoreboard(max_sources=10)
        for number in range(100):
            board.add(f"192.0.2.{number}", wrong())
            board.add("192.0.2.0", wrong(NOW - 2 * WINDOW))
        assert len(board.sources()) == 10
        assert board.record("192.0.2.0") is not None


class TestUser:
    def test_locked_out_at_one_source_only_and_for_a_while(self):
        board = Scoreboard()
        assert [board.failed(MALLORY, BOB, NOW) for _ in range(USER_LIMIT)] == [1, 2, 3, 4, 5]
        assert board.is_locked(MALLORY, BOB, NOW)
        assert not board.is_locked(OFFICE, BOB, NOW)
        assert not board.is_locked(MALLORY, ALICE, NOW)
        assert board.locked(NOW) == [(MALLORY, BOB, NOW + LOCK_INTERVAL)]
        assert not board.is_locked(MALLORY, BOB, NOW + LOCK_INTERVAL)
        assert board.locked(NOW + LOCK_INTERVAL) == []

    def test_a_right_password_forgets_the_wrong_ones(self):
        board = Scoreboard()
        board.failed(OFFICE, BOB, NOW)
        board.succeeded(OFFICE, BOB, NOW)
        assert board.failed(OFFICE, BOB, NOW) == 1

    def test_so_does_time(self):
        board = Scoreboard()
        board.failed(OFFICE, BOB, NOW)
        assert board.failed(OFFICE, BOB, NOW + WINDOW + 1) == 1

    def test_memory_is_bounded(self):
        board = Scoreboard(max_users=10)
        for number in range(100):
            board.failed(MALLORY, ("example.org", str(number)), NOW)
        assert len(board._users) == 10
