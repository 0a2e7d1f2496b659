"""Addresses of the console, the API and the health checks."""

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from sipadmin import checks
from sipadmin.metrics import metrics
from sipadmin.phone_links.views import PhoneLinkView

urlpatterns = [
    path("healthz", login_not_required(checks.healthz), name="healthz"),
    path("readyz", login_not_required(checks.readyz), name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("phone/<str:text>/", PhoneLinkView.as_view(), name="phone-link"),
    path("", include("sipadmin.dashboard.urls")),
    path("", include("sipadmin.accounts.urls")),
    path("", include("sipadmin.first_run.urls")),
    path("", include("sipadmin.system.urls")),
    path("", include("sipadmin.security.urls")),
    path("", include("registrar.urls")),
    path("", include("proxy.urls")),
    path("api/", include("sipadmin.api")),
]
handler400 = "sipadmin.dashboard.errors.bad_request"
handler403 = "sipadmin.dashboard.errors.forbidden"
handler404 = "sipadmin.dashboard.errors.not_found"
handler500 = "sipadmin.dashboard.errors.crashed"
