"""Work that is done later: a list in Redis, one process that takes from it, one that fills it.

MATE uses Celery for this. A worker of Celery's takes more memory and start-up time than all the
rest of this image; what the local cloud needs of it is that the processes are there, need the
cache and the database, and do something with them.
"""
