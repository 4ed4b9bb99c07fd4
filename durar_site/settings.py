"""Durar's settings. Every value that a deployment changes comes from the environment; `.env.example` lists them all."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from durar_site import panel
from durar_site.environment import (
    broker_socket,
    database,
    flag,
    kept_key,
    mail_server,
    networks,
    port,
    seconds,
    secret,
    state_dir,
    text,
    time_zone,
    words,
)
from mattermost_bridge.logging import hide, log_settings

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules
if not TESTING and (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")  # what the environment says already is not replaced

VERSION = "0.1.0"
DEBUG = flag("DURAR_DEBUG", default=False)
# Each test process has a state directory of its own, so that runs at the same time do not meet.
_tests_state = tempfile.TemporaryDirectory(prefix="durar-tests-") if TESTING and not text("DURAR_STATE_DIR") else None
_state = _tests_state.name if _tests_state else text("DURAR_STATE_DIR", str(BASE_DIR / "state"))
STATE_DIR = state_dir(Path(_state).expanduser().resolve())
SECRETS_DIR = Path(text("DURAR_SECRETS_DIR", "/run/secrets"))
PUBLIC_URL = text("DURAR_PUBLIC_URL").rstrip("/")
PORT = port("DURAR_PORT", 18789)
PORT_GIVEN = bool(text("DURAR_PORT"))

# Database -------------------------------------------------------------------------------------------------------
# SQLite on one machine, PostgreSQL once DATABASE_URL names one. IMMEDIATE transactions and a busy timeout let several
# processes write; WAL with synchronous NORMAL is safe against kills.
DATABASE_URL = secret("DATABASE_URL")
EMBEDDED = not DATABASE_URL
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "durar_site.sqlite",
            "NAME": STATE_DIR / "durar.sqlite3",
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8000;",
            },
            # A file, so that threads and other processes of a test see what it saved.
            "TEST": {"NAME": STATE_DIR / "test.sqlite3"},
        }
    }
else:
    DATABASES = {"default": database(DATABASE_URL)}
DATABASES["default"].update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=not EMBEDDED, ATOMIC_REQUESTS=False)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Keys -----------------------------------------------------------------------------------------------------------
# On one machine they are made on the first run. Many hosts must share them, so there they have to be given.
SECRET_KEY = secret("DJANGO_SECRET_KEY")
ENCRYPTION_KEYS = [key.strip() for key in secret("DURAR_ENCRYPTION_KEYS").split(",") if key.strip()]
if EMBEDDED:
    SECRET_KEY = SECRET_KEY or kept_key(STATE_DIR / "django_secret_key")
    ENCRYPTION_KEYS = ENCRYPTION_KEYS or [kept_key(STATE_DIR / "encryption_key", make="fernet")]
for _name, _value in (("DJANGO_SECRET_KEY", SECRET_KEY), ("DURAR_ENCRYPTION_KEYS", ENCRYPTION_KEYS)):
    if not _value:
        raise ImproperlyConfigured(
            f"{_name} is missing. With DATABASE_URL set, every host must be given the same keys: "
            f"set {_name} or {_name}_FILE."
        )
hide(SECRET_KEY, *ENCRYPTION_KEYS, urlsplit(DATABASE_URL).password or "", text("MATTERMOST_BOT_TOKEN"))

# Broker ---------------------------------------------------------------------------------------------------------
REDIS_URL = secret("REDIS_URL")
hide(urlsplit(REDIS_URL).password or "")
EMBEDDED_BROKER = not REDIS_URL
BROKER_SOCKET = broker_socket(STATE_DIR)
if EMBEDDED_BROKER:
    REDIS_URL = f"unix://{BROKER_SOCKET}"
CELERY_BROKER_URL = f"redis+socket://{BROKER_SOCKET}" if EMBEDDED_BROKER else REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 1,
    "retry_on_timeout": False,
    # Tasks are hints and ack early, so nothing is ever redelivered; the value only bounds kombu's own bookkeeping.
    "visibility_timeout": 3600,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_DEFAULT_QUEUE = "upkeep"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ROUTES = {
    "durar.events.*": {"queue": "events"},
    "durar.turns.*": {"queue": "turns"},
    "durar.deliveries.*": {"queue": "deliveries"},
    "durar.upkeep.*": {"queue": "upkeep"},
    # Told where agents work: a webhook that hangs must keep nobody waiting who decides or sends.
    "durar.alerts.*": {"queue": "turns"},
}
# `expires` keeps a worker that was away from waking to a pile of stale ticks.
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "durar.upkeep.sweep", "schedule": 2.0, "options": {"expires": 2}},
    "schedule": {"task": "durar.upkeep.schedule", "schedule": 5.0, "options": {"expires": 5}},
    "expire": {"task": "durar.upkeep.expire", "schedule": 60.0, "options": {"expires": 50}},
    "alerts": {"task": "durar.upkeep.alerts", "schedule": 10.0, "options": {"expires": 10}},
    "bodies": {"task": "durar.upkeep.bodies", "schedule": 600.0, "options": {"expires": 300}},
    "commands": {"task": "durar.upkeep.commands", "schedule": 10.0, "options": {"expires": 10}},
    "trials": {"task": "durar.upkeep.trials", "schedule": 3600.0, "options": {"expires": 300}},
    "names": {"task": "durar.upkeep.names", "schedule": 600.0, "options": {"expires": 300}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "celerybeat-schedule")

# Open pages are told of changes through the same server.
CHANNEL_LAYERS = {"default": {"BACKEND": "mattermost_bridge.live.layer.LiveLayer", "CONFIG": {"url": REDIS_URL}}}

# Lengths, in seconds, of what may be waited for. Tests and drills shorten them. -----------------------------------
TIMES = {
    "listener_lease": seconds("DURAR_LISTENER_LEASE", 10.0),
    "listener_renew": seconds("DURAR_LISTENER_RENEW", 3.0),
    "conversation_lease": seconds("DURAR_CONVERSATION_LEASE", 60.0),
    "conversation_renew": seconds("DURAR_CONVERSATION_RENEW", 15.0),
    "delivery_claim": seconds("DURAR_DELIVERY_CLAIM", 60.0),
    "delivery_margin": seconds("DURAR_DELIVERY_MARGIN", 20.0),
    "delivery_backoff": seconds("DURAR_DELIVERY_BACKOFF", 1.0),
    "after_timeout": seconds("DURAR_AFTER_TIMEOUT", 10.0),
    "http_timeout": seconds("DURAR_HTTP_TIMEOUT", 15.0),
    "sweep_hint_again": seconds("DURAR_SWEEP_HINT_AGAIN", 30.0),
    "stop_grace": seconds("DURAR_STOP_GRACE", 10.0),
    "compare_every": seconds("DURAR_COMPARE_EVERY", 300.0),
    "ping_every": seconds("DURAR_PING_EVERY", 30.0),
    "reconnect_first": seconds("DURAR_RECONNECT_FIRST", 2.0),
    "reconnect_longest": seconds("DURAR_RECONNECT_LONGEST", 60.0),
    "probe_every": seconds("DURAR_PROBE_EVERY", 3.0),
    "token_retry": seconds("DURAR_TOKEN_RETRY", 120.0),
    "alert_grace": seconds("DURAR_ALERT_GRACE", 60.0),
}

# Mail, for alerts: without a server none is sent, and the panel says so. ---------------------------------------------
_mail = mail_server(secret("DURAR_EMAIL_URL"))
MAIL_CONFIGURED = bool(_mail)
EMAIL_HOST = _mail.get("EMAIL_HOST", "")
EMAIL_PORT = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = "mattermost_bridge.services.mail_backend.EmailBackend"
DEFAULT_FROM_EMAIL = text("DURAR_EMAIL_FROM", "durar@localhost")
hide(EMAIL_HOST_PASSWORD)

# Web ------------------------------------------------------------------------------------------------------------
# Only these may say, in X-Forwarded-For, from where a request comes.
TRUSTED_PROXIES = networks("DURAR_TRUSTED_PROXIES")
ALLOWED_HOSTS = words("DURAR_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = []
if PUBLIC_URL:
    _public = urlsplit(PUBLIC_URL)
    if _public.scheme not in {"http", "https"} or not _public.hostname:
        raise ImproperlyConfigured(
            f"DURAR_PUBLIC_URL is {PUBLIC_URL!r}; it must be a full address, as https://durar.example.com."
        )
    ALLOWED_HOSTS.append(_public.hostname)
    CSRF_TRUSTED_ORIGINS.append(f"{_public.scheme}://{_public.netloc}")
    if _public.scheme == "https":
        SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_ENGINE = "mattermost_bridge.session_engine"
SESSION_COOKIE_NAME = "durar_session"
CSRF_COOKIE_NAME = "durar_csrf"
SESSION_COOKIE_AGE = 60 * 60 * 12
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
ROOT_URLCONF = "durar_site.urls"
ASGI_APPLICATION = "durar_site.asgi.application"

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    # The panel's own site; without autodiscovery: only the process that serves it loads its pages (urls.py).
    "durar_site.apps.PanelConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "axes",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "mattermost_bridge.apps.BridgeConfig",
]
MIDDLEWARE = [
    "mattermost_bridge.health.health_middleware",
    "mattermost_bridge.metrics.metrics_middleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mattermost_bridge.client_address.client_address_middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "mattermost_bridge.live.looking.LookingMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]
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
                "durar_site.admin_site.frame_of_sign_in_pages",
            ],
        },
    },
]

# Panel ----------------------------------------------------------------------------------------------------------
UNFOLD = panel.UNFOLD

# Sign-in --------------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "mattermost_bridge.client_address.client_address"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # the panel shows these rows in its own way
AXES_LOCKOUT_CALLABLE = "mattermost_bridge.admin.my_sign_in.locked_out"
# The second factor: kept and asked for by allauth, of which the panel uses nothing else.
ACCOUNT_ADAPTER = "mattermost_bridge.sign_in_adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# A telephone's clock may be half a minute off, and a code may end while it is typed (RFC 6238, 5.2).
MFA_TOTP_TOLERANCE = 1
MFA_ADAPTER = "mattermost_bridge.sign_in_adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Security keys need https, or localhost: browsers see to that themselves.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PUBLIC_URL.startswith("https://")
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# Language, time, files ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = time_zone("TZ")
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = state_dir(STATE_DIR / "static")
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
MEDIA_ROOT = STATE_DIR / "media"
# Files are served from where the packages keep them: no collectstatic step on one machine. A grown deployment that
# runs `collectstatic` gets hashed names and long caching.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists()
WHITENOISE_AUTOREFRESH = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
CACHES = {
    # What a process may forget at any time, and another need not know.
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # What must hold over all processes: how often a code was guessed, which were used.
    "shared": {"BACKEND": "mattermost_bridge.shared_cache.SharedCache"},
}
SILENCED_SYSTEM_CHECKS: list[str] = []

# Figures: who brings this may read /metrics from elsewhere; without it only programs on the same machine may. ------
METRICS_TOKEN = secret("DURAR_METRICS_TOKEN").strip()
hide(METRICS_TOKEN)

# Logs -----------------------------------------------------------------------------------------------------------
# One line each on standard output; the terminal's form, or JSON for a collector.
LOG_JSON = flag("DURAR_LOG_JSON", default=False)
LOGGING = log_settings(as_json=LOG_JSON, level=text("DURAR_LOG_LEVEL", "INFO"))
