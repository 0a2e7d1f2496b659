from django.apps import AppConfig


class RegistrarConfig(AppConfig):
    name = "registrar"
    default_auto_field = "django.db.models.BigAutoField"
