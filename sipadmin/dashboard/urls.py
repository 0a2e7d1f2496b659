from django.urls import path

from sipadmin.dashboard.views import OverviewView

urlpatterns = [path("", OverviewView.as_view(), name="overview")]
