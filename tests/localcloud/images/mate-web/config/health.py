"""Is it alive, has it started, may it be given work?

Live and startup say only that the process answers: they must hold before the first migration has
run. Ready needs a database that takes a query and a cache that answers.
"""

import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

logger = logging.getLogger("health")

# A moment of quiet is not worth an entry in the cache.
KEY_SECONDS = 10


class HealthMiddleware:
    """Answers `/health/...` ahead of everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or pass on."""
        match request.path.rstrip("/"):
            case "/health/live" | "/health/startup":
                return JsonResponse({"status": "ok"})
            case "/health/ready" | "/health":
                return _readiness()
        return self._get_response(request)


def _readiness() -> HttpResponse:
    checks = {"database": _check(_query), "cache": _check(_touch)}
    ready = all(verdict == "ok" for verdict in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "failing", **checks}, status=200 if ready else 503
    )


def _check(work: Callable[[], None]) -> str:
    try:
        work()
    except Exception as error:
        # The log may be read by people only; the answer is for everybody and names no detail.
        logger.warning("not ready: %s", error)
        return type(error).__name__
    return "ok"


def _query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def _touch() -> None:
    cache.set("health", "ok", KEY_SECONDS)
    if cache.get("health") != "ok":
        raise RuntimeError("the cache does not keep what it is given")
