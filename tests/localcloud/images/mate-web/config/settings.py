"""Settings from the environment: the same image serves every tenant.

A missing variable matters only to what needs it: the health of the process itself must not depend
on its database.
"""

import json
import os
from urllib.parse import quote

TIMEOUT_SECONDS = 5


def _several(text: str) -> list[str]:
    """A list as secrets carry it: JSON, or separated by commas."""
    if text.lstrip().startswith("["):
        return [item for item in json.loads(text) if item]
    return [item.strip() for item in text.split(",") if item.strip()]


def _redis_url() -> str | None:
    if "REDIS_URL" in os.environ:
        return os.environ["REDIS_URL"]
    if "REDIS_HOST" not in os.environ:
        return None
    scheme = "rediss" if os.environ.get("REDIS_TLS", "0") == "1" else "redis"
    password = quote(os.environ.get("REDIS_PASSWORD", ""), safe="")
    login = f":{password}@" if password else ""
    return f"{scheme}://{login}{os.environ['REDIS_HOST']}:{os.environ.get('REDIS_PORT', '6379')}/0"


# Without a key Django starts, but whatever needs one fails: as it should.
SECRET_KEY = os.environ.get("SECRET_KEY", "")
SECRET_KEY_FALLBACKS = _several(os.environ.get("SECRET_KEY_FALLBACKS", ""))
ALLOWED_HOSTS = _several(os.environ.get("ALLOWED_HOSTS", "*"))
DEBUG = False

AUTHORITY = os.environ.get("DATABASE_SSL_CA", "")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("DATABASE_HOST", ""),
        "PORT": os.environ.get("DATABASE_PORT", "5432"),
        "NAME": os.environ.get("DATABASE_NAME", "mate"),
        "USER": os.environ.get("DATABASE_USER", "mate"),
        "PASSWORD": os.environ.get("DATABASE_PASSWORD", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": TIMEOUT_SECONDS,
            **(
                {"sslmode": "verify-full", "sslrootcert": AUTHORITY}
                if AUTHORITY
                else {"sslmode": "require"}
            ),
        },
    }
}

REDIS_URL = _redis_url()
REDIS_OPTIONS = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
if REDIS_URL and REDIS_URL.startswith("rediss://") and AUTHORITY:
    REDIS_OPTIONS["ssl_ca_certs"] = AUTHORITY
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": REDIS_OPTIONS,
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "people",
    "conversations",
    "jobs",
]
MIDDLEWARE = [
    # First: a load balancer asks by address, which is no host name that Django would accept.
    "config.health.HealthMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
