from django.urls import path
from rest_framework.routers import SimpleRouter

from proxy.api import views

router = SimpleRouter()
router.register("calls", views.CallViewSet, basename="api-call")

urlpatterns = [path("routing/policy/", views.ServerPolicyView.as_view(), name="api-server-policy"), *router.urls]
