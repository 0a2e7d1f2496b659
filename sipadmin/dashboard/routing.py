"""WebSocket addresses; sipadmin/asgi.py puts them behind AllowedHostsOriginValidator and the session."""

from django.urls import path, re_path

from sipadmin.dashboard.consumers import LiveConsumer, UnknownConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi()), re_path(r"^.*$", UnknownConsumer.as_asgi())]
