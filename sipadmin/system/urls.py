from django.urls import path

from sipadmin.system import views, webhook_views

urlpatterns = [
    path("system/", views.HealthView.as_view(), name="health"),
    path("system/audit/", views.AuditView.as_view(), name="audit"),
    path("system/settings/", views.SettingsView.as_view(), name="settings"),
    path("system/backup/", views.BackupView.as_view(), name="backup"),
    path("system/backup/<str:name>/", views.DownloadBackupView.as_view(), name="download-backup"),
    path("system/webhooks/", webhook_views.WebhooksView.as_view(), name="webhooks"),
    path("system/webhooks/<int:pk>/", webhook_views.WebhookView.as_view(), name="webhook"),
]
