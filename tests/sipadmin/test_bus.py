"""The bus: commands down, events up, over a real Unix socket."""

import asyncio
import json
import stat

import pytest

from sipadmin import bus
from sipadmin.bus import GAP, BusServer, EngineUnavailable, engine_command


async def answer(frame):
    match frame["command"]:
        case "ping":
            return {"echo": frame["arguments"]}
        case "refuse":
            raise EngineUnavailable("Not today.")
    raise ZeroDivisionError("a bug")


@pytest.fixture
async def server(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    running = BusServer(tmp_path, answer)
    await running.start()
    yield running
    await running.stop()


async def ask(name, **arguments):
    return await asyncio.to_thread(engine_command, name, **arguments)


class TestCommands:
    async def test_it_works(self, server, tmp_path):
        assert await ask("ping", id=7, text="é") == {"echo": {"id": 7, "text": "é"}}
        assert stat.S_IMODE((tmp_path / "bus.sock").stat().st_mode) == 0o600

    async def test_refused(self, server):
        with pytest.raises(EngineUnavailable, match=r"^Not today\.$"):
            await ask("refuse")

    async def test_a_bug_is_answered_and_the_bus_goes_on(self, server):
        with pytest.raises(EngineUnavailable, match="ZeroDivisionError"):
            await ask("other")
        assert await ask("ping")

    async def test_nobody_there(self, tmp_path, settings):
        settings.DATA_DIR = tmp_path
        with pytest.raises(EngineUnavailable, match="not running"):
            await ask("ping")

    async def test_a_socket_left_behind(self, server, tmp_path):
        server._server.close()
        await server._server.wait_closed()
        with pytest.raises(EngineUnavailable, match="not running"):
            await ask("ping")
        second = BusServer(tmp_path, answer)
        await second.start()
        assert await ask("ping")
        await second.stop()

    async def test_no_answer_in_time(self, tmp_path, settings):
        settings.DATA_DIR = tmp_path
        never = asyncio.Event()

        async def hang(frame):
            await never.wait()

        silent = BusServer(tmp_path, hang)
        await silent.start()
        with pytest.raises(EngineUnavailable, match="did not answer within"):
            await ask("ping", timeout=0.05)
        await silent.stop()

    async def test_a_path_too_long_for_the_kernel(self, tmp_path, settings):
        settings.DATA_DIR = tmp_path / ("long" * 30)
        settings.DATA_DIR.mkdir()
        running = BusServer(settings.DATA_DIR, answer)
        await running.start()
        assert await ask("ping")
        await running.stop()
        assert not (settings.DATA_DIR / "bus.sock").exists()


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{{", b"\x00\x00\x00\x02[]", b"\x00"])
async def test_noise_ends_the_connection_only(server, tmp_path, noise):
    reader, writer = await asyncio.open_unix_connection(bus.socket_path(tmp_path))
    writer.write(noise)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    assert await ask("ping")


class TestEvents:
    async def watching(self, server, tmp_path):
        batches = bus.watch(tmp_path, retry_interval=0.01)
        assert await anext(batches) == [GAP]
        while not server.has_watchers:
            await asyncio.sleep(0)
        return batches

    async def test_it_works(self, server, tmp_path):
        batches = await self.watching(server, tmp_path)
        server.announce("binding", 1, lambda: {"aor": "sip:bob@example.org"})
        server.announce("call", 1, lambda: {"state": "trying"})
        server.announce("call", 1, lambda: {"state": "answered"})
        server.announce("call", 2, lambda: None)
        assert await anext(batches) == [
            {"kind": "binding", "key": 1, "facts": {"aor": "sip:bob@example.org"}},
            {"kind": "call", "key": 1, "facts": {"state": "answered"}},
        ]
        await batches.aclose()

    async def test_nothing_is_built_while_nobody_watches(self, server):
        server.announce("call", 1, lambda: pytest.fail("built"))
        server.flush()

    async def test_a_build_that_fails_spoils_no_other(self, server, tmp_path):
        batches = await self.watching(server, tmp_path)
        server.announce("call", 1, lambda: 1 / 0)
        server.announce("call", 2, dict)
        assert await anext(batches) == [{"kind": "call", "key": 2, "facts": {}}]
        await batches.aclose()

    async def test_too_much_at_once_is_a_gap(self, server, tmp_path, monkeypatch):
        monkeypatch.setattr(bus, "MAX_PENDING", 2)
        batches = await self.watching(server, tmp_path)
        for key in range(5):
            server.announce("call", key, dict)
        batch = await anext(batches)
        assert batch[0] == GAP
        assert len(batch) == 3
        await batches.aclose()

    async def test_a_slow_reader_loses_events_and_hears_of_it(self, server, tmp_path, monkeypatch):
        reader, writer = await asyncio.open_unix_connection(bus.socket_path(tmp_path))
        writer.write(bus.encode_frame({"watch": True}))
        while not server.has_watchers:
            await asyncio.sleep(0)
        writer.transport.pause_reading()
        big = {"text": "x" * 100_000}
        monkeypatch.setattr(bus, "MAX_BACKLOG", 500_000)
        for key in range(50):
            server.announce("call", key, lambda: big)
            server.flush()
        (watcher,) = server._watchers
        assert watcher.transport.get_write_buffer_size() < 1_000_000
        writer.transport.resume_reading()
        while watcher.transport.get_write_buffer_size():
            await asyncio.wait_for(bus.read_frame(reader), 5)
        server.announce("call", 99, dict)
        server.flush()
        events = []
        while not events or events[-1]["key"] != 99:
            events += (await asyncio.wait_for(bus.read_frame(reader), 5))["events"]
        assert GAP in events
        assert len(events) < 52
        writer.close()

    async def test_a_restart_of_the_engine_is_a_gap(self, server, tmp_path):
        batches = await self.watching(server, tmp_path)
        await server.stop()
        again = BusServer(tmp_path, answer)
        await again.start()
        assert await anext(batches) == [GAP]
        while not again.has_watchers:
            await asyncio.sleep(0)
        again.announce("call", 1, dict)
        assert await anext(batches) == [{"kind": "call", "key": 1, "facts": {}}]
        await batches.aclose()
        await again.stop()


def test_frames_are_small_json():
    assert json.loads(bus.encode_frame({"a": 1})[4:]) == {"a": 1}
