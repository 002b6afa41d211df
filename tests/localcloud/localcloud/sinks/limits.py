"""How often a service wants to be called: token buckets, as most services count."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable


class Buckets:
    """A bucket of tokens for every key: full at first, refilled at a steady rate."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = burst
        # What each bucket held, and when.
        self._levels: dict[Hashable, tuple[float, float]] = {}

    def take(self, key: Hashable) -> int:
        """Take a token: 0, or the whole seconds after which there will be one."""
        now = time.monotonic()
        level, then = self._levels.get(key, (float(self._burst), now))
        level = min(self._burst, level + (now - then) * self._per_second)
        if level < 1:
            self._levels[key] = (level, now)
            return max(1, math.ceil((1 - level) / self._per_second))
        self._levels[key] = (level - 1, now)
        return 0

    def forget(self) -> None:
        """Let all buckets be full again."""
        self._levels.clear()
