"""`manage.py beat`: put the regular jobs into the list, once a minute."""

import logging
import time

import redis
from django.core.management.base import BaseCommand

from jobs import work

logger = logging.getLogger("beat")

EVERY_SECONDS = 60
TICK_SECONDS = 2


class Command(BaseCommand):
    """The command."""

    help = "Put the regular jobs into Redis, until told to stop."

    def handle(self, *_arguments: object, **_options: object) -> None:
        """Keep time; a beat that the list misses is made up for by the next one."""
        client = work.connect()
        due = time.monotonic()
        while True:
            work.show_life("beat")
            if time.monotonic() >= due:
                try:
                    for name in work.JOBS:
                        work.enqueue(client, name)
                    due = time.monotonic() + EVERY_SECONDS
                    logger.info("jobs are due: %s", ", ".join(work.JOBS))
                except redis.RedisError as error:
                    logger.warning("cannot put jobs into the list: %s", error)
            time.sleep(TICK_SECONDS)
