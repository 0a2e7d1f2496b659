"""What pages and API tell of the phone behind a binding."""

from __future__ import annotations

import pytest

from registrar import devices
from registrar.devices import device_facts, public_gruu, reach_of
from registrar.models import Binding
from sipadmin.bus import EngineUnavailable
from tests.console import HOSTILE, bind

pytestmark = [pytest.mark.django_db, pytest.mark.rfc("5627", "5.4")]

PHONE = "<urn:uuid:1>"
SILENT = {
    "reachable": False,
    "round_trip": 0.0251,
    "last_answer": 200,
    "answered_at": 1_700_000_000.0,
    "failed_at": None,
    "failures": 2,
    "reason": "It did not answer a probe",
}


@pytest.fixture
def binding(alice):
    made = bind(alice)
    Binding.objects.filter(pk=made.pk).update(instance_id=PHONE, reg_id=1, is_outbound=True)
    return Binding.objects.select_related("user__domain").get(pk=made.pk)


@pytest.fixture
def asked(monkeypatch, binding):
    """The engine knows that the phone is silent; gives the ids that it was asked for."""
    calls = []

    def command(name, *, timeout, ids):
        calls.append((name, ids))
        return {str(binding.pk): SILENT}

    monkeypatch.setattr(devices, "engine_command", command)
    return calls


class TestReach:
    def test_the_engine_is_asked_once_for_all(self, asked, binding):
        found = reach_of([binding])
        assert asked == [("reachability", [binding.pk])]
        assert found[binding.pk]["answered_at"].isoformat() == "2023-11-14T22:13:20+00:00"
        assert found[binding.pk]["failed_at"] is None

    def test_nobody_is_asked_for_nothing(self, asked, binding):
        binding.is_static = True
        assert reach_of([]) == reach_of([binding]) == {} and asked == []

    def test_an_engine_that_is_down_knows_nothing(self, monkeypatch, binding):
        def command(*arguments, **options):
            raise EngineUnavailable("down")

        monkeypatch.setattr(devices, "engine_command", command)
        assert reach_of([binding]) == {}


class TestGruu:
    def test_it_works(self, binding):
        assert public_gruu(binding) == "sip:alice@example.org;gr=urn:uuid:1"

    @pytest.mark.parametrize(("name", "value"), [("instance_id", ""), ("contact", "tel:+123")])
    def test_what_has_none(self, binding, name, value):
        setattr(binding, name, value)
        assert public_gruu(binding) is None

    def test_where_the_domain_gives_none(self, binding):
        binding.user.domain.gruu = False
        assert device_facts(binding, None)["gruu"] is None


class TestPage:
    def test_it_works(self, admin_page, binding, asked):
        text = admin_page.get(f"/users/{binding.user_id}/").content.decode()
        for word in ("does not answer", "It did not answer a probe", "2 times in a row", "25.1 ms", "gr=urn:uuid:1"):
            assert word in text

    def test_without_the_engine(self, admin_page, binding):
        text = admin_page.get(f"/users/{binding.user_id}/").content.decode()
        assert "called on this flow only" in text and "does not answer" not in text

    def test_a_phone_of_which_nothing_is_known_has_no_empty_row(self, admin_page, binding):
        Binding.objects.filter(pk=binding.pk).update(instance_id="", is_outbound=False)
        text = admin_page.get(f"/users/{binding.user_id}/").content.decode()
        assert '<tr class="device">' not in text and '<span class="device">' in text

    def test_hostile_text_stays_text(self, admin_page, binding):
        Binding.objects.filter(pk=binding.pk).update(instance_id=HOSTILE)
        text = admin_page.get(f"/users/{binding.user_id}/").content.decode()
        assert "<script>alert" not in text and "<img src=x" not in text


class TestApi:
    def test_it_works(self, admin_page, binding, asked):
        [found] = admin_page.get("/api/v1/bindings/").json()["results"]
        assert found["gruu"] == "sip:alice@example.org;gr=urn:uuid:1" and found["is_outbound"] is True
        assert found["flow"] == f"{binding.transport}:{binding.received_from}"
        assert (found["reach"]["reachable"], found["reach"]["round_trip"]) == (False, 0.0251)
        assert admin_page.get(f"/api/v1/bindings/{binding.pk}/").json()["reach"]["failures"] == 2

    def test_without_the_engine(self, admin_page, binding):
        assert admin_page.get(f"/api/v1/bindings/{binding.pk}/").json()["reach"] is None
