"""Addresses of the console, the API and the health checks."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from sipadmin import checks

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", checks.healthz, name="healthz"),
    path("readyz", checks.readyz, name="readyz"),
]
for prefix, module in [
    ("", "sipadmin.accounts.urls"),
    ("", "registrar.urls"),
    ("", "proxy.urls"),
    ("", "sipadmin.dashboard.urls"),
    ("api/", "sipadmin.api"),
]:
    if find_spec(module):
        urlpatterns.append(path(prefix, include(module)))
