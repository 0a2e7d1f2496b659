"""A token's requests a minute."""

import pytest
from django.test import Client

from sipadmin.accounts.tokens import issue_token
from sipadmin.rest import throttle
from sipadmin.rest.throttle import Budgets


class TestBudgets:
    def test_it_works(self):
        budgets = Budgets()
        for left in (2, 1, 0):
            assert budgets.take(1, 3, 1, 100.0) == (True, left)
        assert budgets.take(1, 3, 1, 100.0) == (False, 0.0)
        assert budgets.take(2, 3, 1, 100.0)[0]  # another token's is its own
        assert budgets.take(1, 3, 1, 120.0) == (True, 0.0)  # a third of a minute fills in one
        assert budgets.take(1, 3, 1, 1000.0) == (True, 2.0)  # never fuller than full

    def test_what_costs_more_than_all_costs_all(self):
        budgets = Budgets()
        assert budgets.take(1, 10, 40, 0.0) == (True, 0.0)
        assert budgets.take(1, 10, 40, 30.0) == (False, 5.0)
        assert budgets.take(1, 10, 40, 60.0) == (True, 0.0)

    def test_a_limit_of_nothing_is_one(self):
        assert Budgets().take(1, 0, 1, 0.0) == (True, 0.0)


@pytest.mark.django_db
class TestOverHttp:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(throttle, "budgets", Budgets())
        monkeypatch.setattr(throttle.time, "monotonic", lambda: self.now)

    def get(self, text):
        return Client().get("/api/v1/domains/", headers={"Authorization": f"Bearer {text}"})

    def test_it_works(self):
        _, text = issue_token("eager", rate_limit=2)
        found = [self.get(text) for _ in range(3)]
        assert [response.status_code for response in found] == [200, 200, 429]
        assert [response.headers["RateLimit-Remaining"] for response in found] == ["1", "0", "0"]
        assert found[0].headers["RateLimit-Limit"] == "2"
        assert found[2].headers["Retry-After"] == found[2].headers["RateLimit-Reset"].replace("60", "30") == "30"
        assert found[2].headers["Content-Type"] == "application/problem+json"
        self.now += 30.0
        assert self.get(text).status_code == 200

    def test_the_usual_limit(self):
        assert self.get(issue_token("usual")[1]).headers["RateLimit-Limit"] == "600"

    def test_people_are_not_limited(self, admin_page):
        response = admin_page.get("/api/v1/domains/")
        assert "RateLimit-Limit" not in response.headers

    def test_many_users_count_for_more(self, domain):
        _, text = issue_token("bulk", rate_limit=50)

        def post(count):
            items = [{"username": f"u{number}", "domain": "example.org"} for number in range(count)]
            return Client().post(
                "/api/v1/users/bulk/", {"items": items, "dry_run": True}, "application/json",
                headers={"Authorization": f"Bearer {text}"},
            )  # fmt: skip

        assert post(1000).headers["RateLimit-Remaining"] == "9"
        assert post(1000).status_code == 429
        assert post(100).headers["RateLimit-Remaining"] == "4"
        for body in ("[]", "{}", '{"items": 1}'):
            response = Client().post(
                "/api/v1/users/bulk/", body, "application/json", headers={"Authorization": f"Bearer {text}"}
            )
            assert response.status_code == 400
