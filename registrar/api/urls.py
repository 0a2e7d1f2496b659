from django.urls import path
from rest_framework.routers import SimpleRouter

from registrar.api import views
from registrar.api.bulk import BulkUsersView

router = SimpleRouter()
router.register("domains", views.DomainViewSet, basename="api-domain")
router.register("users", views.UserViewSet, basename="api-user")
router.register("bindings", views.BindingViewSet, basename="api-binding")
router.register("third-party-rules", views.ThirdPartyRuleViewSet, basename="api-third-party-rule")

urlpatterns = [path("users/bulk/", BulkUsersView.as_view(), name="api-users-bulk"), *router.urls]
