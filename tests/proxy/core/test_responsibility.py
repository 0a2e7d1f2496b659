import pytest

from proxy.core.responsibility import MAX_KEPT_ADDRESSES, Responsibility
from sip.message.uri import Uri
from tests.proxy.scene import ADirectory, ADomain

pytestmark = [pytest.mark.rule("R11"), pytest.mark.rfc("3261", "16.4")]

SERVER = ("192.0.2.1", 5060)


@pytest.fixture
def directory():
    directory = ADirectory()
    second = directory.names["second.example"] = ADomain(7, "second.example")
    directory.names["first.example"] = directory.names["alias.example"] = ADomain(3, "first.example")
    assert directory.domains()[0] is second
    return directory


@pytest.fixture
def responsibility(directory):
    asked = []

    def is_own_address(host, port):
        asked.append((host, port))
        return host == SERVER[0] and port in (None, SERVER[1])

    return Responsibility(directory, is_own_address, {SERVER[1]}), asked


class TestResponsibility:
    """16.4, 16.5: which URIs lead here, and into which domain."""

    @pytest.mark.parametrize(
        ("uri", "name"),
        [
            ("sip:bob@first.example", "first.example"),
            ("sip:bob@alias.example:5060", "first.example"),
            ("sips:bob@second.example", "second.example"),
            ("sip:bob@second.example:7070", None),
            ("sip:bob@192.0.2.1", "first.example"),
            ("sip:bob@192.0.2.1:5060;transport=tcp", "first.example"),
            ("sip:bob@192.0.2.1:5061", None),
            ("sip:bob@elsewhere.example", None),
            ("tel:+15550100", None),
        ],
    )
    def test_domain_of(self, responsibility, uri, name):
        found = responsibility[0].domain_of(Uri.parse(uri))
        assert (found.name if found else None) == name
        assert responsibility[0].is_own(Uri.parse(uri)) == (name is not None)

    def test_our_address_is_ours_before_there_is_a_domain(self):
        empty = Responsibility(ADirectory(), lambda host, port: True, {5060})
        assert empty.is_own(Uri.parse("sip:192.0.2.1"))
        assert empty.domain_of(Uri.parse("sip:bob@192.0.2.1")) is None

    def test_an_address_is_judged_once_and_not_too_many_are_kept(self, responsibility):
        found, asked = responsibility
        assert [found.is_own_address(*SERVER) for _ in range(3)] == [True] * 3
        assert asked == [SERVER]
        for number in range(MAX_KEPT_ADDRESSES):
            found.is_own_address("192.0.2.9", number)
        assert found.is_own_address(*SERVER)
        assert asked.count(SERVER) == 2
