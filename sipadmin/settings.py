"""Django's settings. What an administrator may set comes from the environment (see environment.py)."""

import os
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from sipadmin import environment
from sipadmin.environment import BASE_DIR

try:
    SIPADMIN = environment.Sipadmin(os.environ)
    DATABASE = (
        environment.parse_database_url(os.environ["DATABASE_URL"])
        if os.environ.get("DATABASE_URL")
        else environment.sqlite_database(SIPADMIN.data / "sipadmin.sqlite3")
    )
except environment.BadSetting as error:
    raise ImproperlyConfigured(str(error)) from None

DATA_DIR = SIPADMIN.data
SECRET_KEY = environment.secret_key(os.environ, DATA_DIR)
SECRET_KEY_FALLBACKS = environment.split_words(os.environ.get("SIPADMIN_SECRET_KEY_FALLBACKS", ""))
DEBUG = os.environ.get("SIPADMIN_DEBUG") == "1"
ALLOWED_HOSTS = environment.own_hosts(
    SIPADMIN.http, environment.split_words(os.environ.get("SIPADMIN_ALLOWED_HOSTS", ""))
)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "django_filters",
    "axes",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "registrar",
    "proxy",
    "sipadmin",
    "sipadmin.accounts",
    "sipadmin.security",
    "sipadmin.webhooks",
]

MIDDLEWARE = [
    "sipadmin.metrics.measure",
    "django.middleware.security.SecurityMiddleware",
    "sipadmin.headers.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sipadmin.audit.context.audit_context",
    "sipadmin.security.presence.note_presence",
    "sipadmin.rest.idempotency.idempotent",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # The last: it answers for a login that has just been locked.
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "sipadmin.urls"
ASGI_APPLICATION = "sipadmin.asgi.application"
TEST_RUNNER = "sipadmin.pytest_runner.PytestRunner"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sipadmin.accounts.roles.console_role",
            ]
        },
    }
]

DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# One web process: the in-memory layer is enough. Events are batched before they reach it.
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# Console accounts only; SIP digests are HA1 values of the registrar.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Who guesses console passwords waits: per name and address, so that nobody can lock out somebody elsewhere.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "sipadmin.accounts.login_views.locked_out"
AXES_CLIENT_IP_CALLABLE = "sipadmin.accounts.login_views.client_address"
AXES_DISABLE_ACCESS_LOG = True  # the audit trail has it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
OTP_TOTP_ISSUER = "sipadmin"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("SIPADMIN_STATIC") or DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "sipadmin.static_files.HashedFiles"},
}

# Browser hardening; the content security policy is in headers.py.
IS_HTTPS = os.environ.get("SIPADMIN_HTTPS") == "1"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_TRUSTED_ORIGINS = environment.split_words(os.environ.get("SIPADMIN_ORIGINS", ""))
# Only behind a proxy that always sets the header itself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
# `manage.py check --deploy` would want HSTS and a redirect; both belong to the TLS proxy in front.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sipadmin.accounts.authentication.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["sipadmin.rest.permissions.ScopeOrRole"],
    "DEFAULT_THROTTLE_CLASSES": ["sipadmin.rest.throttle.TokenBudget"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["sipadmin.rest.filters.StrictFilters"],
    "DEFAULT_PAGINATION_CLASS": "sipadmin.rest.pagination.LimitOffset",
    "DEFAULT_SCHEMA_CLASS": "sipadmin.rest.schema.Schema",
    "EXCEPTION_HANDLER": "sipadmin.rest.problems.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "sipadmin",
    "DESCRIPTION": "Domains, users, bindings, delivery policy and call attempts of the SIP server.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sipadmin.endpoints.stream_document.describe_stream",
        "sipadmin.rest.schema.add_problems",
    ],
}

# Everything to stderr: the supervisor (or systemd, or the container) keeps it.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("SIPADMIN_LOG_LEVEL") or "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
