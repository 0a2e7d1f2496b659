"""Watching registrations: SUBSCRIBE and NOTIFY as whole exchanges, over an imaginary wire."""

import pytest

from registrar.watching import handler as module
from sip.gruu import Gruus
from tests.registrar.watching.scene import NS, Scene
from tests.sip.imaginary import ALICE, BOB, CAROL

GR = "{urn:ietf:params:xml:ns:gruuinfo}"
DESK = "sip:bob@192.0.2.20:5062"
MOBILE = "sip:bob@192.0.2.21"


@pytest.fixture
def scene():
    return Scene()


@pytest.mark.rfc("3680", "4")
class TestOwnRegistrations:
    """RFC 3680 §4: a user watches himself."""

    def test_it_works(self, scene):
        scene.registered("bob", DESK, q=0.5)
        phone = scene.watch("bob")
        assert phone.answer.status == 200
        assert phone.answer.first("expires") == "3761"
        assert phone.answer.first("contact") == "<sip:192.0.2.1:5060>"
        assert phone.answer.first("allow-events") == "reg"
        notify = phone.notified
        assert notify.uri_text == "sip:bob@192.0.2.20:5060"
        assert notify.first("event") == "reg"
        assert notify.first("subscription-state") == "active;expires=3761"
        assert notify.first("content-type") == "application/reginfo+xml"
        assert notify.from_tag == phone.answer.to_tag
        assert notify.to_tag == "w"
        assert notify.call_id == phone.call_id
        assert phone.info.attrib == {"version": "0", "state": "full"}
        registration = phone.info.find(f"{NS}registration")
        assert (registration.get("aor"), registration.get("state")) == ("sip:bob@example.org", "active")
        assert phone.contacts == [(DESK, "active", "registered")]

    def test_nobody_registered_yet(self, scene):
        phone = scene.watch("bob")
        assert phone.info.find(f"{NS}registration").get("state") == "init"
        assert phone.contacts == []

    @pytest.mark.rfc("3680", "4.7")
    def test_a_contact_comes_and_goes(self, scene):
        phone = scene.watch("bob")
        phone.wait(10)
        desk = scene.registered("bob", DESK)
        phone.collect()
        assert phone.info.attrib == {"version": "1", "state": "partial"}
        assert phone.contacts == [(DESK, "active", "registered")]
        assert phone.notified.cseq.number == 2
        phone.wait(10)
        scene.removed(desk)
        phone.collect()
        assert phone.contacts == [(DESK, "terminated", "unregistered")]
        assert phone.info.find(f"{NS}registration").get("state") == "terminated"

    @pytest.mark.parametrize("event", ["expired", "deactivated", "rejected"])
    def test_why_a_contact_went(self, scene, event):
        desk = scene.registered("bob", DESK)
        scene.registered("bob", MOBILE)
        phone = scene.watch("bob")
        phone.wait(10)
        scene.removed(desk, event)
        phone.collect()
        assert phone.contacts == [(DESK, "terminated", event)]
        assert phone.info.find(f"{NS}registration").get("state") == "active"

    @pytest.mark.rfc("3680", "4.10")
    def test_a_busy_phone_is_told_of_every_five_seconds(self, scene):
        phone = scene.watch("bob")
        desk = scene.registered("bob", DESK)
        phone.collect()
        assert len(phone.notifies) == 1
        scene.registered("bob", DESK, "refreshed", id=desk.id)
        scene.registered("bob", MOBILE)
        phone.wait(4.9)
        assert len(phone.notifies) == 1
        phone.wait(0.2)
        assert len(phone.notifies) == 2
        assert phone.contacts == [(DESK, "active", "registered"), (MOBILE, "active", "registered")]

    def test_others_changes_are_not_told(self, scene):
        phone = scene.watch("bob")
        phone.wait(10)
        scene.registered("alice", "sip:alice@192.0.2.10")
        phone.collect()
        assert len(phone.notifies) == 1

    def test_a_contact_that_an_administrator_has_set(self, scene):
        """It never expires, and comes and goes without a REGISTER."""
        phone = scene.watch("bob")
        scene.handler.users_changed()
        phone.collect()
        assert len(phone.notifies) == 1
        door = scene.placed("bob", "sip:door@192.0.2.7")
        scene.handler.users_changed()
        phone.collect()
        assert phone.info.get("state") == "full"
        assert phone.contacts == [("sip:door@192.0.2.7", "active", "created")]
        assert phone.info.find(f".//{NS}contact").get("expires") is None
        scene.taken(door)
        scene.handler.users_changed()
        phone.collect()
        assert phone.contacts == []
        assert len(phone.notifies) == 3

    def test_gruus(self):
        scene = Scene(gruus=Gruus(bytes(32)))
        scene.registered("bob", DESK, instance_id="<urn:uuid:1>", user_id=1)
        phone = scene.watch("bob")
        [gruu] = phone.info.iter(f"{GR}pub-gruu")
        assert gruu.get("uri") == "sip:bob@example.org;gr=urn:uuid:1"
        [gruu] = phone.info.iter(f"{GR}temp-gruu")
        assert gruu.get("uri").startswith("sip:tgruu")

    def test_a_domain_without_gruus(self):
        scene = Scene(gruus=Gruus(bytes(32)), gruu=False)
        scene.registered("bob", DESK, instance_id="<urn:uuid:1>", user_id=1)
        assert list(scene.watch("bob").info.iter(f"{GR}pub-gruu")) == []


@pytest.mark.rfc("6665", "4.2.1")
class TestSubscribing:
    """RFC 6665 §4.2.1: SUBSCRIBE at the notifier."""

    def test_refresh(self, scene):
        scene.registered("bob", DESK)
        phone = scene.watch("bob")
        phone.wait(100)
        assert phone.subscribe("Expires: 600").status == 200
        assert phone.answer.first("expires") == "600"
        assert len(phone.notifies) == 2
        assert phone.state == "active;expires=600"
        assert phone.info.get("state") == "full"
        assert phone.info.get("version") == "1"

    def test_a_refresh_may_move_the_contact(self, scene):
        phone = scene.watch("bob")
        phone.source = ALICE
        phone.subscribe()
        assert phone.notified.uri_text == "sip:bob@192.0.2.10:5060"
        phone.subscribe(contact=False)
        assert phone.notified.uri_text == "sip:bob@192.0.2.10:5060"

    def test_unsubscribe(self, scene):
        phone = scene.watch("bob")
        assert phone.subscribe("Expires: 0").first("expires") == "0"
        assert phone.state == "terminated;reason=timeout"
        assert len(scene.handler) == 0
        scene.registered("bob", DESK)
        phone.wait(10)
        assert len(phone.notifies) == 2

    @pytest.mark.rfc("6665", "4.4.3")
    def test_one_look(self, scene):
        scene.registered("bob", DESK)
        phone = scene.watch("bob", fields=["Expires: 0"])
        assert phone.answer.status == 200
        assert phone.state == "terminated;reason=timeout"
        assert phone.contacts == [(DESK, "active", "registered")]
        assert len(scene.handler) == 0

    def test_it_ends_when_not_refreshed(self, scene):
        phone = scene.watch("bob")
        phone.subscribe("Expires: 60")
        phone.wait(59)
        assert len(phone.notifies) == 2
        phone.wait(2)
        assert phone.state == "terminated;reason=timeout"
        assert len(scene.handler) == 0
        assert scene.endpoint.take() == []

    def test_after_the_end_there_is_no_such_dialog(self, scene):
        phone = scene.watch("bob")
        phone.subscribe("Expires: 0")
        phone.send()
        assert scene.core.proxied[-1].to_tag == phone.tag

    def test_another_event_is_the_phones(self, scene):
        scene.watch("bob", event="presence")
        assert scene.core.proxied[-1].first("event") == "presence"

    @pytest.mark.parametrize("event", ["presence", "reg.winfo", None, "reg;;", "r g", ";"])
    def test_the_server_itself_knows_one_event(self, scene, event):
        phone = scene.watch("bob", event=event, uri="sip:example.org")
        assert phone.answer.status == (489 if event != "reg;;" else 404)
        if phone.answer.status == 489:
            assert phone.answer.first("allow-events") == "reg"

    def test_another_event_within_a_subscription(self, scene):
        phone = scene.watch("bob")
        assert phone.subscribe(event="presence").status == 489

    def test_the_server_itself_has_no_registrations(self, scene):
        assert scene.watch("bob", uri="sip:example.org").answer.status == 404

    def test_event_id_comes_back(self, scene):
        phone = scene.watch("bob", event="reg;id=7")
        assert phone.notified.first("event") == "reg;id=7"

    @pytest.mark.parametrize(
        ("field", "status", "name", "value"),
        [
            ("Expires: 59", 423, "min-expires", "60"),
            ("Accept: application/pidf+xml", 406, "accept", "application/reginfo+xml"),
            ("Require: eventlist", 420, "unsupported", "eventlist"),
            ("Contact: <sip:other@192.0.2.20>", 400, "allow-events", None),
        ],
    )
    def test_refusals(self, scene, field, status, name, value):
        answer = scene.watch("bob").subscribe(field)
        assert answer.status == status
        assert answer.first(name) == value

    @pytest.mark.parametrize("accept", ["application/reginfo+xml", "text/plain, application/*;q=0.5", "*/*"])
    def test_acceptable(self, scene, accept):
        assert scene.watch("bob").subscribe(f"Accept: {accept}").status == 200

    @pytest.mark.parametrize(
        "contact", ["Contact: *", "Contact: <tel:+1>", "Contact: <sip:%%>", "Contact: <sip:a", "Subject: none"]
    )
    def test_a_contact_that_cannot_be_notified(self, scene, contact):
        phone = scene.watch("bob", event="presence")
        assert phone.subscribe(contact, contact=False).status == 400

    def test_too_long_is_shortened(self, scene):
        assert scene.watch("bob").subscribe("Expires: 9999999").first("expires") == "86400"

    def test_out_of_order(self, scene):
        phone = scene.watch("bob")
        phone.cseq -= 2
        assert phone.send().status == 500

    def test_merged(self, scene):
        phone = scene.watch("bob", credentials=False)
        phone.cseq -= 1
        assert phone.send().status == 482

    def test_the_record_route_is_the_way_back(self, scene):
        phone = scene.watch("bob", event="presence")
        answer = phone.subscribe("Record-Route: <sip:192.0.2.99;lr>, <sip:192.0.2.98;lr>")
        assert answer.lines("record-route") == ["<sip:192.0.2.99;lr>, <sip:192.0.2.98;lr>"]
        assert phone.notified.lines("route") == ["<sip:192.0.2.99;lr>", "<sip:192.0.2.98;lr>"]
        assert phone.sent.remote == ("192.0.2.99", 5060)

    def test_a_strict_router_on_the_way_back(self, scene):
        phone = scene.watch("bob", event="presence")
        phone.subscribe("Record-Route: <sip:192.0.2.99>")
        assert phone.notified.uri_text == "sip:192.0.2.99"
        assert phone.notified.lines("route") == ["<sip:bob@192.0.2.20:5060>"]

    @pytest.mark.parametrize("value", ["<sip:a", "<sip:%%;lr>", ", ".join(["<sip:192.0.2.99;lr>"] * 21)])
    def test_a_route_that_is_none(self, scene, value):
        assert scene.watch("bob", event="presence").subscribe(f"Record-Route: {value}").status == 400

    def test_a_phone_on_a_connection_is_notified_there(self, scene):
        phone = scene.watch("bob", source=("192.0.2.20", 41000), protocol="tcp")
        assert phone.sent.connection is scene.endpoint.network.connections["192.0.2.20", 41000]

    def test_a_connection_that_closed_is_opened_to_the_contact(self, scene):
        phone = scene.watch("bob", source=("192.0.2.20", 41000), protocol="tcp")
        phone.wait(10)
        scene.endpoint.network.connections["192.0.2.20", 41000].is_open = False
        scene.registered("bob", DESK)
        phone.collect()
        assert len(phone.notifies) == 2
        assert (phone.sent.protocol, phone.sent.remote) == ("udp", ("192.0.2.20", 41000))


@pytest.mark.rfc("3680", "4.6")
class TestWhoMayWatch:
    """RFC 3680 §4.6: authentication and authorisation."""

    def test_everybody_is_asked(self, scene):
        phone = scene.watch("bob", credentials=False)
        assert phone.answer.status == 401
        assert phone.notifies == []

    def test_a_domain_without_passwords_asks_too(self):
        # A NOTIFY goes where the Contact says: that must be somebody's word.
        assert Scene(auth_register=False).watch("bob", credentials=False).answer.status == 401

    def test_wrong_password(self, scene):
        assert scene.watch("bob", password="guess").answer.status == 401

    @pytest.mark.parametrize("name", ["bob", "nobody"])
    def test_not_others(self, scene, name):
        assert scene.watch(name, "alice", source=ALICE).answer.status == 403

    def test_a_rule_to_register_for_somebody(self, scene):
        scene.directory._rules[scene.user("alice").id, scene.user("bob").id] = float("inf")
        assert scene.watch("bob", "alice", source=ALICE).answer.status == 200

    def test_who_may_watch_everybody(self, scene):
        scene.user("alice").may_watch = True
        phone = scene.watch("bob", "alice", source=ALICE)
        assert phone.answer.status == 200
        assert phone.contacts == []
        assert scene.watch("nobody", "alice", source=ALICE, call_id="x").answer.status == 404

    def test_a_right_that_ends(self, scene):
        scene.user("alice").may_watch = True
        phone = scene.watch("bob", "alice", source=ALICE)
        scene.user("alice").may_watch = False
        phone.wait(10)
        scene.registered("bob", DESK)
        phone.collect()
        assert phone.state == "terminated;reason=rejected"
        # Not even of the contact that came after the right had ended.
        assert phone.notified.body == b"" and not phone.notified.has("content-type")
        assert len(scene.handler) == 0

    def test_not_by_anothers_dialog(self, scene):
        phone = scene.watch("bob")
        phone.watcher = "alice"
        assert phone.subscribe("Expires: 0").status == 403
        assert len(scene.handler) == 1

    def test_a_user_who_is_switched_off(self, scene):
        scene.user("alice").may_watch = True
        scene.user("bob").enabled = False
        assert scene.watch("bob", "alice", source=ALICE).answer.status == 404


@pytest.mark.rfc("6665", "4.2.2")
class TestEnding:
    """RFC 6665 §4.2.2: when a subscription ends from our side."""

    @pytest.mark.parametrize("status", [481, 404, 500, 603])
    def test_a_notify_that_is_refused(self, scene, status):
        phone = scene.watch("bob")
        phone.wait(10)
        phone.answers_with = 0
        scene.registered("bob", DESK)
        phone.collect()
        phone.respond(status)
        assert len(scene.handler) == 0
        assert scene.handler.count["notify_failed"] == 1

    def test_a_notify_that_nobody_answers(self, scene):
        phone = scene.watch("bob")
        phone.answers_with = 0
        phone.wait(10)
        scene.registered("bob", DESK)
        scene.endpoint.advance(33)
        assert len(scene.handler) == 0

    def test_a_provisional_answer_is_none(self, scene):
        phone = scene.watch("bob")
        phone.answers_with = 0
        phone.wait(10)
        scene.registered("bob", DESK)
        phone.collect()
        phone.respond(100)
        assert len(scene.handler) == 1

    def test_no_way_to_the_contact(self, scene):
        phone = scene.watch("bob", event="presence")
        phone.subscribe("Contact: <sip:bob@nowhere.invalid>", contact=False)
        assert len(scene.handler) == 0
        phone.tag = ""
        phone.subscribe("Contact: <sip:bob@[2001:db8::9]>", contact=False)
        assert len(scene.handler) == 0

    def test_a_protocol_that_we_do_not_speak(self, scene, monkeypatch):
        def deaf(next_hop):
            raise LookupError(next_hop)

        monkeypatch.setattr(scene.endpoint, "listener_for", deaf)
        scene.watch("bob")
        assert len(scene.handler) == 0

    def test_no_timer_outlives_a_subscription(self, scene):
        phone = scene.watch("bob")
        phone.wait(10)
        phone.answers_with = 0
        scene.registered("bob", DESK)
        phone.collect()
        phone.respond(481)
        assert scene.handler._timers == {}
        scene.watch("bob", fields=["Expires: 0"], call_id="look")
        assert scene.handler._timers == {}

    def test_one_notify_at_a_time(self, scene):
        phone = scene.watch("bob", event="presence")
        phone.answers_with = 0
        phone.subscribe()
        scene.registered("bob", DESK)
        phone.wait(10)
        assert len(phone.notifies) == 1
        phone.respond(200)
        phone.collect()
        assert len(phone.notifies) == 2
        assert phone.contacts == [(DESK, "active", "registered")]

    def test_the_watched_user_is_gone(self, scene):
        scene.user("alice").may_watch = True
        phone = scene.watch("bob", "alice", source=ALICE)
        user = scene.user("bob")
        scene.directory._by_aor.pop(user.aor)
        scene.handler.user_gone(user.aor)
        phone.collect()
        assert phone.state == "terminated;reason=noresource"

    def test_the_watcher_is_gone(self, scene):
        scene.user("alice").may_watch = True
        phone = scene.watch("bob", "alice", source=ALICE)
        scene.user("alice").enabled = False
        scene.handler.user_gone("sip:alice@example.org")
        phone.collect()
        assert phone.state == "terminated;reason=rejected"

    def test_gone_while_a_notify_is_on_its_way(self, scene):
        phone = scene.watch("bob", event="presence")
        phone.answers_with = 0
        phone.subscribe()
        scene.directory._by_aor.pop("sip:bob@example.org")
        scene.handler.user_gone("sip:bob@example.org")
        assert phone.subscribe().status == 481
        phone.respond(200)
        phone.collect()
        assert phone.state == "terminated;reason=noresource"

    def test_too_many_of_one_watcher(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_OF_WATCHER", 2)
        first = scene.watch("bob", call_id="1")
        scene.watch("bob", call_id="2", source=CAROL)
        scene.watch("bob", call_id="3", source=ALICE)
        assert len(scene.handler) == 2
        # Its last NOTIFY went out with the third SUBSCRIBE.
        [last] = [one for one in scene.endpoint.sent if one.remote == BOB and one.method == "NOTIFY"][-1:]
        assert last.message.call_id == first.call_id
        assert last.message.first("subscription-state") == "terminated;reason=rejected"

    def test_too_many_in_all(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_IN_ALL", 0)
        answer = scene.watch("bob").answer
        assert answer.status == 503
        assert answer.first("retry-after") == "300"
