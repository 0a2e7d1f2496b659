from django.urls import path

from sipadmin.system import views

urlpatterns = [path("system/", views.HealthView.as_view(), name="health")]
