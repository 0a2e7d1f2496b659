"""The messages of RFC 4475 and RFC 5118, as a datagram and byte by byte, from a folder that is no part of the project.

SIPADMIN_TORTURE_DIR names it; in it are rfc4475/*.dat and rfc5118/*.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tests.torture.rfc_messages import RFC4475, RFC5118, Owed
from tests.torture.server import FORWARDED, SENDER, SENDER_IPV6, Server

FOLDER = os.environ.get("SIPADMIN_TORTURE_DIR", "")
needs_files = pytest.mark.skipif(not FOLDER, reason="SIPADMIN_TORTURE_DIR names no folder with the RFCs' messages")

ROWS = [("rfc4475", owed) for owed in RFC4475] + [("rfc5118", owed) for owed in RFC5118]
every_message = pytest.mark.parametrize(("folder", "owed"), ROWS, ids=[owed.name for _, owed in ROWS])


def read(folder: str, name: str) -> bytes:
    return (Path(FOLDER) / folder / (f"{name}.dat" if folder == "rfc4475" else name)).read_bytes()


def check(
    server: Server, got: object, wanted: object, owed: Owed, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert got == wanted, f"{owed.why}\n{server.endpoint.sent}"
    body = data.partition(b"\r\n\r\n")[2]
    for sent in server.forwarded if wanted == FORWARDED else ():
        assert sent.data.partition(b"\r\n\r\n")[2] in body  # §16.6 step 1; what was surplus is gone (§18.3)
        assert b"?Route" not in sent.data.partition(b"\r\n")[0]  # §16.6 step 2
    assert server.endpoint.count["core_failed"] == 0
    assert server.let_end() == 0
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@needs_files
@every_message
@pytest.mark.rfc("4475", "3")
@pytest.mark.rfc("5118", "4")
@pytest.mark.rule("X12")
class TestRfcMessages:
    """RFC 4475 §3, RFC 5118 §4: every message gets what it is owed, and none does harm."""

    @pytest.mark.parametrize("is_home", [False, True], ids=["foreign", "home"])
    def test_datagram(self, folder, owed, is_home, caplog):
        server = Server(is_home=is_home)
        data = read(folder, owed.name)
        got = server.datagram(data, SENDER if folder == "rfc4475" else SENDER_IPV6)
        check(server, got, owed.home if is_home else owed.foreign, owed, data, caplog)

    @pytest.mark.parametrize("is_home", [False, True], ids=["foreign", "home"])
    def test_stream(self, folder, owed, is_home, caplog):
        server = Server(is_home=is_home)
        data = read(folder, owed.name)
        got = server.stream(data, SENDER if folder == "rfc4475" else SENDER_IPV6)
        wanted = owed.tcp if owed.tcp is not None else owed.home if is_home else owed.foreign
        check(server, got, wanted, owed, data, caplog)

    @pytest.mark.rfc("7118", "5")
    @pytest.mark.parametrize("is_home", [False, True], ids=["foreign", "home"])
    def test_frame(self, folder, owed, is_home, caplog):
        server = Server(is_home=is_home)
        data = read(folder, owed.name)
        got = server.frame(data, SENDER if folder == "rfc4475" else SENDER_IPV6)
        check(server, got, owed.home if is_home else owed.foreign, owed, data, caplog)


@needs_files
class TestTable:
    def test_no_message_is_left_out(self):
        for folder, table in (("rfc4475", RFC4475), ("rfc5118", RFC5118)):
            found = {path.name.removesuffix(".dat") for path in (Path(FOLDER) / folder).iterdir()}
            assert found == {owed.name for owed in table}

    @pytest.mark.rfc("3261", "22.1")
    def test_credentials_of_an_unknown_scheme_are_none(self):
        assert Server(is_home=True, passwords=True).datagram(read("rfc4475", "regaut01")) == 401


def test_table_has_every_message():
    assert (len(RFC4475), len(RFC5118)) == (49, 12)
    assert len({owed.name for _, owed in ROWS}) == 61
