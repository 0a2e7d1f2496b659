from django.urls import path, re_path

from proxy import views

urlpatterns = [
    path("calls/", views.CallsView.as_view(), name="calls"),
    # The engine chooses the ids of call attempts; they may use all of 64 bits.
    re_path(r"^calls/(?P<pk>-?\d{1,19})/$", views.CallView.as_view(), name="call"),
    path("users/<int:user>/messages/delete/", views.RemoveMessagesView.as_view(), name="remove-messages"),
    path("routing/", views.ServerPolicyView.as_view(), name="routing"),
]
