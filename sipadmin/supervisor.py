"""Runs the two processes, keeps their logs, starts again what dies, and stops both. The standard library is enough."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from sipadmin.environment import BASE_DIR, HostPort

CANNOT_BIND = 3  # exit code of runsip when a socket is taken
RESTART = 4  # and when it was asked to start anew
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a process is started again; doubles
STEADY_AFTER = 60.0  # seconds of life after which the pause starts anew
STOP_TIMEOUT = 4.0  # seconds between SIGTERM and SIGKILL
LOG_BYTES, LOG_FILES = 10 * 1024 * 1024, 5
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ ([A-Z]+) ")


class Child:
    """One supervised process: its command, its log, and how often it had to be started."""

    def __init__(self, name: str, command: Sequence[str], log_dir: Path, say: Callable[[str], None]) -> None:
        self.name = name
        self.command = list(command)
        self.process: asyncio.subprocess.Process | None = None
        self.last_lines: deque[str] = deque(maxlen=5)
        self.pause = FIRST_PAUSE
        self.started_at = 0.0
        self._say = say
        self.has_complained = False  # since its last start
        self._is_error = False
        self._log = RotatingFileHandler(
            log_dir / f"{name}.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, delay=True, errors="backslashreplace"
        )

    async def run(self) -> int:
        """Start the process and read its output to the end; its exit code (negative: the signal)."""
        self.started_at = time.monotonic()
        self.last_lines.clear()
        self._is_error = self.has_complained = False
        self.process = await asyncio.create_subprocess_exec(
            *self.command,
            cwd=BASE_DIR,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A group of its own: Ctrl+C reaches the supervisor alone, which then stops both in order.
            preexec_fn=prepare_child,
            limit=1024 * 1024,
        )
        assert self.process.stdout is not None
        while True:
            try:
                line = await self.process.stdout.readline()
            except ValueError:
                continue  # a line longer than the limit
            if not line:
                break
            self.keep(line.decode("utf-8", "replace").rstrip("\n"))
        return await self.process.wait()

    def keep(self, line: str) -> None:
        """Log one line of output; an error, with its traceback, also goes to the console."""
        self.last_lines.append(line)
        if match := RECORD.match(line):
            self._is_error = match[1] in ("ERROR", "CRITICAL")
        elif line.startswith(("Traceback ", "sipadmin: ")):
            self._is_error = True
        if self._is_error:
            self.has_complained = True
            self._say(f"{self.name}: {line}")
        record = logging.LogRecord(self.name, logging.INFO, "", 0, line, None, None)
        with suppress(OSError):
            self._log.emit(record)

    def next_pause(self) -> float:
        """Seconds to wait before starting it again."""
        if time.monotonic() - self.started_at > STEADY_AFTER:
            self.pause = FIRST_PAUSE
        pause, self.pause = self.pause, min(self.pause * 2, LONGEST_PAUSE)
        return pause

    def send(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


def prepare_child() -> None:
    """In the child, before exec: own process group, and SIGTERM when the supervisor dies without a word (Linux)."""
    os.setpgid(0, 0)
    try:
        import ctypes

        # PR_SET_PDEATHSIG of prctl(2).
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    except (OSError, AttributeError):
        pass


class Supervisor:
    """Both processes of one data folder. ``run`` returns the exit code of `up`."""

    def __init__(self, http: HostPort, data: Path, say: Callable[[str], None], *, proxy_headers: bool = False) -> None:
        log_dir = data / "log"
        log_dir.mkdir(mode=0o700, exist_ok=True)
        web = [sys.executable, "-m", "daphne", "--bind", http.host, "--port", str(http.port), "--verbosity", "0"]
        web += ["--no-server-name", *(["--proxy-headers"] if proxy_headers else []), "sipadmin.asgi:application"]
        sip = [sys.executable, "manage.py", "runsip"]
        self.children = [Child("sip", sip, log_dir, say), Child("web", web, log_dir, say)]
        self.http = http
        self.say = say
        self.is_ready = False
        self.exit_code = 0
        self._stop = asyncio.Event()

    async def run(self, on_ready: Callable[[], None]) -> int:
        """Start both, call ``on_ready`` once when a request would be answered, and stay until stopped."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        # A closed terminal stops us too, unless nohup said otherwise.
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self.stop)
        tasks = [asyncio.create_task(self.keep_running(child)) for child in self.children]
        watcher = asyncio.create_task(self.wait_until_ready(on_ready))
        await self._stop.wait()
        watcher.cancel()
        await self.stop_children(tasks)
        return self.exit_code

    def stop(self) -> None:
        """End of the run; asked a second time, without patience."""
        if self._stop.is_set():
            for child in self.children:
                child.send(signal.SIGKILL)
        self._stop.set()

    def give_up(self, text: str) -> None:
        self.say(f"sipadmin: {text}")
        self.exit_code = 1
        self._stop.set()

    async def keep_running(self, child: Child) -> None:
        while not self._stop.is_set():
            code = await child.run()
            if self._stop.is_set():
                return
            reason = describe_exit(code)
            if not self.is_ready:
                # At the first start a wrong setting would only fail again and again.
                hint = "" if code == CANNOT_BIND else "; see " + str(child._log.baseFilename)
                last = "" if child.has_complained else "".join(f"\n    {line}" for line in child.last_lines)
                self.give_up(f"{child.name} {reason} before it was ready{hint}{last}")
                return
            if code == RESTART:
                self.say(f"{child.name} starts anew with other settings")
                continue
            pause = child.next_pause()
            self.say(f"{child.name} {reason}; starting it again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)

    async def stop_children(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        for child in self.children:
            child.send(signal.SIGTERM)
        _, late = await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
        if late:
            for child in self.children:
                child.send(signal.SIGKILL)
            await asyncio.wait(late, timeout=STOP_TIMEOUT)

    async def wait_until_ready(self, on_ready: Callable[[], None]) -> None:
        """Ask /readyz as a client would; the line `ready` must not be a promise."""
        started_at = time.monotonic()
        has_complained = False
        while not self._stop.is_set():
            status, text = await ask_ready(self.http)
            if status == 200:
                self.is_ready = True
                on_ready()
                return
            if not has_complained and time.monotonic() - started_at > 20:
                has_complained = True
                self.say(f"sipadmin: not ready after 20 s: {text or 'the web process does not answer'}")
            await asyncio.sleep(0.05)


def describe_exit(code: int) -> str:
    if code < 0:
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"
    return f"stopped with exit code {code}"


async def ask_ready(http: HostPort) -> tuple[int, str]:
    """(status, body) of /readyz; (0, '') when nobody answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, http.port)
            try:
                writer.write(
                    f"GET /readyz HTTP/1.1\r\nHost: {HostPort(host, http.port)}\r\nConnection: close\r\n\r\n".encode()
                )
                head, _, body = (await reader.read(65536)).decode("utf-8", "replace").partition("\r\n\r\n")
            finally:
                writer.close()
        return int(head.split(" ", 2)[1]), body
    except (OSError, TimeoutError, IndexError, ValueError):
        return 0, ""
