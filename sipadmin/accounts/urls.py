from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path, re_path

from sipadmin.accounts import views

urlpatterns = [
    path(
        "login/",
        LoginView.as_view(template_name="accounts/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("account/", views.AccountView.as_view(), name="account"),
    re_path(r"^setup/(?P<token>[^/]{1,200})/?$", views.SetupView.as_view(), name="setup"),
    path("tokens/", views.TokensView.as_view(), name="tokens"),
    path("tokens/<int:pk>/revoke/", views.RevokeTokenView.as_view(), name="revoke-token"),
]
