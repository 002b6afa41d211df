"""The tenant's database, as the container's environment describes it."""

import os

TIMEOUT_SECONDS = 5
MYSQL_PORT = 3306


def failure() -> str | None:
    """What is wrong with the database, in one word; None when it takes a query.

    The details are in the log, for those who may read it.
    """
    if not os.environ.get("DATABASE_HOST"):
        return None
    try:
        if int(os.environ.get("DATABASE_PORT", "5432")) == MYSQL_PORT:
            _ask_mysql()
        else:
            _ask_postgres()
    except Exception as error:
        print(f"the database does not answer: {error}")
        return type(error).__name__
    return None


def _ask_postgres() -> None:
    import psycopg

    with psycopg.connect(
        host=os.environ["DATABASE_HOST"],
        port=os.environ.get("DATABASE_PORT", "5432"),
        dbname=os.environ["DATABASE_NAME"],
        user=os.environ["DATABASE_USER"],
        password=os.environ["DATABASE_PASSWORD"],
        sslmode="verify-full",
        sslrootcert=os.environ["DATABASE_SSL_CA"],
        connect_timeout=TIMEOUT_SECONDS,
    ) as connection:
        connection.execute("SELECT 1")


def _ask_mysql() -> None:
    import pymysql

    connection = pymysql.connect(
        host=os.environ["DATABASE_HOST"],
        port=int(os.environ["DATABASE_PORT"]),
        database=os.environ["DATABASE_NAME"],
        user=os.environ["DATABASE_USER"],
        password=os.environ["DATABASE_PASSWORD"],
        ssl_ca=os.environ["DATABASE_SSL_CA"],
        ssl_verify_cert=True,
        ssl_verify_identity=True,
        connect_timeout=TIMEOUT_SECONDS,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
