from django.urls import path
from rest_framework.routers import SimpleRouter

from proxy.api import views
from proxy.api.stored_messages import StoredMessageViewSet

router = SimpleRouter()
router.register("calls", views.CallViewSet, basename="api-call")
router.register("stored-messages", StoredMessageViewSet, basename="api-stored-message")

urlpatterns = [path("routing/policy/", views.ServerPolicyView.as_view(), name="api-server-policy"), *router.urls]
