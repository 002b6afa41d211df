"""The jobs themselves, and the list that they wait in."""

import json
import tempfile
from pathlib import Path

import redis
from conversations.models import Conversation
from django.conf import settings
from django.db.models import Count, OuterRef, Subquery

WAITING = "jobs"


def connect() -> redis.Redis:
    """A connection to the list."""
    return redis.Redis.from_url(settings.REDIS_URL, **settings.REDIS_OPTIONS)


def count_messages() -> None:
    """Bring every conversation's count up to date, in one statement."""
    counts = (
        Conversation.objects.filter(pk=OuterRef("pk"))
        .annotate(count=Count("message"))
        .values("count")
    )
    Conversation.objects.update(message_count=Subquery(counts))


JOBS = {"count-messages": count_messages}


def enqueue(client: redis.Redis, name: str) -> None:
    """Put a job at the end of the list."""
    client.rpush(WAITING, json.dumps({"job": name}))


def show_life(role: str) -> None:
    """Tell the container's health check that the loop goes round."""
    Path(tempfile.gettempdir(), f"{role}.alive").touch()
