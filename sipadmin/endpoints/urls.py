"""Addresses of the roof's own part of the API."""

from rest_framework.routers import SimpleRouter

from sipadmin.endpoints.events import EventViewSet

router = SimpleRouter()
router.register("events", EventViewSet, basename="api-event")

urlpatterns = router.urls
