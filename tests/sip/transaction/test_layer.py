"""The layer: who gets what, through the imaginary endpoint."""

from __future__ import annotations

import logging

import pytest

from sip.message.errors import BadMessage
from sip.message.messages import Request, Response, new_request
from sip.transaction import layer
from sip.transaction.client import ClientTransaction
from sip.transaction.limits import STREAM_PATIENCE
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow
from sip.transport.selection import NextHop
from tests.sip.imaginary import ALICE, BOB, MALLORY, SERVER, ImaginaryEndpoint, request_text, response_text
from tests.sip.recording import RecordingCore, RecordingUser

BOBS_PHONE = NextHop("udp", *BOB)


def invite() -> Request:
    return new_request(
        "INVITE", "sip:bob@192.0.2.20", from_="<sip:a@example.org>;tag=1", to="<sip:b@example.org>", call_id="c", cseq=7
    )


def statuses(endpoint: ImaginaryEndpoint) -> list[int]:
    return [sent.status for sent in endpoint.take()]


@pytest.mark.rfc("3261", "17.2")
class TestServerTransactions:
    """§17.2: each request reaches the core once."""

    @pytest.mark.rule("R19")
    @pytest.mark.rule("X05")
    def test_a_retransmission_gets_the_same_answer(self) -> None:
        core = RecordingCore(lambda transaction: transaction.respond_with(200))
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("REGISTER"))
        endpoint.deliver(request_text("REGISTER"))
        first, second = endpoint.take()
        assert first.data == second.data and len(core.transactions) == 1

    def test_each_is_counted_by_method_and_answer(self) -> None:
        core = RecordingCore(lambda transaction: transaction.respond_with(404))
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("REGISTER"))
        endpoint.deliver(request_text("REGISTER"))
        endpoint.deliver(request_text("INVENTED"), MALLORY)
        assert (endpoint.count["request_REGISTER"], endpoint.count["request_other"]) == (1, 1)
        assert endpoint.count["answer_4xx"] == 2

    @pytest.mark.rule("X04")
    def test_the_same_branch_from_another_sender_is_another_request(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text())
        endpoint.deliver(request_text(source=MALLORY), MALLORY)
        endpoint.deliver(request_text("MESSAGE"))
        assert len(core.transactions) == 3

    @pytest.mark.rule("X06")
    @pytest.mark.rfc("3261", "8.2.6.1")
    def test_invite_gets_100_before_the_core_has_said_anything(self) -> None:
        core = RecordingCore(lambda transaction: seen.extend(endpoint.take()))
        endpoint = ImaginaryEndpoint(core)
        seen: list[object] = []
        endpoint.deliver(request_text("INVITE", fields=["Timestamp: 54"]))
        trying = endpoint.sent[0].message
        assert len(seen) == 1 and isinstance(trying, Response) and trying.status == 100
        assert trying.to_tag == "" and trying.first("timestamp") == "54"

    def test_a_retransmitted_invite_gets_the_last_provisional(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE"))
        endpoint.deliver(request_text("INVITE"))
        core.transactions[0].respond_with(180)
        endpoint.deliver(request_text("INVITE"))
        assert statuses(endpoint) == [100, 100, 180, 180] and len(core.transactions) == 1

    @pytest.mark.rule("X05")
    @pytest.mark.rfc("3261", "8.2.6.2")
    def test_one_to_tag_in_all_answers_but_100(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE"))
        transaction = core.transactions[0]
        transaction.respond_with(180)
        transaction.respond_with(486)
        assert [sent.message.to_tag for sent in endpoint.sent] == ["", transaction.to_tag, transaction.to_tag]

    def test_on_end_is_called_once(self) -> None:
        ended: list[str] = []
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        for method in ("INVITE", "MESSAGE"):
            endpoint.deliver(request_text(method, branch=f"z9hG4bK{method}"))
            core.transactions[-1].on_end = lambda method=method: ended.append(method)
            core.transactions[-1].respond_with(404)
        endpoint.advance(100)
        assert ended == ["MESSAGE", "INVITE"] or ended == ["INVITE", "MESSAGE"]
        assert endpoint.transactions == 0

    def test_the_host_of_the_answer_is_the_source_and_the_port_that_of_the_via(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore(lambda transaction: transaction.respond_with(200)))
        endpoint.deliver(request_text(via="Via: SIP/2.0/UDP pc.example:5070;branch=z9hG4bK1"), MALLORY)
        endpoint.deliver(request_text(via="Via: SIP/2.0/UDP pc.example:5070;rport;branch=z9hG4bK2"), MALLORY)
        assert [sent.remote for sent in endpoint.sent] == [(MALLORY[0], 5070), MALLORY]
        assert [sent.source for sent in endpoint.sent] == [SERVER, SERVER]

    def test_the_core_sees_received(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text(via="Via: SIP/2.0/UDP pc.example;rport;branch=z9hG4bK1"), MALLORY)
        assert core.transactions[0].request.via.params["received"] == MALLORY[0]
        assert core.transactions[0].request.via.params["rport"] == "6666"


@pytest.mark.rfc("3261", "17.2.3")
@pytest.mark.rfc("3261", "8.2.7")
class TestWithoutState:
    """§8.2.7: what is answered without a transaction gets the same To tag each time, and another request another."""

    def test_the_tag_is_the_requests(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        for call_id in ("a", "a", "b"):
            endpoint.deliver(
                request_text("MESSAGE", call_id=call_id).replace(b"Content-Length: 0", b"Content-Length: 7")
            )
        tags = [sent.message.to_tag for sent in endpoint.sent]
        assert tags[0] == tags[1] != tags[2]
        assert endpoint.transactions == 0

    def test_nobody_can_guess_it(self) -> None:
        tags = []
        for name in ("t", "u"):
            endpoint = ImaginaryEndpoint(RecordingCore(), name=name)
            endpoint.deliver(request_text("MESSAGE").replace(b"Content-Length: 0", b"Content-Length: 7"))
            tags.append(endpoint.sent[0].message.to_tag.rpartition("-")[2])
        assert tags[0] != tags[1]

    @pytest.mark.rfc("3261", "17.2.4")
    def test_an_answer_that_cannot_be_sent_ends_nothing(self) -> None:
        """§17.2.4 as RFC 6026 §8.8 changes it: the transaction stays and answers the next copy."""
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("MESSAGE"))
        channel = endpoint.listeners[0].channel
        channel.is_broken = True  # type: ignore[attr-defined]
        core.transactions[0].respond_with(200)
        assert (endpoint.sent, endpoint.count["response_undelivered"], endpoint.transactions) == ([], 1, 1)
        channel.is_broken = False  # type: ignore[attr-defined]
        endpoint.deliver(request_text("MESSAGE"))
        assert [sent.status for sent in endpoint.sent] == [200]


@pytest.mark.rule("X09")
class TestAck:
    """§17.2.3: to a failure it ends here, to a success it is the core's; it is never answered."""

    def test_to_a_failure(self) -> None:
        core = RecordingCore(lambda transaction: transaction.respond_with(486))
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE"))
        endpoint.take()
        for _ in range(3):
            endpoint.deliver(request_text("ACK"))
        endpoint.advance(60)
        assert endpoint.take() == [] and core.acks == [] and endpoint.transactions == 0

    def test_to_a_success(self) -> None:
        core = RecordingCore(lambda transaction: transaction.respond_with(200))
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE"))
        endpoint.take()
        endpoint.deliver(request_text("ACK", branch="z9hG4bKnew"))
        endpoint.deliver(request_text("ACK"))  # some phones use the branch of the INVITE
        assert len(core.acks) == 2 and endpoint.take() == []

    def test_without_cookie_the_to_tag_decides(self) -> None:
        via = f"Via: SIP/2.0/UDP {ALICE[0]}"
        core = RecordingCore(lambda transaction: transaction.respond_with(486))
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE", via=via))
        tag = endpoint.take()[-1].message.to_tag
        endpoint.deliver(request_text("ACK", via=via, to="<sip:bob@example.org>;tag=elsewhere"))
        assert len(core.acks) == 1
        endpoint.advance(0.5)
        assert statuses(endpoint) == [486]
        endpoint.deliver(request_text("ACK", via=via, to=f"<sip:bob@example.org>;tag={tag}"))
        endpoint.advance(20)
        assert statuses(endpoint) == [] and len(core.acks) == 1

    def test_to_an_answer_without_transaction_it_is_dropped(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE").replace(b"Max-Forwards", b"Max Forwards"))
        (refusal,) = endpoint.take()
        assert refusal.status == 400
        endpoint.deliver(request_text("ACK", to=f"<sip:bob@example.org>;tag={refusal.message.to_tag}"))
        assert core.acks == [] and endpoint.take() == []


@pytest.mark.rfc("3261", "9.2")
class TestCancelReceived:
    """§9.2: the INVITE is found, the core answers."""

    @pytest.mark.parametrize("via", ["", f"Via: SIP/2.0/UDP {ALICE[0]}"])
    def test_of_a_pending_invite(self, via: str) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE", via=via))
        endpoint.deliver(request_text("CANCEL", via=via))
        assert core.cancels[0][1] is core.transactions[0]
        assert statuses(endpoint) == [100, 200, 487]

    @pytest.mark.rule("X10")
    def test_of_nothing_we_know(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("CANCEL"))
        assert core.cancels[0][1] is None and statuses(endpoint) == [481]

    @pytest.mark.parametrize("status", [200, 486])
    def test_too_late_it_is_answered_with_the_tag_of_the_other_answer(self, status: int) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE"))
        core.transactions[0].respond_with(status)
        endpoint.take()
        endpoint.deliver(request_text("CANCEL"))
        (answer,) = endpoint.take()
        assert (answer.status, answer.message.to_tag) == (200, core.transactions[0].to_tag)
        assert core.cancels == []

    def test_of_a_register_it_has_no_effect(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("REGISTER"))
        endpoint.deliver(request_text("CANCEL"))
        assert statuses(endpoint) == [200] and core.cancels == []


@pytest.mark.rfc("3261", "8.2.2.2")
@pytest.mark.rule("R30")
class TestMerged:
    """§8.2.2.2: a second copy by another way."""

    def test_the_second_copy_is_merged(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("REGISTER", branch="z9hG4bKa"))
        endpoint.deliver(request_text("REGISTER", branch="z9hG4bKb"))
        assert [endpoint.is_merged(transaction) for transaction in core.transactions] == [False, True]

    def test_not_inside_a_dialog_and_not_after_the_first_has_ended(self) -> None:
        core = RecordingCore(lambda transaction: transaction.respond_with(200))
        endpoint = ImaginaryEndpoint(core)
        for branch in ("z9hG4bKa", "z9hG4bKb"):
            endpoint.deliver(request_text("BYE", branch=branch, to="<sip:bob@example.org>;tag=1"))
        assert not any(endpoint.is_merged(transaction) for transaction in core.transactions)
        endpoint.deliver(request_text("REGISTER", branch="z9hG4bKc"))
        endpoint.advance(60)
        endpoint.deliver(request_text("REGISTER", branch="z9hG4bKd"))
        assert not endpoint.is_merged(core.transactions[-1])


@pytest.mark.rfc("3261", "17.1.3")
class TestResponses:
    """§17.1.3, §18.1.2, RFC 6026 §7: a response goes to its transaction or nowhere."""

    def start(self) -> tuple[ImaginaryEndpoint, RecordingUser, bytes]:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        endpoint.send_request(invite(), BOBS_PHONE, user)
        return endpoint, user, endpoint.take()[0].data

    @pytest.mark.rule("P10")
    def test_each_request_has_its_own_branch_with_the_worker_in_it(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore(), worker_id=3)
        branches = {endpoint.send_request(invite(), BOBS_PHONE, None).branch for _ in range(5)}
        assert len(branches) == 5 and all(branch.startswith("z9hG4bK3-") for branch in branches)
        via = endpoint.sent[0].message.via
        assert (via.transport, via.sent_by) == ("UDP", "192.0.2.1:5060") and via.branch in branches

    def test_the_core_may_end_the_branch(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        branch = endpoint.send_request(invite(), BOBS_PHONE, None, ".mark").branch
        assert branch.startswith("z9hG4bK0-") and branch.endswith(".mark")
        assert endpoint.sent[-1].message.via.branch == branch

    def test_it_is_told_with_our_via_on_top(self) -> None:
        endpoint, user, request = self.start()
        endpoint.deliver(response_text(request, 180), BOB)
        assert user.statuses == [180] and user.responses[0].via.sent_by == "192.0.2.1:5060"

    @pytest.mark.rule("X08")
    def test_several_2xx_pass_until_timer_m(self) -> None:
        endpoint, user, request = self.start()
        for tag in ("bob", "carol", "bob"):
            endpoint.deliver(response_text(request, 200, to_tag=tag), BOB)
        endpoint.deliver(response_text(request, 486, to_tag="dave"), BOB)
        endpoint.advance(33)
        endpoint.deliver(response_text(request, 200), BOB)
        assert user.statuses == [200, 200, 200] and endpoint.count["stray_response"] == 1

    @pytest.mark.rule("X02")
    @pytest.mark.rfc("3261", "8.1.3.3")
    @pytest.mark.threat(17)
    def test_with_a_via_that_is_not_ours_it_is_dropped(self) -> None:
        endpoint, user, request = self.start()
        forged = response_text(request, 200).replace(b"UDP 192.0.2.1:5060", b"UDP 192.0.2.77:5060")
        endpoint.deliver(forged, BOB)
        assert user.statuses == [] and endpoint.count["foreign_response"] == 1

    @pytest.mark.rfc("3261", "8.1.3.3")
    @pytest.mark.threat(17)
    def test_with_a_via_below_ours_though_nobody_is_behind_us_it_is_dropped(self) -> None:
        endpoint, user, request = self.start()
        answer = response_text(request, 200)
        endpoint.deliver(answer.replace(b"\r\nFrom:", b"\r\nVia: SIP/2.0/UDP 192.0.2.77\r\nFrom:"), BOB)
        assert user.statuses == [] and endpoint.count["foreign_response"] == 1
        endpoint.deliver(answer, BOB)
        assert user.statuses == [200]

    @pytest.mark.rule("X08")
    @pytest.mark.threat(17)
    @pytest.mark.rfc("6026", "7.3")
    def test_with_another_branch_or_method_it_is_stray(self) -> None:
        endpoint, user, request = self.start()
        endpoint.deliver(response_text(request, 200).replace(b"z9hG4bK0-", b"z9hG4bK1-"), MALLORY)
        endpoint.deliver(response_text(request, 200).replace(b"7 INVITE", b"7 BYE"), MALLORY)
        assert user.statuses == [] and endpoint.count["stray_response"] == 2
        assert [sent.method for sent in endpoint.take()] == []

    @pytest.mark.rule("P20")
    def test_cancel_goes_where_the_invite_went_and_has_its_own_transaction(self) -> None:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        transaction = endpoint.send_request(invite(), BOBS_PHONE, user)
        request = endpoint.take()[0]
        endpoint.deliver(response_text(request.data, 180), BOB)
        transaction.cancel()
        (cancel,) = endpoint.take()
        assert (cancel.method, cancel.remote) == ("CANCEL", BOB)
        assert cancel.message.lines("via") == request.message.lines("via")
        endpoint.advance(0.5)
        assert [sent.data for sent in endpoint.take()] == [cancel.data]
        endpoint.deliver(response_text(cancel.data, 200), BOB)
        endpoint.deliver(response_text(request.data, 487), BOB)
        endpoint.advance(60)
        assert user.statuses == [180, 487] and user.failures == [] and endpoint.transactions == 0


@pytest.mark.rfc("3261", "17.1.4")
class TestSendFailures:
    """§17.1.4: told once, and never before send_request has returned."""

    def test_a_socket_that_refuses(self) -> None:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        endpoint.listeners[0].channel.is_broken = True  # type: ignore[attr-defined]
        transaction = endpoint.send_request(invite(), BOBS_PHONE, user)
        assert user.failures == [] and isinstance(transaction, ClientTransaction)
        endpoint.advance(100)
        assert user.failures == [503] and endpoint.transactions == 0

    def test_no_listener_of_that_family(self) -> None:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        endpoint.send_request(invite(), NextHop("udp", "2001:db8::9", 5060), user)
        endpoint.send_stateless(invite(), NextHop("udp", "2001:db8::9", 5060))
        endpoint.advance(100)
        assert user.failures == [503] and endpoint.count["no_listener"] == 2 and endpoint.sent == []

    def test_a_connection_refused(self) -> None:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        endpoint.network.refuses_connections = True
        endpoint.send_request(invite(), NextHop("tcp", *BOB), user)
        endpoint.advance(100)
        assert user.failures == [503]

    def test_a_flow_that_is_gone(self) -> None:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        flow = endpoint.deliver(request_text(protocol="TCP"), BOB, "tcp")
        flow.channel.is_open = False  # type: ignore[attr-defined]
        endpoint.send_request(invite(), NextHop.on(flow), user)
        endpoint.advance(100)
        assert user.failures == [503]

    def test_an_icmp_error(self) -> None:
        endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
        transaction = endpoint.send_request(invite(), BOBS_PHONE, user)
        endpoint.undelivered(transaction.branch, "INVITE")
        endpoint.undelivered(transaction.branch, "INVITE")
        assert user.failures == [503] and endpoint.transactions == 0


@pytest.mark.threat(8)
class TestCaps:
    """What a flood can make us remember is bounded."""

    def test_503_when_too_many_requests_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layer, "MAX_LIVE_SERVER_TRANSACTIONS", 2)
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        for number in range(4):
            endpoint.deliver(request_text(branch=f"z9hG4bK{number}"))
        assert statuses(endpoint) == [503, 503] and endpoint.count["too_many_transactions"] == 2
        core.transactions[0].respond_with(200)
        endpoint.deliver(request_text(branch="z9hG4bK9"))
        assert len(core.transactions) == 3

    def test_the_oldest_answers_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layer, "MAX_ANSWERED_TRANSACTIONS", 3)
        core = RecordingCore(lambda transaction: transaction.respond_with(200))
        endpoint = ImaginaryEndpoint(core)
        for number in range(10):
            endpoint.deliver(request_text(branch=f"z9hG4bK{number}"))
        assert endpoint.transactions == 3
        endpoint.deliver(request_text(branch="z9hG4bK9"))
        assert len(core.transactions) == 10
        endpoint.advance(60)
        assert endpoint.transactions == 0

    def test_requests_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(layer, "MAX_CLIENT_TRANSACTIONS", 1)
        endpoint, users = ImaginaryEndpoint(RecordingCore()), [RecordingUser(), RecordingUser()]
        for user in users:
            endpoint.send_request(invite(), BOBS_PHONE, user)
        endpoint.clock.settle()
        assert [user.failures for user in users] == [[], [503]]


class TestFailingCores:
    """A core that raises: 500, a log record with the Call-ID, and on we go."""

    def test_500_and_a_log_record(self, caplog: pytest.LogCaptureFixture) -> None:
        def fail(transaction: ServerTransaction) -> None:
            raise RuntimeError("out of \x1b[31mluck\r\n")

        endpoint = ImaginaryEndpoint(RecordingCore(fail))
        with caplog.at_level(logging.ERROR, "sip"):
            endpoint.deliver(request_text("INVITE", call_id="bad\x1b[1m@alice"))
            endpoint.deliver(request_text("MESSAGE", branch="z9hG4bK2", call_id="second@alice"))
        assert statuses(endpoint) == [100, 500, 500]
        first, second = (record.getMessage() for record in caplog.records)
        assert "bad?[1m@alice" in first and "second@alice" in second and "RuntimeError" in first
        assert not set("\x1b\r") & set(first)
        assert endpoint.count["core_failed"] == 2

    def test_after_its_answer_only_the_log(self) -> None:
        def fail(transaction: ServerTransaction) -> None:
            transaction.respond_with(202)
            raise RuntimeError

        endpoint = ImaginaryEndpoint(RecordingCore(fail))
        endpoint.deliver(request_text("MESSAGE"))
        assert statuses(endpoint) == [202]

    def test_what_the_core_finds_malformed_is_answered(self) -> None:
        def fail(transaction: ServerTransaction) -> None:
            raise BadMessage("Malformed q value 7", field="contact")

        endpoint = ImaginaryEndpoint(RecordingCore(fail))
        endpoint.deliver(request_text("REGISTER"))
        answer = endpoint.take()[0].message
        assert isinstance(answer, Response) and (answer.status, answer.reason) == (400, "Malformed q value 7")

    def test_who_sent_a_request(self) -> None:
        def fail(transaction: ClientTransaction, response: Response) -> None:
            raise RuntimeError

        endpoint = ImaginaryEndpoint(RecordingCore())
        user = RecordingUser(fail)
        endpoint.send_request(invite(), BOBS_PHONE, user)
        request = endpoint.take()[0].data
        endpoint.deliver(response_text(request, 180), BOB)
        endpoint.deliver(response_text(request, 486), BOB)
        assert [sent.method for sent in endpoint.take()] == ["ACK"] and user.statuses == [180, 486]
        assert endpoint.count["core_failed"] == 2

    def test_a_timer_of_a_handler(self) -> None:
        def fail() -> None:
            raise RuntimeError

        endpoint = ImaginaryEndpoint(RecordingCore())
        seen: list[float] = []
        endpoint.call_at(endpoint.now() + 1, fail)
        endpoint.call_at(endpoint.now() + 2, lambda: seen.append(endpoint.now()))
        endpoint.call_at(endpoint.now() + 1.5, lambda: seen.append(0)).cancel()
        endpoint.advance(5)
        assert seen == [1002.0]


@pytest.mark.rule("X11")
@pytest.mark.rfc("3261", "18.1.1")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
@pytest.mark.parametrize("refuses", [True, False])
def test_a_large_request_starts_over_by_udp_once(method: str, refuses: bool) -> None:
    endpoint, user = ImaginaryEndpoint(RecordingCore()), RecordingUser()
    endpoint.network.refuses_connections = refuses
    large = new_request(
        method, "sip:b@b", from_="<sip:a@b>;tag=1", to="<sip:b@b>", call_id="c", cseq=7, body=b"v" * 1_400
    )
    endpoint.send_request(large, BOBS_PHONE, user)
    endpoint.advance(0.0 if refuses else STREAM_PATIENCE)
    by_tcp, by_udp = endpoint.take()
    assert (by_tcp.protocol, by_udp.protocol, by_udp.message.via.transport) == ("tcp", "udp", "UDP")
    assert by_udp.message.via.branch == by_tcp.message.via.branch and endpoint.count["large_request_by_udp"] == 1
    assert by_tcp.connection is not None
    by_tcp.connection.refuse()  # too late to matter
    endpoint.clock.settle()
    assert user.failures == []


class TestWithoutTransaction:
    """§8.2.7, §16.11"""

    def test_an_ack_is_never_answered_nor_what_came_by_multicast(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        for method, is_multicast in (("ACK", False), ("OPTIONS", True)):
            endpoint.deliver(
                request_text(method).replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), ALICE, is_multicast=is_multicast
            )
        assert endpoint.sent == []

    def test_on_a_stream_the_length_is_said(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        data = request_text(protocol="TCP").replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1)
        endpoint.deliver(data, ALICE, "tcp")
        assert endpoint.take()[0].message.first("content-length") == "0"

    @pytest.mark.parametrize("hop", [BOBS_PHONE, NextHop("tls", *BOB)])
    def test_a_request_is_sent_once_or_not_at_all(self, hop: NextHop) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        endpoint.send_stateless(invite(), hop)
        endpoint.advance(10)
        assert len(endpoint.sent) == (1 if hop is BOBS_PHONE else 0)

    @pytest.mark.rule("R34")
    def test_a_group_is_answered_with_its_ttl(self) -> None:
        core = RecordingCore(lambda transaction: transaction.respond_with(200))
        endpoint = ImaginaryEndpoint(core)
        via = f"Via: SIP/2.0/UDP {ALICE[0]};branch=z9hG4bKm;maddr=224.0.1.75;ttl=4"
        endpoint.deliver(request_text("REGISTER", via=via), ALICE, is_multicast=True)
        [sent] = endpoint.take()
        assert (sent.remote[0], sent.ttl) == ("224.0.1.75", 4)
        endpoint.deliver(request_text("INVITE", branch="z9hG4bKi"), ALICE, is_multicast=True)
        assert [sent.status for sent in endpoint.take()] == [200]  # and no 100 (§17.2.1 is for unicast)


class TestMoreFailingCores:
    """A bug in what is told ends nothing else."""

    def test_ack_end_and_failure(self, caplog: pytest.LogCaptureFixture) -> None:
        class Failing(RecordingCore):
            def ack_received(self, request: Request, flow: Flow, now: float) -> None:
                raise RuntimeError("ack")

        def answer(transaction: ServerTransaction) -> None:
            transaction.on_end = lambda: 1 // 0  # type: ignore[assignment,return-value]
            transaction.respond_with(200)

        user = RecordingUser()
        user.failed = lambda transaction, status, now: 1 // 0  # type: ignore[method-assign,assignment]
        endpoint = ImaginaryEndpoint(Failing(answer))
        endpoint.deliver(request_text("ACK"))
        endpoint.deliver(request_text("OPTIONS"))
        endpoint.send_request(invite(), BOBS_PHONE, user)
        endpoint.advance(70)
        assert endpoint.count["core_failed"] == 3 and endpoint.transactions == 0

    def test_what_the_peer_got_wrong_is_no_bug_of_ours(self, caplog: pytest.LogCaptureFixture) -> None:
        class Reading(RecordingCore):
            def ack_received(self, request: Request, flow: Flow, now: float) -> None:
                raise BadMessage("Malformed Route")

        endpoint = ImaginaryEndpoint(Reading())
        endpoint.deliver(request_text("ACK"))
        assert endpoint.count["bad_message"] == 1 and not caplog.records
