from django.urls import path, register_converter

from registrar import bulk_views, user_list_views, user_views, views


class BindingId:
    """Ids of bindings are chosen by the engine and may use all of 64 bits."""

    regex = r"-?\d{1,19}"

    def to_python(self, text: str) -> int:
        return int(text)

    def to_url(self, number: int) -> str:
        return str(number)


register_converter(BindingId, "engine_id")

urlpatterns = [
    path("registrations/", views.RegistrationsView.as_view(), name="registrations"),
    path("registrations/<engine_id:pk>/remove/", views.RemoveBindingView.as_view(), name="remove-binding"),
    path("domains/", views.DomainsView.as_view(), name="domains"),
    path("domains/new/", views.NewDomainView.as_view(), name="new-domain"),
    path("domains/<int:pk>/", views.DomainView.as_view(), name="domain"),
    path("domains/<int:pk>/delete/", views.DeleteDomainView.as_view(), name="delete-domain"),
    path("users/", user_list_views.UsersView.as_view(), name="users"),
    path("users/new/", user_views.NewUserView.as_view(), name="new-user"),
    path("users/bulk/", bulk_views.BulkUsersView.as_view(), name="bulk-users"),
    path("users/undo/", bulk_views.UndoUsersView.as_view(), name="undo-users"),
    path("users/export/", bulk_views.ExportUsersView.as_view(), name="export-users"),
    path("users/import/", bulk_views.ImportView.as_view(), name="import-users"),
    path("users/import/<str:key>/", bulk_views.ImportJobView.as_view(), name="import-job"),
    path("users/import/<str:key>/progress/", bulk_views.ImportProgressView.as_view(), name="import-progress"),
    path("users/import/<str:key>/errors/", bulk_views.ImportErrorsView.as_view(), name="import-errors"),
    path("users/<int:pk>/", user_views.UserView.as_view(), name="user"),
    path("users/<int:pk>/enabled/", user_views.EnableUserView.as_view(), name="enable-user"),
    path("users/<int:pk>/password/", user_views.PasswordView.as_view(), name="user-password"),
    path("users/<int:pk>/delete/", user_views.DeleteUserView.as_view(), name="delete-user"),
    path("users/<int:pk>/contacts/", user_views.NewStaticContactView.as_view(), name="new-static-contact"),
    path(
        "users/<int:pk>/contacts/<engine_id:contact>/delete/",
        user_views.DeleteStaticContactView.as_view(),
        name="delete-static-contact",
    ),
    path("users/<int:pk>/rules/", user_views.NewRuleView.as_view(), name="new-rule"),
    path("users/<int:pk>/rules/<int:rule>/delete/", user_views.DeleteRuleView.as_view(), name="delete-rule"),
]
