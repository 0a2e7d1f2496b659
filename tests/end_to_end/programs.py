"""Other people's programs under test: started, watched line by line, and reaped by their own process id."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

import pytest

DEADLINE = 20.0  # seconds; far more than anything here takes on an idle machine


def needs(name: str) -> str:
    """Path of a program; skips the test, with the reason, where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: {PACKAGES.get(name, name)})")
    return path


PACKAGES = {"sipp": "sip-tester", "linphonec": "linphone-cli", "baresip": "baresip-core"}


class Program:
    """One running program. Its output is kept as a whole and can be waited for."""

    def __init__(self, command: Sequence[str | Path], home: Path, environ: Mapping[str, str] | None = None) -> None:
        home.mkdir(parents=True, exist_ok=True)
        # A home of its own: nothing of the machine's owner is read or written, nothing but loopback is spoken to.
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        self.home = home
        self.command = [str(word) for word in command]
        self._process = subprocess.Popen(
            self.command,
            cwd=home,
            env={**environment, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._text = ""
        self._position = 0
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := os.read(self._process.stdout.fileno(), 65536):
            with self._changed:
                self._text += piece.decode("utf-8", "replace")
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        with self._changed:
            return self._text

    def wait_for(self, pattern: str, deadline: float = DEADLINE) -> re.Match[str]:
        """The next match of the pattern after the last one waited for; fails with the output so far."""
        end = monotonic() + deadline
        with self._changed:
            while True:
                match = re.compile(pattern).search(self._text, self._position)
                if match is not None:
                    self._position = match.end()
                    return match
                if self._is_over or not self._changed.wait(max(0.0, end - monotonic())):
                    why = "ended" if self._is_over else f"said nothing of the kind in {deadline:g} s"
                    pytest.fail(f"{self.command[0]} {why}; waited for {pattern!r}; it said:\n{self._text}")

    def type(self, line: str) -> None:
        """One line into its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def finish(self, deadline: float = DEADLINE) -> int:
        """Waits for its end; the exit code."""
        try:
            code = self._process.wait(deadline)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.command[0]} did not end in {deadline:g} s; it said:\n{self.output}")
        self._reader.join(1.0)
        return code

    def stop(self) -> None:
        """Asks it to end, then makes it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(3.0)
        self._reader.join(1.0)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Programs:
    """Starts programs and stops all of them in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[Program] = []

    def start(self, command: Sequence[str | Path], name: str, environ: Mapping[str, str] | None = None) -> Program:
        program = Program(command, self.folder / name, environ)
        self._running.append(program)
        return program

    def stop(self) -> None:
        for program in reversed(self._running):
            program.stop()


def free_port() -> int:
    """A UDP port of loopback that nobody had a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
