from django.contrib.auth.views import LogoutView
from django.urls import path, re_path

from sipadmin.accounts import account_views, login_views, views

urlpatterns = [
    path("login/", login_views.ConsoleLoginView.as_view(), name="login"),
    path("login/code/", login_views.LoginCodeView.as_view(), name="login-code"),
    path("logout/", LogoutView.as_view(next_page="login"), name="logout"),
    path("account/", account_views.AccountView.as_view(), name="account"),
    path("account/second-factor/", account_views.SecondFactorView.as_view(), name="second-factor"),
    path("account/second-factor/change/", account_views.ChangeSecondFactorView.as_view(), name="change-second-factor"),
    re_path(r"^setup/(?P<token>[^/]{1,200})/?$", views.SetupView.as_view(), name="setup"),
    path("system/accounts/", account_views.AccountsView.as_view(), name="accounts"),
    path("system/accounts/<int:pk>/", account_views.OneAccountView.as_view(), name="account-of"),
    path("tokens/", views.TokensView.as_view(), name="tokens"),
    path("tokens/<int:pk>/revoke/", views.RevokeTokenView.as_view(), name="revoke-token"),
]
