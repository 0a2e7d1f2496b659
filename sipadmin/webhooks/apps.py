from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "sipadmin.webhooks"
    label = "webhooks"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sipadmin.audit.trail import track
        from sipadmin.webhooks.models import Webhook

        track(Webhook, "webhook", secrets={"sealed_secret": "secret"}, left_out=["last_event_id", "failing_since"])
