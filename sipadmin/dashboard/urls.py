from django.urls import path

from sipadmin.dashboard.search import SearchView
from sipadmin.dashboard.views import OverviewView

urlpatterns = [
    path("", OverviewView.as_view(), name="overview"),
    path("search/", SearchView.as_view(), name="search"),
]
