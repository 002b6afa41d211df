"""ElastiCache: a replication group is a Redis that asks for what it was told to ask for."""

from __future__ import annotations

import pytest
import redis
from cloud import wait_for

TOKEN = "first-token-of-twenty"
NEXT_TOKEN = "second-token-of-twenty"


def group(cloud, name):
    """The group as ElastiCache describes it now."""
    elasticache = cloud.client("elasticache")
    found = elasticache.describe_replication_groups(ReplicationGroupId=name)
    return found["ReplicationGroups"][0]


def create(cloud, name, **more):
    """A new group's primary endpoint, once it is available."""
    cloud.client("elasticache").create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription=name,
        Engine="redis",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1,
        **more,
    )
    wait_for(f"{name} to be available", lambda: group(cloud, name)["Status"] == "available")
    return group(cloud, name)["NodeGroups"][0]["PrimaryEndpoint"]


def connect(cloud, endpoint, token=None, tls=True):
    """A connection as strict as on AWS."""
    return redis.Redis(
        host=endpoint["Address"],
        port=int(endpoint["Port"]),
        password=token,
        ssl=tls,
        ssl_ca_certs=cloud.ready["ca_bundle"] if tls else None,
        retry=None,
    )


def opens(cloud, endpoint, token):
    """Whether the token opens the cache."""
    try:
        return connect(cloud, endpoint, token).ping()
    except redis.AuthenticationError:
        return False


def test_a_group_says_creating_before_it_says_available(cloud):
    with cloud.settings(elasticache_available_seconds=1):
        answer = cloud.client("elasticache").create_replication_group(
            ReplicationGroupId="slow",
            ReplicationGroupDescription="slow",
            Engine="redis",
            CacheNodeType="cache.t4g.micro",
            NumCacheClusters=1,
        )
        assert answer["ReplicationGroup"]["Status"] == "creating"
        assert group(cloud, "slow")["Status"] == "creating"
        wait_for("slow to be available", lambda: group(cloud, "slow")["Status"] == "available")


def test_transit_encryption_means_tls_and_a_token(cloud):
    endpoint = create(cloud, "secured", TransitEncryptionEnabled=True, AuthToken=TOKEN)
    assert endpoint["Port"] == 6379
    assert opens(cloud, endpoint, TOKEN)
    assert not opens(cloud, endpoint, NEXT_TOKEN)
    assert not opens(cloud, endpoint, None)
    with pytest.raises(redis.ConnectionError):
        connect(cloud, endpoint, TOKEN, tls=False).ping()


def test_without_encryption_anybody_may_connect_in_plain(cloud):
    endpoint = create(cloud, "open")
    assert connect(cloud, endpoint, tls=False).ping()


def test_rotate_accepts_both_tokens_and_set_only_the_new_one(cloud):
    endpoint = create(cloud, "rotated", TransitEncryptionEnabled=True, AuthToken=TOKEN)
    elasticache = cloud.client("elasticache")

    def change(strategy):
        elasticache.modify_replication_group(
            ReplicationGroupId="rotated",
            AuthToken=NEXT_TOKEN,
            AuthTokenUpdateStrategy=strategy,
            ApplyImmediately=True,
        )

    change("ROTATE")
    assert opens(cloud, endpoint, TOKEN) and opens(cloud, endpoint, NEXT_TOKEN)
    change("SET")
    assert opens(cloud, endpoint, NEXT_TOKEN) and not opens(cloud, endpoint, TOKEN)


def test_a_stack_s_group_is_there_when_the_stack_is_and_gone_with_it(cloud):
    stack = cloud.stack(
        "with-cache",
        {
            "Cache": {
                "Type": "AWS::ElastiCache::ReplicationGroup",
                "Properties": {
                    "ReplicationGroupDescription": "of a stack",
                    "Engine": "redis",
                    "CacheNodeType": "cache.t4g.micro",
                    "NumCacheClusters": 2,
                    "AutomaticFailoverEnabled": True,
                    "Port": 6380,
                    "TransitEncryptionEnabled": True,
                    "AuthToken": TOKEN,
                },
            }
        },
        template={
            "Outputs": {
                "Address": {"Value": {"Fn::GetAtt": ["Cache", "PrimaryEndPoint.Address"]}},
                "Port": {"Value": {"Fn::GetAtt": ["Cache", "PrimaryEndPoint.Port"]}},
            }
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    endpoint = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    assert endpoint["Port"] == "6380"
    assert opens(cloud, endpoint, TOKEN)
    assert cloud.delete_stack("with-cache")["StackStatus"] == "DELETE_COMPLETE"

    def refuses():
        try:
            return not opens(cloud, endpoint, TOKEN)
        except redis.ConnectionError:
            return True

    wait_for("the server to end", refuses)
