from django.apps import AppConfig


class SecurityConfig(AppConfig):
    name = "sipadmin.security"
    label = "security"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sipadmin.security import notices

        notices.connect()
