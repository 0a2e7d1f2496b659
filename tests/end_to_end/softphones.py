"""baresip and linphonec without a sound card, driven by their own command lines."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.programs import Program, Programs, free_port, needs

# aubridge joins its own player to its own source: audio runs, no device is touched.
BARESIP = """\
sip_listen 127.0.0.1:{port}
{trust}
net_interface 127.0.0.1
call_max_calls 4
module_path {modules}
audio_player aubridge,loop
audio_source aubridge,loop
audio_alert aubridge,alert
module stdio.so
module g711.so
module aubridge.so
module_tmp account.so
module_app menu.so
"""
LINPHONEC = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
bind_address=127.0.0.1
guess_hostname=0
contact="{user}" <sip:{user}@127.0.0.1>
default_proxy=0
register_only_when_network_is_up=0
auto_net_state_mon=0
use_ipv6=0
media_encryption=none

[rtp]
audio_rtp_port=-1

[sound]
use_files=1

[video]
enabled=0

[proxy_0]
reg_proxy=<sip:{host}:{server_port};transport=udp>
reg_route=<sip:{host}:{server_port};transport=udp>
reg_identity="{user}" <sip:{user}@{domain}>
reg_expires=120
reg_sendregister=1
publish=0

[auth_info_0]
username={user}
passwd={password}
"""


def baresip_modules() -> Path:
    """Where Debian puts the modules, on any architecture."""
    places = [Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")]
    return next((place for place in places if place.is_dir()), places[0])


class Baresip:
    """One baresip as one user; answers by itself. ``tls`` is the product's TLS port, ``authority`` the file with the
    certificate it must show there."""

    def __init__(
        self, enrolment: Enrolment, programs: Programs, user: str, *, tls: int = 0, authority: Path | None = None
    ) -> None:
        path, folder = needs("baresip"), programs.folder / f"baresip-{user}"
        folder.mkdir(parents=True)
        host, port = enrolment.server
        trust = f"sip_cafile {authority}" if authority is not None else ""
        (folder / "config").write_text(BARESIP.format(port=free_port(), modules=baresip_modules(), trust=trust))
        server = f"sip:{host}:{tls};transport=tls" if tls else f"sip:{host}:{port};transport=udp"
        (folder / "accounts").write_text(
            f"<{enrolment.aor(user)}>;auth_pass={enrolment.passwords[user]};answermode=auto;regint=120"
            f';outbound="{server}"\n'
        )
        (folder / "contacts").write_text("")
        self.program: Program = programs.start([path, "-4", "-f", folder], folder.name)
        self.program.wait_for("baresip is ready")

    def registered(self) -> None:
        self.program.wait_for("registered successfully")

    def call(self, uri: str) -> None:
        self.program.type(f"/dial {uri}")

    def established(self) -> None:
        self.program.wait_for("Call established")

    def ended(self) -> None:
        self.program.wait_for(r"Call with .* terminated|session closed")

    def hang_up(self) -> None:
        self.program.type("/hangup")

    def quit(self) -> None:
        self.program.type("/quit")
        assert self.program.finish() == 0


class Linphonec:
    """One linphonec as one user; answers by itself."""

    def __init__(self, enrolment: Enrolment, programs: Programs, user: str) -> None:
        self.enrolment, self.user = enrolment, user
        path, folder = needs("linphonec"), programs.folder / f"linphonec-{user}"
        # liblinphone does not make these, and goes without its databases where they are missing.
        for name in (".local/share/linphone", ".config/linphone"):
            (folder / name).mkdir(parents=True)
        host, server_port = enrolment.server
        (folder / "linphonerc").write_text(
            LINPHONEC.format(
                port=free_port(),
                user=user,
                host=host,
                server_port=server_port,
                domain=enrolment.domain,
                password=enrolment.passwords[user],
            )
        )
        self.program: Program = programs.start([path, "-a", "-S", "-c", folder / "linphonerc"], folder.name)
        self.program.wait_for("linphonec> ")
        self.program.type("soundcard use files")

    def registered(self) -> None:
        # It says nothing by itself: the product knows first, then it can be asked.
        self.enrolment.wait_for_bindings(self.user, 1)
        self.program.type("status register")
        self.program.wait_for("registered, identity=")

    def call(self, uri: str) -> None:
        self.program.type(f"call {uri}")

    def established(self) -> None:
        self.program.wait_for(r"Call \d+ with .* connected")

    def ended(self) -> None:
        self.program.wait_for(r"Call \d+ with .* ended")

    def hang_up(self) -> None:
        self.program.type("terminate")

    def quit(self) -> None:
        # Unlike a phone that is switched off, quit alone leaves the binding behind.
        self.program.type("unregister")
        self.enrolment.wait_for_bindings(self.user, 0)
        self.program.type("quit")
        assert self.program.finish() == 0
