from django.apps import AppConfig


class SipadminConfig(AppConfig):
    name = "sipadmin"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sipadmin import changes
        from sipadmin.audit import tracked

        changes.connect()
        tracked.connect()
