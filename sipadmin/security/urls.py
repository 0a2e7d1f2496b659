from django.urls import path

from sipadmin.security import views

urlpatterns = [
    path("security/", views.SecurityView.as_view(), name="security"),
    path("security/now/", views.SecurityNowView.as_view(), name="security-now"),
    path("security/forgive/", views.ForgiveView.as_view(), name="forgive-source"),
    path("security/bans/<int:pk>/", views.BanView.as_view(), name="ban"),
    path("security/bans/<int:pk>/lift/", views.LiftBanView.as_view(), name="lift-ban"),
]
