"""Addresses of a host name, cached (RFC 3263 §4.2). NAPTR and SRV are not asked."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

KEPT_INTERVAL = 60.0  # seconds an answer is used; getaddrinfo does not tell the record's own
FAILURE_KEPT_INTERVAL = 5.0
MAX_KEPT = 4_096
MAX_PENDING = 256  # names asked at one time
THREADS = 4

Done = Callable[[list[str]], None]


class Resolver:
    """A and AAAA through the system's resolver, in threads of its own."""

    def __init__(self, count: Counter[str]) -> None:
        self._count = count
        self._kept: dict[str, tuple[float, list[str]]] = {}
        self._pending: dict[str, list[Done]] = {}
        self._threads: ThreadPoolExecutor | None = None

    def look_up(self, name: str, done: Done) -> None:
        """Call ``done`` in the loop with numeric addresses in order of preference, [] when there are none."""
        loop = asyncio.get_running_loop()
        name = name.lower().rstrip(".")
        kept = self._kept.get(name)
        if kept is not None and kept[0] > loop.time():
            done(kept[1])
            return
        waiting = self._pending.get(name)
        if waiting is not None:
            waiting.append(done)
            return
        if len(self._pending) >= MAX_PENDING:
            self._count["too_many_look_ups"] += 1
            done([])
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="resolver")
        self._pending[name] = [done]
        future = loop.run_in_executor(self._threads, _addresses, name)
        future.add_done_callback(lambda found: self._answered(name, found, loop.time()))

    def _answered(self, name: str, found: asyncio.Future[list[str]], now: float) -> None:
        addresses = [] if found.cancelled() or found.exception() else found.result()
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[name] = (now + (KEPT_INTERVAL if addresses else FAILURE_KEPT_INTERVAL), addresses)
        for done in self._pending.pop(name, []):
            done(addresses)

    def stop(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(name: str) -> list[str]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
