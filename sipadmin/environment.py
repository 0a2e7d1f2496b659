"""The environment and the flags of `up`, parsed and checked once. No Django: manage.py reads it first."""

from __future__ import annotations

import ipaddress
import os
import secrets
import tempfile
from collections.abc import Container, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sipadmin.addresses import BadSetting, HostPort, check_differ, parse_host_port, parse_sip_address

BASE_DIR = Path(__file__).resolve().parent.parent
FLAGS = {"--http": "SIPADMIN_HTTP", "--sip": "SIPADMIN_SIP", "--data": "SIPADMIN_DATA"}
# Commands that read neither var/ nor its secret key; every other one prepares the folder.
STORELESS = {"", "help", "test", "check", "collectstatic", "spectacular", "version"}
# Seconds to wait for SQLite's one writer: longer than an import of 50,000 users writes (8 s), shorter than a phone
# waits for the answer to its REGISTER (Timer F, 32 s).
LOCK_PATIENCE = 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Sipadmin:
    """The product's own settings (``settings.SIPADMIN``).

    ``http`` HostPort; ``sip`` list of SipAddress; ``data`` Path; ``trusted`` networks, never limited or banned;
    ``relay_from`` networks on connections, ``relay_from_udp`` by datagrams too, and ``relay_names`` in client
    certificates, that may reach other domains through us
    without a password; ``multicast`` list of interface addresses; ``journal`` durable or fast; ``advertise`` HostPort
    or None; ``dns`` list of name servers as HostPort (empty: the system's); ``tls_certificates`` pairs of files, chain
    and key (empty: our own); ``tls_client_ca`` and ``tls_server_ca`` files or None; ``ws_origins`` the pages that may
    use our WebSockets (None: our own, "*": any); ``rate`` messages a second that one source may send unasked, 0 for any
    number, None for the usual; ``operators_act`` whether operators may ban, undo bans and remove
    contacts; ``webhook_networks`` networks that webhooks may lead to though they are not public.
    """

    __slots__ = (
        "advertise",
        "data",
        "dns",
        "http",
        "journal",
        "multicast",
        "operators_act",
        "rate",
        "relay_from",
        "relay_from_udp",
        "relay_names",
        "sip",
        "tls_certificates",
        "tls_client_ca",
        "tls_server_ca",
        "trusted",
        "webhook_networks",
        "ws_origins",
    )

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.http = parse_host_port(environ.get("SIPADMIN_HTTP") or "127.0.0.1:8000", "SIPADMIN_HTTP (--http)")
        self.data = data_dir(environ)
        listeners = split_words(environ.get("SIPADMIN_SIP", "")) or kept_listeners(self.data) or ["127.0.0.1:5060"]
        self.sip = [parse_sip_address(text, "SIPADMIN_SIP (--sip)") for text in listeners]
        check_differ(self.sip, "SIPADMIN_SIP (--sip)")
        self.trusted = [
            parse_network(text, "SIPADMIN_TRUSTED") for text in split_words(environ.get("SIPADMIN_TRUSTED", ""))
        ]
        relay_from = split_words(environ.get("SIPADMIN_RELAY_FROM", ""))
        self.relay_from, self.relay_from_udp, self.relay_names = parse_trunks(relay_from)
        datagrams = [one.address for one in self.sip if "udp" in one.protocols]
        self.multicast = parse_multicast(environ.get("SIPADMIN_MULTICAST"), datagrams)
        self.journal = environ.get("SIPADMIN_JOURNAL") or "durable"
        if self.journal not in ("durable", "fast"):
            raise BadSetting(f"SIPADMIN_JOURNAL is {self.journal!r}; use durable or fast")
        advertise = environ.get("SIPADMIN_ADVERTISE", "")
        self.advertise = parse_host_port(advertise, "SIPADMIN_ADVERTISE") if advertise else None
        self.tls_certificates = [
            parse_certificate(text) for text in split_words(environ.get("SIPADMIN_TLS_CERTIFICATES", ""))
        ]
        self.tls_client_ca = existing_file(environ, "SIPADMIN_TLS_CLIENT_CA")
        self.tls_server_ca = existing_file(environ, "SIPADMIN_TLS_SERVER_CA")
        if self.relay_names and self.tls_client_ca is None:
            raise BadSetting(
                "SIPADMIN_RELAY_FROM: tls:NAME needs SIPADMIN_TLS_CLIENT_CA, or nobody can prove that name"
            )
        origins = environ.get("SIPADMIN_WS_ORIGINS")
        self.ws_origins = None if origins is None else [parse_origin(text) for text in split_words(origins)]
        self.rate = parse_rate(environ.get("SIPADMIN_RATE", ""))
        self.webhook_networks = [
            parse_network(text, "SIPADMIN_WEBHOOK_NETWORKS")
            for text in split_words(environ.get("SIPADMIN_WEBHOOK_NETWORKS", ""))
        ]
        self.operators_act = environ.get("SIPADMIN_OPERATORS_ACT", "") == "1"
        self.dns = [parse_name_server(text) for text in split_words(environ.get("SIPADMIN_DNS", ""))]


def parse_trunks(words: Iterable[str]) -> tuple[list[Network], list[Network], frozenset[str]]:
    """Networks trusted on connections, those by UDP too (``udp:NETWORK``), and names of certificates (``tls:NAME``)."""
    found: dict[str, list[str]] = {"": [], "udp": [], "tls": []}
    for word in words:
        kind, colon, rest = word.partition(":")
        kind = kind.lower() if colon and kind.lower() in found else ""
        found[kind].append(rest.strip() if kind else word)
    networks = [[parse_network(text, "SIPADMIN_RELAY_FROM") for text in found[kind]] for kind in ("", "udp")]
    return networks[0], networks[1], frozenset(name.lower() for name in found["tls"])


def parse_rate(text: str) -> float | None:
    """Messages a second; None when empty."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) > 1_000_000:
        raise BadSetting(f"SIPADMIN_RATE is {text!r}; use messages a second, such as 1000, or 0 for any number")
    return float(text)


def kept_listeners(data: Path) -> list[str]:
    """Addresses chosen in the console, one a line in ``listen``; the environment and the flags win over them."""
    try:
        return (data / "listen").read_text().split()
    except (OSError, ValueError):
        return []


def split_words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def parse_name_server(text: str) -> HostPort:
    """``192.0.2.53:53``; a name would need a name server itself."""
    server = parse_host_port(text, "SIPADMIN_DNS")
    try:
        ipaddress.ip_address(server.host)
    except ValueError:
        raise BadSetting(f"SIPADMIN_DNS: {text!r} is not ADDRESS:PORT, such as 192.0.2.53:53") from None
    return server


def parse_certificate(text: str) -> tuple[Path, Path]:
    """``CHAIN:KEY``, or one file with both; BadSetting when one of them cannot be read."""
    chain, colon, key = text.partition(":")
    found = (Path(chain.strip()), Path((key if colon else chain).strip()))
    for path in found:
        check_readable(path, "SIPADMIN_TLS_CERTIFICATES")
    return found


def existing_file(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "").strip()
    if not text:
        return None
    check_readable(Path(text), name)
    return Path(text)


def check_readable(path: Path, name: str) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise BadSetting(f"{name}: cannot read {path}: {error.strerror}") from None


def parse_origin(text: str) -> str:
    """An Origin as browsers send it, ``null`` for pages of no site, or ``*`` for any."""
    origin = text.lower()
    parts = urlsplit(origin)
    if origin not in ("*", "null") and (not parts.hostname or parts.path or parts.scheme not in ("http", "https")):
        raise BadSetting(f"SIPADMIN_WS_ORIGINS: {text!r} is not an origin, such as https://phone.example.org")
    return origin


def parse_network(text: str, name: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise BadSetting(f"{name}: {text!r} is not a network, such as 192.0.2.0/24 or 2001:db8::/32") from None


def parse_multicast(text: str | None, listeners: Iterable[HostPort]) -> list[str]:
    """Interface addresses that join 224.0.1.75: unset means those of the IPv4 listeners, empty means off."""
    if text is None or text.strip() == "default":
        wanted = [listener.host for listener in listeners if is_ipv4(listener.host)]
        if "0.0.0.0" in wanted:
            wanted = [host for host in interface_addresses() if is_ipv4(host)]
        return list(dict.fromkeys(wanted))
    interfaces = split_words(text)
    for interface in interfaces:
        if not is_ipv4(interface):
            raise BadSetting(f"SIPADMIN_MULTICAST: {interface!r} is not the IPv4 address of an interface")
    return interfaces


def is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def data_dir(environ: Mapping[str, str]) -> Path:
    return Path(os.path.abspath(environ.get("SIPADMIN_DATA") or BASE_DIR / "var"))


def take_flags(arguments: Sequence[str], environ: MutableMapping[str, str], flags: Container[str] = FLAGS) -> list[str]:
    """Copy --http, --sip (repeatable) and --data into the environment, where both processes see them.

    Only those in ``flags``; gives the other arguments.
    """
    found: dict[str, list[str]] = {}
    others: list[str] = []
    position = 0
    while position < len(arguments):
        flag, equals, value = arguments[position].partition("=")
        position += 1
        if flag not in flags:
            others.append(arguments[position - 1])
            continue
        if not equals:
            if position >= len(arguments):
                raise BadSetting(f"{flag} needs a value")
            value = arguments[position]
            position += 1
        found.setdefault(flag, []).append(value)
    for flag, values in found.items():
        if len(values) > 1 and flag != "--sip":
            raise BadSetting(f"{flag} is given twice")
        environ[FLAGS[flag]] = ",".join(values)
    return others


def prepare_data(data: Path) -> bool:
    """Make the data folder (0700) and its secret key (0600) when missing; True when the key is new."""
    os.umask(0o077)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # An explicit probe: a folder that can be listed but not written would fail much later, inside SQLite.
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise BadSetting(f"cannot write to the data folder {data}: {error.strerror or error}; use --data") from None
    if os.environ.get("SIPADMIN_SECRET_KEY"):
        return False
    try:
        descriptor = os.open(data / "secret_key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise BadSetting(f"cannot write {data / 'secret_key'}: {error.strerror or error}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
    return True


def secret_key(environ: Mapping[str, str], data: Path) -> str:
    """Key of the environment, else of the data folder, else one for this process alone (tests, checks)."""
    if key := environ.get("SIPADMIN_SECRET_KEY"):
        return key
    try:
        key = (data / "secret_key").read_text().strip()
    except OSError:
        key = ""
    return key or secrets.token_urlsafe(48)


def parse_database_url(text: str) -> dict[str, object]:
    """Django's DATABASES entry for ``sqlite:///path`` or ``postgres://user:password@host:port/name``."""
    parts = urlsplit(text)
    if parts.scheme == "sqlite":
        if not parts.path.strip("/"):
            raise BadSetting("DATABASE_URL: sqlite needs a path, such as sqlite:////srv/sipadmin.sqlite3")
        return sqlite_database(Path(unquote(parts.path[1:])))
    if parts.scheme in ("postgres", "postgresql"):
        try:
            port = parts.port
        except ValueError:
            raise BadSetting("DATABASE_URL: the port is not a number") from None
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path[1:]),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": port or "",
            "CONN_MAX_AGE": 60,
        }
    raise BadSetting(f"DATABASE_URL: {parts.scheme or 'no scheme'} is not known; use sqlite:///PATH or postgres://...")


def sqlite_database(path: Path) -> dict[str, object]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": LOCK_PATIENCE,
            # A deferred transaction that turns into a writer fails at once under load instead of waiting.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;",
        },
        # A file, as in production: threads and processes of a test see one database.
        "TEST": {"NAME": Path(tempfile.gettempdir()) / f"sipadmin-test-{os.getpid()}.sqlite3"},
    }


def own_hosts(http: HostPort, more: Iterable[str]) -> list[str]:
    """Host names the console answers to: this machine's own, the address it listens on, and ``more``."""
    import socket

    hosts = ["localhost", "127.0.0.1", "[::1]"]
    if not http.is_any:
        hosts.append(f"[{http.host}]" if ":" in http.host else http.host)
    else:
        name = socket.gethostname()
        hosts += [name, f"{name}.local", *interface_addresses()]
    return [*dict.fromkeys([*hosts, *more])]


def interface_addresses() -> list[str]:
    """Addresses of this machine as a URL writes them, as far as the kernel tells without a look-up."""
    import socket

    found: list[str] = []
    try:
        import fcntl
        import struct

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            for _, name in socket.if_nameindex():
                try:
                    # 0x8915 is SIOCGIFADDR of netdevice(7).
                    answer = fcntl.ioctl(probe, 0x8915, struct.pack("256s", name.encode()[:15]))
                except OSError:
                    continue
                found.append(socket.inet_ntoa(answer[20:24]))
    except (ImportError, OSError):
        pass
    try:
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            found.append(f"[{ipaddress.IPv6Address(int(line.split()[0], 16))}]")
    except (OSError, ValueError):
        pass
    return found
