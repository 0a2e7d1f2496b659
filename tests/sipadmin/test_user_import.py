"""Users from a table, all or nothing."""

import pytest

from proxy.models import DeliveryPolicy
from registrar.models import Alias, SipUser
from sip.auth.digest import ha1
from sipadmin.models import ConfigChange
from sipadmin.provisioning import own_policy, save_domain, save_user
from sipadmin.user_import import import_rows
from sipadmin.user_table import ImportRefused, read_table

pytestmark = pytest.mark.django_db


@pytest.fixture
def domain():
    return save_domain("example.org").domain


def load(domain, text, **options):
    return import_rows(domain, read_table(text if isinstance(text, bytes) else text.encode()), **options)


def refusal(call, *args):
    with pytest.raises(ImportRefused) as refused:
        call(*args)
    return [(error.row, error.column) for error in refused.value.errors]


class TestReadTable:
    @pytest.mark.parametrize(
        "content",
        [
            b"user,display_name\nalice,Zo\xc3\xab\n",
            b"\xef\xbb\xbfuser,display_name\r\nalice,Zo\xc3\xab\r\n",
            b"user;display_name\nalice;Zo\xeb\n",
            b' USER , Display_Name\nalice,"Zo\xc3\xab"',
        ],
    )
    def test_it_works(self, content):
        assert read_table(content) == [{"user": "alice", "display_name": "Zoë"}]

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", (1, "user")),
            (b"password\nx\n", (1, "user")),
            (b"user,colour\nalice,red\n", (1, "colour")),
            (b"user,\nalice,\n", (1, "(empty)")),
            (b"user,user\na,b\n", (1, "")),
            (b"user\nalice,extra\n", (2, "")),
            (b'user\n"alice\n', (2, "")),
            (b"PK\x03\x04\x00\x00", (1, "")),
        ],
    )
    def test_refusals(self, content, expected):
        assert refusal(read_table, content) == [expected]


class TestImport:
    def test_it_works(self, domain):
        counts = load(
            domain,
            "user,password,policy,display_name,aliases,ring_time\n"
            "alice,a,redirect,Alice,100 101,\n"
            "bob,b, ,Bob,,20\n"
            ",,,,,\n"
            "carol, c ,inherit,,,\n",
        )
        assert counts == (3, 0, 0)
        alice, bob, carol = SipUser.objects.order_by("username")
        assert alice.ha1_md5 == ha1("MD5", "alice", "example.org", "a")
        assert carol.ha1_sha256 == ha1("SHA-256", "carol", "example.org", " c ")
        assert [own_policy(user) for user in (alice, bob, carol)] == [
            ("redirect", None), ("inherit", 20), ("inherit", None),
        ]  # fmt: skip
        assert set(alice.aliases.values_list("name", flat=True)) == {"100", "101"}

    def test_again_is_unchanged(self, domain):
        text = "user,password,policy,aliases\nalice,a,redirect,100\nbob,b,inherit,\n"
        load(domain, text)
        ConfigChange.objects.all().delete()
        assert load(domain, text) == (0, 0, 2)
        assert not ConfigChange.objects.exists()

    def test_an_update_touches_only_what_the_table_has(self, domain):
        load(domain, "user,password,display_name,policy,aliases\nalice,a,Alice,redirect,100\nbob,b,Bob,proxy,\n")
        before = SipUser.objects.get(username="alice")
        assert load(domain, "user,display_name,password\nalice,Alicia,\nbob,Bob,\n") == (0, 1, 1)
        alice = SipUser.objects.get(username="alice")
        assert (alice.display_name, alice.version, alice.ha1_md5) == ("Alicia", 2, before.ha1_md5)
        assert alice.updated_at > before.updated_at
        assert own_policy(alice) == ("redirect", None)
        assert load(domain, "user,policy,aliases\nalice,,200\n") == (0, 1, 0)
        assert own_policy(alice) == ("inherit", None)
        assert Alias.objects.get().name == "200"

    def test_the_engine_hears_of_it(self, domain):
        ConfigChange.objects.all().delete()
        load(domain, "user,password,policy\nalice,a,redirect\n")
        alice = SipUser.objects.get()
        assert sorted(ConfigChange.objects.values_list("kind", "object_id")) == [("policy", None), ("user", alice.pk)]

    def test_dry_run(self, domain):
        assert load(domain, "user,password\nalice,a\n", is_dry_run=True) == (1, 0, 0)
        assert not SipUser.objects.exists()

    @pytest.mark.parametrize(
        ("row", "column"),
        [
            (",a,,,,,", "user"),
            ("a b,a,,,,,", "user"),
            ("alice,,,,,,", "password"),
            ("alice,a,shout,,,,", "policy"),
            ("alice,a,refuse:99,,,,", "policy"),
            ("alice,a,,maybe,,,", "enabled"),
            ("alice,a,,,0,,", "max_contacts"),
            ("alice,a,,,x,,", "max_contacts"),
            ("alice,a,,,,0,", "ring_time"),
            ("alice,a,,,,,x@y", "aliases"),
            ("alice,a,,,,,bob", "aliases"),
            ("alice,a,,,,,900", "aliases"),
            ("900,a,,,,,", "user"),
        ],
    )
    def test_one_bad_row_and_nothing_is_stored(self, domain, row, column):
        save_user(domain, "dave", password="x", aliases=["900"])
        text = f"user,password,policy,enabled,max_contacts,ring_time,aliases\nbob,b,redirect,,,,\n{row}\n"
        assert refusal(load, domain, text) == [(3, column)]
        assert SipUser.objects.count() == 1
        assert not DeliveryPolicy.objects.exists()

    def test_twice_in_the_table(self, domain):
        assert refusal(load, domain, "user,password\nalice,a\nalice,b\n") == [(3, "user")]
        assert refusal(load, domain, "user,password,aliases\nalice,a,100\n100,b,\n") == [(3, "user")]

    def test_both_password_and_hash(self, domain):
        assert refusal(load, domain, f"user,password,ha1_md5\nalice,a,{'a' * 32}\n") == [(2, "password")]

    def test_hashes(self, domain):
        load(domain, f"user,ha1_md5,ha1_sha256\nalice,{'A' * 32},{'b' * 64}\n")
        alice = SipUser.objects.get()
        assert (alice.ha1_md5, alice.ha1_sha256, alice.ha1_sha512_256) == ("a" * 32, "b" * 64, "")
        assert refusal(load, domain, "user,ha1_md5\nalice,zz\n") == [(2, "ha1_md5")]

    def test_the_first_twenty_errors_and_how_many(self, domain):
        text = "user,password,policy\n" + "".join(f"u{number},x,shout\n" for number in range(30))
        with pytest.raises(ImportRefused) as refused:
            load(domain, text)
        assert (len(refused.value.errors), refused.value.count) == (20, 30)
        assert str(refused.value.errors[0]).startswith("row 2, policy: 'shout' is not a policy")

    def test_without_authentication_no_password_is_needed(self):
        domain = save_domain("open.example", auth_register=False).domain
        assert load(domain, "user\nalice\n") == (1, 0, 0)

    def test_an_alias_may_move(self, domain):
        load(domain, "user,password,aliases\nalice,a,100\nbob,b,\n")
        load(domain, "user,aliases\nalice,\nbob,100\n")
        assert Alias.objects.get().user.username == "bob"

    def test_progress(self, domain):
        text = "user,password\n" + "".join(f"u{number},x\n" for number in range(250))
        steps = []
        load(domain, text, progress=steps.append)
        assert sum(steps) == 250


class TestForwarding:
    def test_columns(self, domain):
        load(
            domain,
            "user,password,do_not_disturb,forward_busy,forward_always\nbob,x,on,carol,\ncarol,x,,,sip:c@x.example",
        )
        bob, carol = SipUser.objects.order_by("username")
        assert (bob.do_not_disturb, bob.forward_busy, bob.forward_always) == (True, "sip:carol@example.org", "")
        assert (carol.do_not_disturb, carol.forward_always) == (False, "sip:c@x.example")

    def test_errors_name_the_cell(self, domain):
        assert refusal(load, domain, "user,password,forward_busy\nbob,x,bob\nalice,x,a b") == [
            (2, "forward_busy"),
            (3, "forward_busy"),
        ]
