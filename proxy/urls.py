from django.urls import path, re_path

from proxy import call_views, recording_views, request_views, rule_views, share_views, simulation_views, views

urlpatterns = [
    path("calls/", views.CallsView.as_view(), name="calls"),
    # The engine chooses the ids of call attempts; they may use all of 64 bits.
    path("users/<int:user>/messages/delete/", views.RemoveMessagesView.as_view(), name="remove-messages"),
    re_path(r"^calls/(?P<pk>-?\d{1,19})/$", call_views.CallView.as_view(), name="call"),
    re_path(
        r"^calls/(?P<pk>-?\d{1,19})/call\.(?P<kind>[a-z]{3,4})$",
        call_views.CallExportView.as_view(),
        name="call-export",
    ),
    re_path(r"^calls/(?P<pk>-?\d{1,19})/share/$", share_views.ShareView.as_view(), name="share-call"),
    re_path(
        r"^calls/(?P<pk>-?\d{1,19})/share/(?P<share_id>\d{1,18})/revoke/$",
        share_views.RevokeShareView.as_view(),
        name="revoke-share",
    ),
    path("shared/<str:token>/", share_views.SharedCallView.as_view(), name="shared-call"),
    re_path(
        r"^shared/(?P<token>[^/]+)/call\.(?P<kind>[a-z]{3,4})$",
        share_views.SharedExportView.as_view(),
        name="shared-export",
    ),
    path("requests/", request_views.RequestsView.as_view(), name="requests"),
    path("recording/", recording_views.RecordingView.as_view(), name="recording"),
    path("routing/simulate/", simulation_views.SimulatorView.as_view(), name="simulator"),
    path("routing/rules/new/", rule_views.NewRoutingRuleView.as_view(), name="new-routing-rule"),
    path("routing/rules/<int:pk>/", rule_views.RoutingRuleView.as_view(), name="routing-rule"),
    path("routing/rules/<int:pk>/move/", rule_views.MoveRoutingRuleView.as_view(), name="move-routing-rule"),
    path("routing/rules/<int:pk>/delete/", rule_views.DeleteRoutingRuleView.as_view(), name="delete-routing-rule"),
    path("routing/", views.ServerPolicyView.as_view(), name="routing"),
]
