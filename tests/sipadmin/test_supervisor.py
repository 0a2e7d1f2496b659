"""The supervisor's parts; its life is in tests/end_to_end/test_up.py."""

import asyncio
import sys

import pytest

from sipadmin import supervisor
from sipadmin.environment import HostPort
from sipadmin.supervisor import Child, describe_exit

ERROR = "2026-01-01 12:00:00,123 ERROR sip: Call-ID abc: %s and {} stay as they are"
FINE = "2026-01-01 12:00:01,123 INFO sip: all is well"


@pytest.fixture
def said():
    return []


@pytest.fixture
def make(tmp_path, said):
    def make(code):
        return Child("sip", [sys.executable, "-c", code], tmp_path, said.append)

    return make


class TestChild:
    async def test_output_goes_to_its_log(self, make, tmp_path, said):
        child = make("print('one'); import sys; print('two', file=sys.stderr); sys.exit(3)")
        assert await child.run() == 3
        assert sorted((tmp_path / "sip.log").read_text().splitlines()) == ["one", "two"]
        assert said == []
        assert sorted(child.last_lines) == ["one", "two"]

    def test_errors_with_their_traceback_go_to_the_console(self, make, said):
        child = make("")
        for line in [FINE, ERROR, "Traceback (most recent call last):", '  File "x"', "ValueError: y", FINE, "more"]:
            child.keep(line)
        assert said == [f"sip: {line}" for line in (ERROR, "Traceback (most recent call last):", '  File "x"',
                                                    "ValueError: y")]  # fmt: skip
        assert child.has_complained

    def test_the_log_is_rotated(self, make, tmp_path, monkeypatch):
        monkeypatch.setattr(supervisor, "LOG_BYTES", 1000)
        child = make("")
        for _ in range(100):
            child.keep("x" * 100)
        assert len(list(tmp_path.glob("sip.log*"))) == 1 + supervisor.LOG_FILES

    async def test_a_line_without_end_is_no_harm(self, make, said):
        child = make("print('x' * 3_000_000); print('after')")
        assert await child.run() == 0
        assert child.last_lines[-1] == "after"

    async def test_a_signal(self, make):
        child = make("import os; os.kill(os.getpid(), 9)")
        assert await child.run() == -9

    def test_the_pause_doubles_to_a_limit_and_starts_anew(self, make, monkeypatch):
        clock = [1000.0]
        monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock[0])
        child = make("")
        child.started_at = 1000.0
        assert [child.next_pause() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
        clock[0] += supervisor.STEADY_AFTER + 1
        assert child.next_pause() == 0.5


def test_describe_exit():
    assert describe_exit(-9) == "was ended by SIGKILL"
    assert describe_exit(-99) == "was ended by signal 99"
    assert describe_exit(2) == "stopped with exit code 2"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n{}", (200, "{}")),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\nwhy", (503, "why")),
        (b"nonsense", (0, "")),
        (b"", (0, "")),
    ],
)
async def test_ask_ready(answer, expected):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await supervisor.ask_ready(HostPort("127.0.0.1", port)) == expected
    assert await supervisor.ask_ready(HostPort("0.0.0.0", port)) == expected
    server.close()
    await server.wait_closed()
    assert await supervisor.ask_ready(HostPort("127.0.0.1", port)) == (0, "")
