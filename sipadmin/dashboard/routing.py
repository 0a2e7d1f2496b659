"""WebSocket addresses; sipadmin/asgi.py puts them behind AllowedHostsOriginValidator and the session."""

from django.urls import path

from sipadmin.dashboard.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]
