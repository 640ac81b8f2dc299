"""Django's settings; all that differs between machines comes from the environment."""

import os
from datetime import timedelta
from pathlib import Path
from socket import gethostname

from csp.constants import NONE, SELF, UNSAFE_INLINE
from environ import Env

from galproject.configuration.environment import read_environment
from galproject.configuration.secret_key import secret_key_in
from galproject.configuration.sign_on import sign_on_from
from galproject.site.database_url import database_from
from galproject.site.roles import session_limits, this_role

BASE_DIR = Path(__file__).resolve().parent.parent
environment = read_environment(os.environ)

SECRET_KEY = environment.secret_key or secret_key_in(BASE_DIR / ".secret_key")
DEBUG = environment.debug
ALLOWED_HOSTS = environment.hosts

INSTALLED_APPS = [
    "galproject.site.tables_app.TablesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_q",
    "django_filters",
    "django_htmx",
    "axes",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "exposures",
    "photometry",
    "variables",
    "galproject",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "galproject.site.middleware.MethodMiddleware",
    "galproject.site.middleware.LoginMiddleware",
    "galproject.site.survey_access.SurveyMiddleware",
    "galproject.site.middleware.ExplainedErrorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "axes.middleware.AxesMiddleware",
    "galproject.site.admin_lookups.AdminLookupMiddleware",
    # Last, so that its refusals have all headers; still before an address is looked up.
    "galproject.site.readable_requests.ReadableRequestMiddleware",
]

# Pages are measured where somebody may read it, else nothing of it is even imported.
METRICS_TOKEN = environment.metrics_token
PROMETHEUS_LATENCY_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, float("inf"))  # seconds
if METRICS_TOKEN:
    MIDDLEWARE = [
        "django_prometheus.middleware.PrometheusBeforeMiddleware",
        *MIDDLEWARE,
        "galproject.metrics.middleware.PageMetricsMiddleware",
    ]

# Behind a proxy that speaks HTTPS to the world: cookies go over nothing else, and browsers are
# told to come back by nothing else.
HTTPS = environment.https
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
CSRF_FAILURE_VIEW = "galproject.site.error_pages.csrf_failure"
CSRF_TRUSTED_ORIGINS = environment.origins
# How many proxies of one's own stand before the server: whose word is taken for the visitor's
# address and for HTTPS. A header that nobody of one's own sets could be made up by anybody.
N_PROXIES = environment.proxies
if N_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    USE_X_FORWARDED_HOST = True

ROOT_URLCONF = "galproject.urls"
WSGI_APPLICATION = "galproject.wsgi.application"

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
            ],
        },
    },
]

DATABASES = {"default": database_from(environment.database_url, BASE_DIR / ".postgres/url")}
# Of pages, of workers and of commands. What DATABASE_URL itself says comes later, and goes before.
SESSION = DATABASES["default"].setdefault("OPTIONS", {})
PAGE_SECONDS = environment.page_seconds
SESSION["options"] = f"{session_limits(this_role(), environment)} {SESSION.get('options', '')}"
# Another database on the same server, with pictures of its own.
GALPROJECT_DATABASE = environment.database
if GALPROJECT_DATABASE:
    DATABASES["default"]["NAME"] = GALPROJECT_DATABASE
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# What the processes of a web server have in common, such as how often somebody asked the API.
if environment.cache:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": environment.cache,
        }
    }

# The first counts failed logins, and refuses further ones for a while.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
SIGN_ON = sign_on_from(environment)
if SIGN_ON.is_on:
    AUTHENTICATION_BACKENDS.append("galproject.sign_on.backend.SignOnBackend")
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
# Both together: nobody can lock somebody else out from another address.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "galproject.site.logins.locked_out"
# Tries during the lockout don't prolong it: the page names the time at which it ends.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "galproject.site.client_address.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator", "OPTIONS": options}
    for name, options in {
        "UserAttributeSimilarity": {},
        "MinimumLength": {"min_length": 10},
        "CommonPassword": {},
        "NumericPassword": {},
    }.items()
]

# No script but from files of ours, and nothing from another host. Bokeh styles its plots with
# style elements that it makes itself.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "galproject.site.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PARSER_CLASSES": [
        "galproject.api.reading.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["galproject.api.formats.FiniteJSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": environment.api_rate},
    "EXCEPTION_HANDLER": "galproject.api.errors.explained",
    "NUM_PROXIES": N_PROXIES,
    "URL_FORMAT_OVERRIDE": "format",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "galproject",
    "DESCRIPTION": "Variable stars in DECam images of the Galactic plane",
    "VERSION": "1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    # Of fields that are called alike.
    "ENUM_NAME_OVERRIDES": {
        "CandidateKindEnum": "variables.models.candidates.GalCandidate.Kind",
        "ObjectKindEnum": "photometry.querysets.objects.MatchKind",
        "MeasurementKindEnum": "photometry.querysets.sources.EpochKind",
    },
}

# Mail is sent where a server is named, and by nothing that has not been asked to.
MAIL_IS_SET = bool(environment.email_url)
if MAIL_IS_SET:
    mail = Env.email_url_config(environment.email_url)
    EMAIL_HOST, EMAIL_PORT = mail["EMAIL_HOST"], mail["EMAIL_PORT"] or 25
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = mail["EMAIL_HOST_USER"], mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = (
        mail.get("EMAIL_USE_TLS", False),
        mail.get("EMAIL_USE_SSL", False),
    )
    EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = environment.email_from or f"galproject@{gethostname()}"

LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "galproject.site.static_files.BokehFinder",
]
# Served by the application itself: from where they lie or, once collected to a folder, which
# manage.py serve does, compressed and under names with a hash, which browsers keep for good.
STATIC_ROOT = environment.static_root
COLLECTED = "galproject.site.static_files.CollectedStorage"
AS_THEY_LIE = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": COLLECTED if STATIC_ROOT else AS_THEY_LIE},
}
WHITENOISE_USE_FINDERS = not (STATIC_ROOT and (Path(STATIC_ROOT) / "staticfiles.json").is_file())

# A full chip takes minutes, and a task whose `retry` runs out is handed to a second worker while
# the first still works on it. The clock of a fetched task also runs while it waits for others, so
# a worker host fetches one at a time, and has one ready beside those that are worked on.
N_WORKERS = environment.workers
REDIS_URL = environment.redis_url  # of the queue; "": it is in the database
Q_CLUSTER = {
    "name": "galproject",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
    "broker_class": f"galproject.queue.brokers.{'Redis' if REDIS_URL else 'Database'}Broker",
    "workers": N_WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 3600,  # seconds
    "retry": 4200,  # seconds; more than the timeout
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "recycle": 200,  # chips, after which a worker gives its memory back
}

# Real images for the tests, which skip where there are none.
TEST_DATA = BASE_DIR.parent / "shared" / "data"
GALPROJECT_TEST_DATA = environment.test_data or (str(TEST_DATA) if TEST_DATA.is_dir() else "")
# Where the exposures of the fields that are followed are fetched to, and for how many nights the
# archive is asked again for what came late.
GALPROJECT_EXPOSURES = environment.exposures or str(BASE_DIR / "data" / "exposures")
GALPROJECT_NIGHTS = environment.nights
# Cutouts of candidates and pictures of chips, rendered ahead.
GALPROJECT_PICTURES = environment.pictures or str(BASE_DIR / "data" / "pictures")
if GALPROJECT_DATABASE:  # they are kept by ids, which the databases have in common
    GALPROJECT_PICTURES += f"-{GALPROJECT_DATABASE}"
# Where backups are, one in a folder each; manage.py doctor looks at their age.
GALPROJECT_BACKUPS = environment.backups
# Where alerts go at the end of each job; nowhere without it.
GALPROJECT_ALERTS = environment.alerts
# The file of options; see manage.py options.
OPTIONS_FILE = BASE_DIR / "galproject.toml"
GALPROJECT_OPTIONS = environment.options or (str(OPTIONS_FILE) if OPTIONS_FILE.is_file() else "")
# What says which options are in force, to code that does not know of the file.
PIPELINE_OPTIONS = "galproject.configuration.loading.load_options"
# The astrometric catalogue: a folder of HEALPix tiles, or one file.
GALPROJECT_CATALOGUE = environment.catalogue

QUIET = ("axes", "django-q", "matplotlib", "PIL", "waitress")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "exposures.terminal.LineFormatter",
            "format": "{levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": environment.log_level},
    # The tasks say themselves what they do.
    "loggers": {name: {"level": "WARNING"} for name in QUIET}
    # It warns of each request that has to wait a moment for a thread.
    | {"waitress.queue": {"level": "ERROR"}},
}
