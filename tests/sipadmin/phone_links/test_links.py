"""Links that set up a phone: once, for a while, with nothing left in the database that opens them."""

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from registrar.models import SipUser
from sipadmin.environment import Sipadmin
from sipadmin.models import AuditEntry, PhoneLink
from sipadmin.phone_links.links import (
    LinkRefused,
    find_link,
    is_password,
    make_link,
    qr_svg,
    redeem,
    server_for,
    withdraw_links,
)
from sipadmin.phone_links.linphone import NAMESPACE
from sipadmin.provisioning import ProvisioningError, save_user

pytestmark = pytest.mark.django_db
SERVER = "sip:192.0.2.1:5060"
JSON = "application/json"


@pytest.fixture
def made(bob):
    return make_link(bob, SERVER)


class TestLinks:
    def test_it_works(self, made):
        settings = redeem(made.text)
        assert (settings.user.username, settings.server) == ("bob", SERVER)
        assert is_password(SipUser.objects.get(username="bob"), settings.password)
        assert made.has_new_password

    def test_a_password_that_is_given_stays(self, bob):
        found = make_link(bob, SERVER, password="builder")
        assert not found.has_new_password
        assert redeem(found.text).password == "builder"

    def test_only_the_right_password_is_passed_on(self, bob):
        with pytest.raises(ProvisioningError, match="not the password"):
            make_link(bob, SERVER, password="guess")
        SipUser.objects.update(ha1_md5="", ha1_sha256="", ha1_sha512_256="")
        bob.refresh_from_db()
        with pytest.raises(ProvisioningError, match="not the password"):
            make_link(bob, SERVER, password="builder")
        assert not PhoneLink.objects.exists()

    @pytest.mark.parametrize("lifetime", [timedelta(), timedelta(seconds=-1), timedelta(days=7, seconds=1)])
    def test_lifetime(self, bob, lifetime):
        with pytest.raises(ProvisioningError, match="seconds"):
            make_link(bob, SERVER, lifetime=lifetime)

    def test_it_works_once(self, made):
        redeem(made.text)
        with pytest.raises(LinkRefused):
            redeem(made.text)

    def test_for_a_while(self, made):
        with pytest.raises(LinkRefused):
            redeem(made.text, timezone.now() + timedelta(minutes=31))
        assert find_link(made.text)

    def test_the_newest_only(self, bob, made):
        newer = make_link(bob, SERVER)
        assert find_link(made.text) is None
        assert find_link(newer.text)

    def test_not_after_another_password(self, bob, made):
        save_user(bob.domain, "bob", password="another")
        with pytest.raises(LinkRefused):
            redeem(made.text)

    @pytest.mark.parametrize("owner", ["user", "domain"])
    def test_not_for_who_is_disabled(self, bob, made, owner):
        row = bob if owner == "user" else bob.domain
        type(row).objects.filter(pk=row.pk).update(enabled=False)
        with pytest.raises(LinkRefused):
            redeem(made.text)

    def test_withdrawn(self, bob, made):
        assert withdraw_links(bob) == 1
        assert withdraw_links(bob) == 0
        with pytest.raises(LinkRefused):
            redeem(made.text)

    def test_the_database_opens_nothing(self, made):
        password = redeem(make_link(made.link.user, SERVER).text).password
        link = make_link(SipUser.objects.get(username="bob"), SERVER, password=password)
        row = PhoneLink.objects.values().get()
        assert not [value for value in row.values() if link.text in str(value) or password in str(value)]
        PhoneLink.objects.update(sealed_password=b"tampered with")
        with pytest.raises(LinkRefused):
            redeem(link.text)

    def test_the_trail_tells_of_it(self, made):
        redeem(made.text)
        found = list(AuditEntry.objects.order_by("-id").values_list("action", "subject")[:3])
        assert ("phone-link.used", "bob@example.org") in found
        assert ("phone-link.created", "bob@example.org") in found
        assert made.text not in str(list(AuditEntry.objects.values()))

    def test_old_ones_go(self, alice, made):
        PhoneLink.objects.update(expires_at=timezone.now() - timedelta(days=2))
        make_link(alice, SERVER)
        assert PhoneLink.objects.count() == 1

    def test_code(self):
        text = qr_svg("https://example.org/phone/x/")
        assert ElementTree.fromstring(text).tag.endswith("svg")
        assert "script" not in text


class TestServer:
    """Where a phone is sent."""

    @pytest.mark.parametrize(
        ("environ", "host", "server"),
        [
            ({"SIPADMIN_SIP": "192.0.2.1:5070"}, "testserver", "sip:192.0.2.1:5070"),
            ({"SIPADMIN_SIP": "0.0.0.0:5060"}, "testserver:8000", "sip:testserver:5060"),
            ({"SIPADMIN_SIP": "[::]:5060"}, "[::1]:8000", "sip:[::1]:5060"),
            ({"SIPADMIN_SIP": "tls:192.0.2.1:5061,192.0.2.1:5070"}, "testserver", "sip:192.0.2.1:5070"),
            ({"SIPADMIN_SIP": "tls:192.0.2.1:5061"}, "testserver", "sip:192.0.2.1:5061;transport=tls"),
            ({"SIPADMIN_ADVERTISE": "203.0.113.9:5061"}, "testserver", "sip:203.0.113.9:5061"),
            ({"SIPADMIN_SIP": "tls:192.0.2.1:5061,192.0.2.1:5060=sip.example:5070"}, "x", "sip:sip.example:5070"),
            ({"SIPADMIN_SIP": "tls:192.0.2.1:5061"}, "testserver", "sip:192.0.2.1:5061;transport=tls"),
        ],
    )
    def test_it_works(self, settings, environ, host, server):
        settings.SIPADMIN = Sipadmin(environ)
        assert server_for(RequestFactory().get("/", headers={"Host": host})) == server


class TestPage:
    def get(self, text, **headers):
        return Client().get(f"/phone/{text}/", headers=headers)

    def test_a_phone_gets_its_settings(self, made, domain):
        response = self.get(made.text, User_Agent="LinphoneAndroid/5.2")
        assert response.headers["Content-Type"] == "application/xml"
        assert "no-store" in response.headers["Cache-Control"]
        found = {
            (section.get("name"), entry.get("name")): entry.text
            for section in ElementTree.fromstring(response.content)
            for entry in section
        }
        assert found["proxy_0", "reg_proxy"] == f"<{SERVER}>"
        assert found["proxy_0", "reg_identity"] == '"Bob" <sip:bob@example.org>'
        assert found["auth_info_0", "username"] == "bob"
        assert found["auth_info_0", "realm"] == "example.org"
        assert is_password(SipUser.objects.get(username="bob"), found["auth_info_0", "passwd"])
        assert ElementTree.fromstring(response.content).tag == f"{{{NAMESPACE}}}config"
        assert self.get(made.text).status_code == 404

    def test_names_cannot_break_out(self, bob):
        SipUser.objects.update(display_name='B"<ob>&]]>\\')
        text = self.get(make_link(bob, SERVER).text).content
        found = [entry.text for entry in ElementTree.fromstring(text).iter() if entry.get("name") == "reg_identity"]
        assert found == ['"B\'<ob>&]]>" <sip:bob@example.org>']

    def test_a_browser_uses_nothing_up(self, made):
        for _ in range(2):
            response = self.get(made.text, Accept="text/html,*/*")
            assert response.status_code == 200
            assert "<svg" in response.content.decode()
        assert Client().head(f"/phone/{made.text}/").status_code == 200
        assert find_link(made.text)

    def test_what_does_not_work_looks_the_same(self, made):
        redeem(made.text)
        for accept in ("text/html", "*/*"):
            used, invented = self.get(made.text, Accept=accept), self.get("A" * 43, Accept=accept)
            assert used.status_code == invented.status_code == 404
            assert used.content == invented.content

    def test_nothing_else(self, made):
        assert Client().post(f"/phone/{made.text}/").status_code == 405


class TestEndpoints:
    PLACE = "/api/v1/users/bob@example.org/"

    def test_rotate(self, admin_page, bob, made):
        response = admin_page.post(self.PLACE + "rotate-password/", content_type=JSON)
        assert response.status_code == 200
        assert "no-store" in response.headers["Cache-Control"]
        facts = response.json()
        assert facts["aor"] == "bob@example.org"
        assert is_password(SipUser.objects.get(username="bob"), facts["password"])
        assert find_link(made.text) is None
        assert facts["password"] not in str(list(AuditEntry.objects.values()))

    def test_link(self, admin_page, bob):
        response = admin_page.post(self.PLACE + "provisioning-link/", {"lifetime": 60}, JSON)
        assert response.status_code == 201
        facts = response.json()
        assert facts["url"].startswith("http://testserver/phone/")
        assert facts["has_new_password"] is True
        assert facts["qr_svg"].startswith("<svg")
        assert Client().get(facts["url"]).status_code == 200
        assert Client().get(facts["url"]).status_code == 404

    def test_withdraw(self, admin_page, bob, made):
        assert admin_page.delete(self.PLACE + "provisioning-link/").status_code == 204
        assert find_link(made.text) is None

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"password": "guess"}, "#/password"),
            ({"lifetime": 0}, "#/lifetime"),
            ({"lifetime": "x"}, "#/lifetime"),
            ({"live": 1}, "#/live"),
        ],
    )
    def test_refusals(self, admin_page, bob, body, pointer):
        response = admin_page.post(self.PLACE + "provisioning-link/", body, JSON)
        assert response.status_code == 400
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
        assert not PhoneLink.objects.exists()

    def test_nobody(self, admin_page):
        for name in ("rotate-password", "provisioning-link"):
            assert admin_page.post(f"/api/v1/users/nobody@example.org/{name}/", content_type=JSON).status_code == 404
