"""The product, started as a user starts it: `manage.py up` in a folder of its own, on free loopback ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Loopback needs no proxy, whatever the environment says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
START_TIMEOUT = 60.0  # seconds; a loaded machine starts slowly


class Product:
    """``sip`` (host, port); ``http`` base URL without a slash at the end; ``data`` its folder."""

    def __init__(
        self, data: Path, *, sip: tuple[str, int] | None = None, http_port: int = 0, **environment: str
    ) -> None:
        self.data = data
        self.sip = sip or ("127.0.0.1", free_port())
        self.http_address = ("127.0.0.1", http_port or free_port(socket.SOCK_STREAM))
        self.http = f"http://127.0.0.1:{self.http_address[1]}"
        self.output: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self.fixed_sip = True  # False: as without --sip, at the standard port
        own = {name: value for name, value in os.environ.items() if not name.startswith("SIPADMIN_")}
        self.environment = {**own, "SIPADMIN_DATA": str(data), "SIPADMIN_NO_BOOTSTRAP": "1", **environment}

    def start(self) -> None:
        """Start and wait for the line `ready`; AssertionError with the output when it does not come."""
        self.launch()
        self.wait_ready()

    def launch(self, *more: str) -> None:
        """Start without waiting."""
        self._ready.clear()
        host, port = self.sip
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "up", "--http", self.http.removeprefix("http://")),
                *(("--sip", address) if self.fixed_sip else ()),
                *more,
            ],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip("\n"))
            if line.strip() == "ready":
                self._ready.set()
        self._ready.set()

    def wait_ready(self) -> None:
        assert self._ready.wait(START_TIMEOUT), "not ready:\n" + self.text()
        assert "ready" in self.output, "ended before it was ready:\n" + self.text()

    def text(self) -> str:
        logs = sorted((self.data / "log").glob("*.log")) if self.data.exists() else []
        parts = ["\n".join(self.output)]
        parts += [f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs]
        return "\n".join(parts)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop as Ctrl+C does; the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("did not stop:\n" + self.text()) from None

    def manage(self, *arguments: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run another command of manage.py beside it."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            input=text,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def child(self, name: str) -> int:
        """Process id of "sip" or "web"."""
        assert self.process is not None
        mark = {"sip": "runsip", "web": "daphne"}[name]
        for process in children_of(self.process.pid):
            if mark in Path(f"/proc/{process}/cmdline").read_text():
                return process
        raise LookupError(name)

    def get(self, path: str) -> tuple[int, str]:
        """(status, body) of a GET without a session."""
        try:
            with DIRECT.open(self.http + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def add_users(self, domain: str, users: Sequence[str], password: str = "secret") -> None:
        """A domain and users in it, all with one password."""
        self.manage("domain", domain)
        table = self.data / "users.csv"
        table.write_text("user,password\n" + "".join(f"{user},{password}\n" for user in users))
        self.manage("importusers", str(table), "--domain", domain)


def children_of(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(word) for word in text.split()]


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port nobody has now, for UDP also free for TCP."""
    for _ in range(50):
        with socket.socket(socket.AF_INET, kind) as probe, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            if kind == socket.SOCK_STREAM:
                return port
            try:
                other.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


def wait_until(question: Callable[[], object], seconds: float = 10.0) -> bool:
    """Ask until the answer is true; whether it became so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return True
        time.sleep(0.05)
    return False
