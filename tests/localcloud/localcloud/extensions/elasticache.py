"""ElastiCache: every node group is a real Redis, with TLS and tokens as asked.

MiniStack starts caches through the container engine; here they are servers with certificates of the
local authority and addresses of their own. Added on top: a group says ``creating`` for a moment, a
stack waits until that has passed, and ROTATE and SET of the AUTH token change what the running
server accepts. Replicas share the primary's server.

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

Parameters = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]

ENGINES = ("redis", "valkey")

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

    elasticache._get_docker = lambda: None
    elasticache._spawn_redis_container = _start_server
    elasticache._update_auth_token = functools.partial(
        _update_tokens, elasticache._update_auth_token
    )
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
    provisioners._ec_rg_create = functools.partial(_create_in_stack, provisioners._ec_rg_create)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ElastiCache::ReplicationGroup"]
    handlers["create"] = provisioners._ec_rg_create


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


def _create_in_stack(
    original: Callable[..., tuple[str, dict[str, Any]]], *arguments: Any
) -> tuple[str, dict[str, Any]]:
    """A stack goes on when the group is available."""
    from ministack.services import elasticache
    from ministack.services.cloudformation import provisioners

    group_id, attributes = original(*arguments)
    provisioners._ec_wait_available(
        elasticache._replication_groups,
        group_id,
        "Status",
        "AWS::ElastiCache::ReplicationGroup",
    )
    return group_id, attributes


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


def _update_tokens(
    original: Callable[..., None], group: dict[str, Any], token: str, strategy: str
) -> None:
    """ROTATE, SET and DELETE reach the running servers; MiniStack keeps the list of tokens."""
    original(group, token, strategy)
    for server_id in group.get("_docker_container_ids") or []:
        server = _servers.get(server_id)
        if server is not None:
            server.set_tokens(
                group.get("_auth_tokens") or [], optional=bool(group.get("_auth_optional"))
            )
