"""UDP sockets: a bounded drain for each readiness, datagrams sent at once (§18)."""

from __future__ import annotations

import errno
import re
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable

from sip.transport.flow import Flow
from sip.transport.listeners import WILDCARDS

DATAGRAMS_PER_TURN = 64  # then timers and connections have their turn
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024  # a wish; the system caps it. Bursts of REGISTERs after an outage
LARGEST_DATAGRAM = 65_535  # nothing that arrives is cut off unseen; the parser judges its length

_IS_LINUX = sys.platform == "linux"
_IP_PKTINFO = 8  # ip(7); the socket module does not name these
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_MSG_ERRQUEUE = 0x2000
_UNREACHABLE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO, errno.EMSGSIZE})
_BRANCH = re.compile(rb"\A([^ ]+) [^\r\n]*\r\n(?:[^\r\n]+\r\n)*?(?:via|v)[ \t]*:[^\r\n]*?;\s*branch=([^;,\s]+)", re.I)

Receive = Callable[[bytes, Flow], None]
Undelivered = Callable[[str, str], None]  # branch and method of a request that met an ICMP error


class UdpSocket:
    """One bound socket. On a wildcard address it learns, and sets, the local address of each datagram (X14)."""

    def __init__(self, host: str, port: int, count: Counter[str]) -> None:
        """OSError when the address cannot be bound."""
        self._count = count
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._is_wildcard = host in WILDCARDS and _IS_LINUX
        self.socket = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self._set_options()
            self.socket.bind((host, port))
        except BaseException:
            self.socket.close()
            raise
        self.local: tuple[str, int] = self.socket.getsockname()[:2]
        self._sendto = self.socket.sendto
        self._receive: Receive | None = None
        self._undelivered: Undelivered | None = None

    def _set_options(self) -> None:
        is_ipv6 = self._family == socket.AF_INET6
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if is_ipv6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if not _IS_LINUX:
            return
        if self._is_wildcard and is_ipv6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        elif self._is_wildcard:
            self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)

    def start(self, receive: Receive, undelivered: Undelivered | None) -> None:
        """``undelivered`` is told of requests that met an ICMP error (§18.4).

        None where the loop cannot bear an error condition on a socket: libuv stops watching it.
        """
        if _IS_LINUX and undelivered is not None:
            if self._family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                self.socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        self._receive = receive
        self._undelivered = undelivered

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def read(self) -> None:
        """Read what has arrived, up to a bound."""
        receive = self._receive
        assert receive is not None
        if self._is_wildcard:
            self._read_with_local_address(receive)
            return
        recvfrom = self.socket.recvfrom
        local = self.local
        for turn in range(DATAGRAMS_PER_TURN):
            try:
                data, address = recvfrom(LARGEST_DATAGRAM)
            except BlockingIOError:
                if not turn:
                    self._read_errors()
                return
            except OSError:
                self._read_errors()
                continue
            receive(data, Flow("udp", local, address[:2], self))

    def _read_with_local_address(self, receive: Receive) -> None:
        port = self.local[1]
        for turn in range(DATAGRAMS_PER_TURN):
            try:
                data, ancillary, _, address = self.socket.recvmsg(LARGEST_DATAGRAM, 128)
            except BlockingIOError:
                if not turn:
                    self._read_errors()
                return
            except OSError:
                self._read_errors()
                continue
            host = self.local[0]
            for level, kind, value in ancillary:
                if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                    host = socket.inet_ntop(socket.AF_INET, value[8:12])
                elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                    host = socket.inet_ntop(socket.AF_INET6, value[:16])
            receive(data, Flow("udp", (host, port), address[:2], self))

    def send(self, data: bytes, remote: tuple[str, int], source: str = "", ttl: int = 0) -> bool:
        """Send one datagram; False when the system refuses. A full buffer drops it: UDP may, and timers repeat it."""
        for _ in range(2):
            try:
                if ttl:
                    self._send_to_group(data, remote, source, ttl)
                elif self._is_wildcard and source and source not in WILDCARDS:
                    self.socket.sendmsg([data], [self._source(source)], 0, remote)
                else:
                    self._sendto(data, remote)
                return True
            except BlockingIOError:
                self._count["send_buffer_full"] += 1
                return True
            except OSError as error:
                if error.errno not in _UNREACHABLE:
                    break
                # This may be the news about an earlier datagram: read it and try once more.
                self._read_errors()
        self._count["send_failed"] += 1
        return False

    def _source(self, host: str) -> tuple[int, int, bytes]:
        if self._family == socket.AF_INET6:
            packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
            return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed + bytes(4)
        return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("@i4s4s", 0, socket.inet_aton(host), bytes(4))

    def _send_to_group(self, data: bytes, remote: tuple[str, int], source: str, ttl: int) -> None:
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        if source and source not in WILDCARDS:
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        self._sendto(data, remote)

    def _read_errors(self) -> None:
        if self._undelivered is None or not _IS_LINUX:
            return
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                data, _, _, _ = self.socket.recvmsg(2048, 512, _MSG_ERRQUEUE)
            except OSError:
                return
            self._count["unreachable"] += 1
            match = _BRANCH.match(data)
            if match is not None and match[1] != b"SIP/2.0":
                self._undelivered(match[2].decode("latin-1"), match[1].decode("latin-1"))
