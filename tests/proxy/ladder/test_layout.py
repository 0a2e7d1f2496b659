"""Columns and rows of a ladder."""

from __future__ import annotations

from proxy.ladder import layout
from proxy.ladder.layout import lay_out, plain
from tests.proxy.ladder.calls import ALICE, BOB, CAROL, START, answered_call, message


def test_the_caller_stands_left_of_the_server_and_the_phones_right():
    ladder = lay_out(answered_call())
    assert [(column.name, column.address) for column in ladder.columns] == [
        ("alice@example.org", ALICE),
        ("sipadmin", "192.0.2.1:5060"),
        ("Desk phone 3", BOB),
    ]
    assert [column.is_server for column in ladder.columns] == [False, True, False]


def test_rows_in_the_order_of_the_server_with_pauses():
    ladder = lay_out(answered_call())
    told = [(row.message.sequence, row.start, row.end) if row.message else round(row.pause) for row in ladder.rows]
    assert told == [
        (1, 0, 1), (2, 1, 0), (3, 1, 2), (4, 1, 2), (5, 2, 1), (6, 1, 0), 2, (7, 2, 1), (8, 1, 0), (9, 0, 1),
        (10, 1, 2), 10, (11, 2, 1), (12, 1, 0),
    ]  # fmt: skip
    assert round(ladder.rows[-1].offset, 3) == 13.001


def test_equal_times_keep_their_order():
    call = answered_call()
    same = [one._replace(at=START) for one in call.messages]
    rows = lay_out(call._replace(messages=same)).rows
    assert [row.message.sequence for row in rows] == list(range(1, 13))


def test_no_messages():
    ladder = lay_out(answered_call()._replace(messages=[]))
    assert (len(ladder.columns), ladder.rows) == (1, [])


def test_a_phone_without_device_has_the_name_of_its_target():
    branch = {"target": "sip:bob;x=y@h", "next_hop": f"udp:{BOB}", "user_agent": ""}
    ladder = lay_out(answered_call(branches=[branch], source=""))
    assert [column.name for column in ladder.columns] == ["", "sipadmin", "bob"]


def test_a_flood_of_phones_shares_the_last_column(monkeypatch):
    monkeypatch.setattr(layout, "MOST_COLUMNS", 4)
    messages = [message(1, True, ALICE, "INVITE sip:bob@example.org SIP/2.0")]
    messages += [message(n + 2, False, f"192.0.2.{n}:5060", "INVITE x SIP/2.0") for n in range(20, 30)]
    ladder = lay_out(answered_call()._replace(messages=messages))
    assert len(ladder.columns) == 5
    assert ladder.columns[-1].name == "others"
    assert max(row.end for row in ladder.rows) == 4


def test_plain():
    assert plain("sip:bob@example.org;x=y") == "bob@example.org"
    assert plain("tel:+1") == "tel:+1"
    assert CAROL
