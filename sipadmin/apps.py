from django.apps import AppConfig


class SipadminConfig(AppConfig):
    name = "sipadmin"
    default_auto_field = "django.db.models.BigAutoField"
