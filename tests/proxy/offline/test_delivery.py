"""What stands in for the sender of a stored message: one final response, whoever gives it."""

import pytest

from proxy.models import StoredMessage
from proxy.offline.delivery import Outgoing
from sip.message.messages import response_to
from sip.message.wire import parse_message
from tests.proxy.offline.scene import OfflineScene
from tests.proxy.scene import BOB
from tests.sip.imaginary import request_text


class TestOutgoing:
    def test_the_first_final_response_counts(self):
        heard = []
        outgoing = Outgoing(parse_message(request_text("MESSAGE")), heard.append)
        outgoing.respond(response_to(outgoing.request, 100))
        outgoing.respond(response_to(outgoing.request, 202))
        outgoing.respond_with(500)
        assert heard == [202]

    def test_a_response_of_the_servers_own(self):
        heard = []
        Outgoing(parse_message(request_text("MESSAGE")), heard.append).respond_with(480, "Gone", [("X", "y")])
        assert heard == [480]


@pytest.mark.django_db
class TestDelivery:
    """RFC 3428 §7, in parts that the handler's tests do not reach."""

    def test_a_row_that_is_gone_is_passed_over(self):
        scene = OfflineScene()
        first, second = scene.message(body="1"), scene.message(body="2")
        assert (first.final.status, second.final.status) == (202, 202)
        StoredMessage.objects.order_by("id").first().delete()
        [sent] = scene.comes()
        assert (sent.remote, sent.message.body) == (BOB, b"2")

    def test_a_secure_message_goes_by_secure_contacts_only(self):
        """§16.6: what was sent to a sips URI does not leave by sip."""
        scene = OfflineScene()
        scene.message()
        row = StoredMessage.objects.get()
        row.message = bytes(row.message).replace(b"MESSAGE sip:", b"MESSAGE sips:")
        row.save()
        assert scene.comes() == []
        assert scene.store.count == 1
