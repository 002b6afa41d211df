"""ElastiCache: every node group is a real Redis, with TLS and tokens as asked.

MiniStack starts caches through the container engine; here they are servers with certificates of the
local authority and addresses of their own. Added on top: a group says ``creating`` for a moment,
and a stack waits until that has passed. Replicas share the primary's server. Later changes to a
group are in ``elasticache_changes``, users in ``elasticache_users``.

With ``--engine docker`` none of this is installed: MiniStack then drives its own containers.
"""

from __future__ import annotations

import functools
import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from localcloud import authority
from localcloud.servers import ServerError, addresses, storage
from localcloud.servers.redis import PORT, RedisServer
from localcloud.settings import Settings, current

logger = logging.getLogger("localcloud.elasticache")

Record = dict[str, Any]
Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

Handler = Callable[..., tuple[str, dict[str, Any]]]

ENGINES = ("redis", "valkey")
# What takes longer than this to be made or changed does not end at all.
STACK_WAIT_SECONDS = 60.0
POLL_SECONDS = 0.05

_servers: dict[str, RedisServer] = {}
# The port that the request under way asks for: MiniStack hands on everything else.
_request = threading.local()


def install(settings: Settings) -> None:
    """Put real servers behind ElastiCache's records."""
    authority.ensure(settings.state_dir)
    if settings.engine == "docker":
        return
    from ministack.services import elasticache
    from ministack.services.cloudformation import provisioners

    from localcloud.extensions import (
        elasticache_changes,
        elasticache_user_groups,
        elasticache_users,
    )

    elasticache._get_docker = lambda: None
    elasticache._spawn_redis_container = _start_server
    elasticache._create_replication_group = functools.partial(
        _create_group, elasticache._create_replication_group
    )
    elasticache._delete_replication_group = functools.partial(
        _delete_group, elasticache._delete_replication_group
    )
    elasticache._create_cache_cluster = functools.partial(
        _create_cluster, elasticache._create_cache_cluster
    )
    elasticache._delete_cache_cluster = functools.partial(
        _delete_cluster, elasticache._delete_cache_cluster
    )
    groups = elasticache._replication_groups
    provisioners._ec_rg_create = waiting(provisioners._ec_rg_create, groups)
    provisioners._ec_rg_update = waiting(provisioners._ec_rg_update, groups)
    elasticache_users.install()
    elasticache_user_groups.install()
    elasticache_changes.install()
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ElastiCache::ReplicationGroup"]
    handlers["create"] = provisioners._ec_rg_create
    handlers["update"] = provisioners._ec_rg_update


def _start_server(
    name: str,
    engine: str,
    engine_version: str,
    labels: dict[str, str],
    transit: bool = False,
    auth_token: str | None = None,
) -> tuple[str, int, str]:
    """Start one node; in MiniStack's words: host, port and the id by which to find it again."""
    del engine_version, labels
    if engine not in ENGINES:
        raise ServerError(f"the local cloud has no {engine}: it serves {' and '.join(ENGINES)}")
    state_dir = current().state_dir
    server_id = secrets.token_hex(16)
    address, port = addresses.allocate_for(getattr(_request, "port", None) or PORT)
    folder = storage.root(state_dir) / "elasticache" / server_id
    server = RedisServer(name, state_dir, folder, address, port, tls=transit)
    server.start([auth_token] if auth_token else [])
    _servers[server_id] = server
    return address, port, server_id


def _stop_servers(server_ids: list[str | None]) -> None:
    from ministack.core.concurrency import spawn_background

    for server_id in server_ids:
        server = _servers.pop(server_id or "", None)
        if server is not None:
            addresses.release(server.address)
            spawn_background(server.remove, thread_name=f"remove-{server.name}")


def _create_group(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import elasticache

    response = _with_port(original, p)
    if response[0] >= 400:
        return response
    group = elasticache._replication_groups[elasticache._p(p, "ReplicationGroupId")]
    if group.get("UserGroupIds"):
        apply_access(group)
    # MiniStack would drop the ids as those of containers that nobody knows.
    _come_up(group)
    shown = elasticache._rg_xml(group)
    return elasticache._xml(
        200,
        "CreateReplicationGroupResponse",
        f"<CreateReplicationGroupResult><ReplicationGroup>{shown}</ReplicationGroup>"
        "</CreateReplicationGroupResult>",
    )


def _create_cluster(original: Callable[..., Response], p: Parameters) -> Response:
    return _with_port(original, p)


def _with_port(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import elasticache

    asked = elasticache._p(p, "Port")
    _request.port = int(asked) if asked else None
    try:
        return original(p)
    except (ServerError, addresses.NoAddressError) as error:
        logger.exception("a cache did not start")
        return elasticache._error("InvalidParameterValue", str(error), 400)
    finally:
        _request.port = None


def _come_up(group: dict[str, Any]) -> None:
    """Say ``creating`` for as long as the settings want."""
    from ministack.core.concurrency import spawn_background

    group["Status"] = "creating"

    def settle() -> None:
        time.sleep(current().elasticache_available_seconds)
        group["Status"] = "available"

    spawn_background(settle, thread_name=f"cache-{group['ReplicationGroupId']}")


def _delete_group(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import elasticache

    group = elasticache._replication_groups.get(elasticache._p(p, "ReplicationGroupId"))
    response = original(p)
    if response[0] < 400 and group:
        _stop_servers(group.get("_docker_container_ids") or [])
    return response


def _delete_cluster(original: Callable[..., Response], p: Parameters) -> Response:
    from ministack.services import elasticache

    cluster = elasticache._clusters.get(elasticache._p(p, "CacheClusterId"))
    response = original(p)
    if response[0] < 400 and cluster:
        _stop_servers([cluster.get("_docker_container_id")])
    return response


def servers_of(group: Record) -> list[RedisServer]:
    """The servers behind a replication group."""
    found = [_servers.get(server_id) for server_id in group.get("_docker_container_ids") or []]
    return [server for server in found if server is not None]


def settle(record: Record, then: str, work: Callable[[], None], name: str) -> None:
    """Do what was asked a moment later, as ElastiCache does; only then is the record done."""
    from ministack.core.concurrency import spawn_background

    meanwhile = record["Status"]

    def run() -> None:
        time.sleep(current().elasticache_modifying_seconds)
        try:
            work()
        finally:
            if record["Status"] == meanwhile:
                record["Status"] = then

    spawn_background(run, thread_name=name)


def waiting(handler: Handler, records: Any) -> Handler:
    """A stack's handler that goes on when what it has made or changed is done."""

    @functools.wraps(handler)
    def handle(*arguments: Any, **named: Any) -> tuple[str, Record]:
        identifier, attributes = handler(*arguments, **named)
        deadline = time.monotonic() + STACK_WAIT_SECONDS
        while (records.get(identifier) or {}).get("Status") in ("creating", "modifying"):
            if time.monotonic() > deadline:
                raise ValueError(f"{identifier} did not stabilize")
            time.sleep(POLL_SECONDS)
        return identifier, attributes

    return handle


def apply_access(group: Record) -> None:
    """Let the group's servers know its users, or its tokens where it has no users."""
    from localcloud.extensions import elasticache_user_groups

    for server in servers_of(group):
        if group.get("UserGroupIds"):
            server.set_users(elasticache_user_groups.users_of(group))
        else:
            server.set_tokens(
                group.get("_auth_tokens") or [], optional=bool(group.get("_auth_optional"))
            )
