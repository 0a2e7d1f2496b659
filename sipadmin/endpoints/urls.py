"""Addresses of the roof's own part of the API."""

from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from sipadmin.endpoints import phones
from sipadmin.endpoints.audit import AuditViewSet
from sipadmin.endpoints.bans import BanViewSet
from sipadmin.endpoints.events import EventViewSet
from sipadmin.endpoints.operators import OperatorViewSet
from sipadmin.endpoints.stream import stream
from sipadmin.endpoints.system import StatsView, SystemView
from sipadmin.endpoints.tokens import TokenViewSet
from sipadmin.endpoints.webhooks import DeliveryViewSet, WebhookViewSet

router = SimpleRouter()
router.register("events", EventViewSet, basename="api-event")
router.register("bans", BanViewSet, basename="api-ban")
router.register("audit", AuditViewSet, basename="api-audit")
router.register("operators", OperatorViewSet, basename="api-operator")
router.register("tokens", TokenViewSet, basename="api-token")
router.register("webhooks", WebhookViewSet, basename="api-webhook")
router.register(r"webhooks/(?P<webhook>\d{1,18})/deliveries", DeliveryViewSet, basename="api-delivery")

urlpatterns = [
    path("system/", SystemView.as_view(), name="api-system"),
    path("stats/", StatsView.as_view(), name="api-stats"),
    re_path(r"^events/stream/?$", stream, name="events-stream"),
    path("users/<str:aor>/rotate-password/", phones.RotatePasswordView.as_view(), name="api-rotate-password"),
    path("users/<str:aor>/provisioning-link/", phones.ProvisioningLinkView.as_view(), name="api-provisioning-link"),
    *router.urls,
]
