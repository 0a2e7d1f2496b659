"""Decisions about requests that are no calls."""

from __future__ import annotations

import pytest

from tests.console import HOSTILE, request_record

pytestmark = pytest.mark.django_db


def test_it_works(operator_page):
    request_record(1)
    request_record(2, method="MESSAGE", status=403, reason="Relaying denied", target="sip:zoe@example.net", host="")
    request_record(3, status=200, reason="OK")
    text = operator_page.get("/requests/").content.decode()
    assert "No such user" in text
    assert "§10.3 step 5" in text
    assert "many sources" in text
    assert "2 rows" in text


@pytest.mark.parametrize(
    ("query", "count"),
    [("?kind=all", 3), ("?kind=accepted", 1), ("?kind=nonsense", 2), ("?q=192.0.2.7", 1), ("?q=ZOE", 1), ("?q=%00", 2),
     ("?method=message", 1), ("?kind=all&q=none", 0)],
)  # fmt: skip
def test_filters(admin_page, query, count):
    request_record(1)
    request_record(2, method="MESSAGE", target="sip:zoe@example.net", host="192.0.2.7")
    request_record(3, status=200)
    assert admin_page.get(f"/requests/{query}").context["paginator"].count == count


def test_empty(admin_page):
    assert "Nothing was refused" in admin_page.get("/requests/").content.decode()


def test_many(admin_page, django_assert_max_num_queries):
    for number in range(51):
        request_record(number)
    with django_assert_max_num_queries(6):
        text = admin_page.get("/requests/?q=bob").content.decode()
    assert "?q=bob&amp;page=2" in text


@pytest.mark.threat(21)
def test_hostile_text_stays_text(admin_page):
    hostile = HOSTILE + "\u202e\x1b[31m"
    request_record(1, method="<b>", sender=hostile, target=hostile, user_agent=hostile, reason=hostile[:200],
                   call_id=hostile, steps=[{"text": hostile}])  # fmt: skip
    text = admin_page.get("/requests/").content.decode()
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
