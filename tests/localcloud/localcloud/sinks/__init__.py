"""Where alerts arrive: imitations of Slack, PagerDuty, Teams and a webhook's receiver.

Whoever sends alerts must know what these services refuse, how often they want to be called, and
that a status of 200 may be a failure. So each of them has an address of its own here, with TLS by
the local authority, refuses what the real one refuses, limits as it limits, keeps what it got for
tests to look at, and fails on demand. What is not in their references is refused, not guessed.
"""
