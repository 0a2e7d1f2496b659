from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from proxy.api import traces, views
from proxy.api.requests import RequestRecordViewSet
from proxy.api.routing_rules import RoutingRuleViewSet
from proxy.api.simulation import SimulateView
from proxy.api.stored_messages import StoredMessageViewSet

router = SimpleRouter()
router.register("calls", views.CallViewSet, basename="api-call")
router.register("routing-rules", RoutingRuleViewSet, basename="api-routing-rule")
router.register("stored-messages", StoredMessageViewSet, basename="api-stored-message")

router.register("requests", RequestRecordViewSet, basename="api-request")

urlpatterns = [
    path("routing/simulate/", SimulateView.as_view(), name="api-simulate"),
    path("recording/", traces.RecordingView.as_view(), name="api-recording"),
    re_path(r"^calls/(?P<pk>-?\d{1,19})/messages/$", traces.CallMessagesView.as_view(), name="api-call-messages"),
    re_path(
        r"^calls/(?P<pk>-?\d{1,19})/export/(?P<kind>[a-z]{3,4})/$",
        traces.CallExportView.as_view(),
        name="api-call-export",
    ),
    path("routing/policy/", views.ServerPolicyView.as_view(), name="api-server-policy"),
    *router.urls,
]
