"""SIPp's own phones register and call through the product (scenarios of ours in sipp/)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product
from tests.end_to_end.programs import Program, Programs, free_port, needs

SCENARIOS = Path(__file__).with_name("sipp")


class Phone(NamedTuple):
    """A user and the port its SIPp listens on."""

    user: str
    port: int

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@127.0.0.1:{self.port}"


class Sipp:
    """Runs scenarios for users of one domain."""

    def __init__(self, enrolment: Enrolment, programs: Programs) -> None:
        self.path = needs("sipp")
        self.enrolment = enrolment
        self.programs = programs
        self.count = 0
        self.phones: list[Phone] = []

    def start(self, scenario: str, port: int, fields: list[str]) -> Program:
        self.count += 1
        name = f"{self.count}-{scenario}"
        folder = self.programs.folder / name
        folder.mkdir(parents=True)
        (folder / "fields.csv").write_text("SEQUENTIAL\n" + ";".join(fields) + "\n")
        host, server_port = self.enrolment.server
        command: list[str | Path] = [
            self.path,
            f"{host}:{server_port}",
            "-sf",
            SCENARIOS / f"{scenario}.xml",
            "-inf",
            "fields.csv",
        ]
        command += ["-i", "127.0.0.1", "-p", str(port), "-m", "1", "-nostdin", "-timeout", "20", "-timeout_error"]
        command += ["-trace_err", "-trace_logs", "-trace_msg", "-cid_str", f"%u-%p@{scenario}"]
        return self.programs.start(command, name)

    def credentials(self, user: str) -> str:
        return f"[authentication username={user} password={self.enrolment.passwords[user]}]"

    def phone(self, user: str, expires: int = 300) -> Phone:
        """Registers a contact of the user at a port of its own."""
        phone = Phone(user, free_port())
        fields = [phone.user, self.credentials(phone.user), phone.contact, self.enrolment.domain, str(expires)]
        succeeds(self.start("register", phone.port, fields))
        self.phones.append(phone)
        return phone

    def unregister(self) -> None:
        """The next test finds no bindings of this one."""
        for phone in self.phones:
            fields = [phone.user, self.credentials(phone.user), phone.contact, self.enrolment.domain]
            succeeds(self.start("unregister", free_port(), fields))

    def callee(self, scenario: str, phone: Phone) -> Program:
        return self.start(scenario, phone.port, [phone.user])

    def caller(self, scenario: str, user: str, callee: str) -> Program:
        return self.start(scenario, free_port(), [user, self.credentials(user), callee, self.enrolment.domain])


def succeeds(*programs: Program) -> None:
    """Every scenario went to its end, message by message (exit code 0)."""
    for program in programs:
        code = program.finish()
        assert code == 0, f"{' '.join(program.command)}\n{program.output}\n{messages(program)}"


def messages(program: Program) -> str:
    """SIPp's message and error logs, for the failure report."""
    return "\n".join(path.read_text(errors="replace") for path in sorted(program.home.glob("*.log")))


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    policies = {"alice": "", "bob": "", "carol": "redirect", "dave": "proxy-parallel"}
    return Enrolment(product, "sipp.test", policies, settings=["ring_time=2", "digest_algorithms=md5-first"])


@pytest.fixture
def sipp(domain: Enrolment, programs: Programs) -> Iterator[Sipp]:
    sipp = Sipp(domain, programs)
    domain.forget_calls()
    yield sipp
    sipp.unregister()


class TestRegister:
    """§10.2, §22: REGISTER with digest."""

    def test_is_challenged_and_accepted(self, sipp: Sipp, domain: Enrolment) -> None:
        phone = sipp.phone("bob")
        assert [binding["contact"] for binding in domain.bindings("bob")] == [phone.contact]


class TestCall:
    """§13, §16: calls through the proxy."""

    def test_is_answered_and_hung_up(self, sipp: Sipp, domain: Enrolment) -> None:
        bob = sipp.phone("bob")
        callee = sipp.callee("callee", bob)
        succeeds(sipp.caller("caller", "alice", "bob"), callee)
        attempt = domain.attempt("bob")
        assert (attempt["state"], attempt["status"]) == ("answered", 200)
        assert [branch["status"] for branch in attempt["branches"]] == [200]

    @pytest.mark.rule("P27")
    def test_is_hung_up_without_a_route(self, sipp: Sipp, domain: Enrolment) -> None:
        callee = sipp.callee("callee", sipp.phone("bob"))
        succeeds(sipp.caller("caller_without_route", "alice", "bob"), callee)
        assert domain.attempt("bob")["state"] == "answered"

    def test_is_cancelled_while_it_rings(self, sipp: Sipp, domain: Enrolment) -> None:
        callee = sipp.callee("callee_cancelled", sipp.phone("bob"))
        succeeds(sipp.caller("caller_cancels", "alice", "bob"), callee)
        attempt = domain.attempt("bob")
        assert (attempt["state"], attempt["status"]) == ("cancelled", 487)

    def test_meets_a_busy_phone(self, sipp: Sipp, domain: Enrolment) -> None:
        callee = sipp.callee("callee_busy", sipp.phone("bob"))
        succeeds(sipp.caller("caller_busy", "alice", "bob"), callee)
        assert domain.attempt("bob")["status"] == 486

    @pytest.mark.rule("P33")
    def test_rings_out_after_the_ring_time(self, sipp: Sipp, domain: Enrolment) -> None:
        callee = sipp.callee("callee_cancelled", sipp.phone("bob"))
        succeeds(sipp.caller("caller_no_answer", "alice", "bob"), callee)
        assert domain.attempt("bob")["status"] == 480

    @pytest.mark.rule("P21")
    def test_forks_to_two_phones_and_cancels_the_slow_one(self, sipp: Sipp, domain: Enrolment) -> None:
        quick, slow = sipp.phone("dave"), sipp.phone("dave")
        callees = [sipp.callee("callee", quick), sipp.callee("callee_cancelled", slow)]
        succeeds(sipp.caller("caller", "alice", "dave"), *callees)
        branches = {branch["target"]: branch["status"] for branch in domain.attempt("dave")["branches"]}
        assert branches == {quick.contact: 200, slow.contact: 487}

    @pytest.mark.rule("D03")
    def test_is_redirected_to_the_registered_contact(self, sipp: Sipp, domain: Enrolment) -> None:
        carol = sipp.phone("carol")
        caller = sipp.caller("caller_redirected", "alice", "carol")
        succeeds(caller)
        assert f"redirected to {carol.contact}" in messages(caller)
        assert domain.attempt("carol")["status"] == 302
