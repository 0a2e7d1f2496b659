"""Addresses of the roof's own part of the API."""

from rest_framework.routers import SimpleRouter

from sipadmin.endpoints.audit import AuditViewSet
from sipadmin.endpoints.events import EventViewSet

router = SimpleRouter()
router.register("events", EventViewSet, basename="api-event")
router.register("audit", AuditViewSet, basename="api-audit")

urlpatterns = router.urls
