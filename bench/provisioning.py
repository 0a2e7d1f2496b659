#!/usr/bin/env python3
"""How fast users arrive over REST, and when the engine knows them. Standard library only.

    bench/provisioning.py --http http://127.0.0.1:8000 --sip 127.0.0.1:5060 --token sipa_... --count 10000

Makes the domain bulk.test without passwords for REGISTER, posts the users a thousand a request, each with a password,
and sends one REGISTER for the last user the moment the last answer is there. One JSON line.
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import time
import urllib.request

DOMAIN = "bulk.test"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(base: str, token: str, method: str, place: str, body: object) -> tuple[float, dict, str]:
    """(seconds, answer, X-Engine)."""
    request = urllib.request.Request(
        f"{base}/api/v1/{place}",
        method=method,
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    start = time.perf_counter()
    with DIRECT.open(request, timeout=120) as answer:
        facts = json.loads(answer.read() or b"{}")
        return time.perf_counter() - start, facts, answer.headers.get("X-Engine", "")


def register(server: tuple[str, int], user: str) -> tuple[float, str]:
    """(seconds, status line) of one REGISTER, sent once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(5)
        port = phone.getsockname()[1]
        lines = [
            f"REGISTER sip:{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            f"From: <sip:{user}@{DOMAIN}>;tag=1",
            f"To: <sip:{user}@{DOMAIN}>",
            f"Call-ID: {secrets.token_hex(8)}",
            "CSeq: 1 REGISTER",
            "Max-Forwards: 70",
            f"Contact: <sip:{user}@127.0.0.1:{port}>",
            "Content-Length: 0",
        ]
        start = time.perf_counter()
        phone.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), server)
        status = phone.recv(65535).decode().partition("\r\n")[0]
        return time.perf_counter() - start, status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--http", default="http://127.0.0.1:8000")
    parser.add_argument("--sip", default="127.0.0.1:5060")
    parser.add_argument("--token", required=True)
    parser.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    host, _, port = options.sip.rpartition(":")
    ask(options.http, options.token, "PUT", f"domains/{DOMAIN}/", {"auth_register": False})
    names = [f"u{number:06}" for number in range(options.count)]
    parts, states = [], set()
    for start in range(0, options.count, 1000):
        items = [
            {"username": name, "domain": DOMAIN, "password": f"pw-{name}", "display_name": name}
            for name in names[start : start + 1000]
        ]
        seconds, facts, state = ask(options.http, options.token, "POST", "users/bulk/", {"items": items})
        assert facts["created"] + facts["unchanged"] + facts["updated"] == len(items), facts
        parts.append(seconds)
        states.add(state)
    live, status = register((host, int(port)), names[-1])
    print(
        json.dumps(
            {
                "users": options.count,
                "seconds": round(sum(parts), 2),
                "first_request": round(parts[0], 2),
                "last_request": round(parts[-1], 2),
                "engine": sorted(states),
                "register_after_ms": round(live * 1000, 1),
                "register_status": status,
            }
        )
    )


if __name__ == "__main__":
    main()
