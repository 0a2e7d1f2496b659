from django.urls import path

from sipadmin.first_run import views

urlpatterns = [
    path("welcome/", views.WelcomeView.as_view(), name="welcome"),
    path("welcome/reach/", views.ReachView.as_view(), name="welcome-reach"),
    path("welcome/domain/", views.FirstDomainView.as_view(), name="welcome-domain"),
    path("welcome/user/", views.FirstUserView.as_view(), name="welcome-user"),
    path("users/<int:pk>/connect/", views.ConnectView.as_view(), name="connect"),
    path("users/<int:pk>/test-call/", views.TestCallView.as_view(), name="test-call"),
    path("test-phone/", views.TestPhoneView.as_view(), name="test-phone"),
]
