"""`manage.py worker`: take jobs from the list and do them."""

import json
import logging
import time

import redis
from django.core.management.base import BaseCommand
from django.db import close_old_connections

from jobs import work

logger = logging.getLogger("worker")

# Short enough for the health check, and below the client's own timeout.
TAKE_SECONDS = 2
RETRY_SECONDS = 2


class Command(BaseCommand):
    """The command."""

    help = "Do the jobs that wait in Redis, until told to stop."

    def handle(self, *_arguments: object, **_options: object) -> None:
        """Go round for ever: a list that cannot be reached now may be there in a moment."""
        client = work.connect()
        logger.info("worker takes jobs from %s", work.WAITING)
        while True:
            work.show_life("worker")
            try:
                taken = client.blpop([work.WAITING], timeout=TAKE_SECONDS)
            except redis.RedisError as error:
                logger.warning("cannot take a job: %s", error)
                time.sleep(RETRY_SECONDS)
                continue
            if taken:
                self._do(json.loads(taken[1])["job"])

    def _do(self, name: str) -> None:
        close_old_connections()
        try:
            work.JOBS[name]()
        except Exception as error:
            # One job that fails, before the tables exist for instance, must not stop the others.
            logger.warning("job %s failed: %s", name, error)
        else:
            logger.info("job %s done", name)
