"""What each protocol's server runs: Daphne "http" and "websocket", runsip "sip"."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from sipadmin import environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sipadmin.settings")
# For `daphne sipadmin.asgi:application` alone: the folder and its key must be there before the settings are read.
environment.prepare_data(environment.data_dir(os.environ))


class Lazily:
    """Builds an application when its protocol is first asked for: sip never loads a page, nor web the engine."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._application: Any = None

    def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]
    ) -> Awaitable[None]:
        if self._application is None:
            self._application = self._build()
        result: Awaitable[None] = self._application(scope, receive, send)
        return result


def build_websocket() -> Any:
    from channels.auth import AuthMiddlewareStack
    from channels.routing import URLRouter
    from channels.security.websocket import AllowedHostsOriginValidator

    from sipadmin.dashboard.routing import websocket_urlpatterns

    return AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))


def build_sip() -> Any:
    from sipadmin.engine.worker import SipApplication

    return SipApplication()


application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": Lazily(build_websocket), "sip": Lazily(build_sip)}
)


if "daphne.cli" in sys.modules:
    # The web process, and not runsip, which imports this file too. Daphne has no lifespan events to start it by.
    from sipadmin.webhooks.worker import Worker

    Worker().start()
