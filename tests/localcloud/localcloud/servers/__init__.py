"""Real servers, one folder and one loopback address each: PostgreSQL, MariaDB, Redis.

They know nothing of AWS. The extension for RDS and the stand-in for the container engine start
them; which product they are for is nobody's business here.
"""


class ServerError(RuntimeError):
    """A server could not be made, started or copied; the message says which and why."""
