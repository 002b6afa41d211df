"""ElastiCache: a replication group is a Redis that asks for what it was told to ask for."""

from __future__ import annotations

import pytest
import redis
from cloud import wait_for

TOKEN = "first-token-of-twenty"
NEXT_TOKEN = "second-token-of-twenty"
THIRD_TOKEN = "third-token-of-twenty"


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


def change_token(cloud, name, token, strategy, **more):
    """Ask for a change of the token; the group as it is answered."""
    wish = {"ApplyImmediately": True} | more
    return cloud.client("elasticache").modify_replication_group(
        ReplicationGroupId=name, AuthToken=token, AuthTokenUpdateStrategy=strategy, **wish
    )["ReplicationGroup"]


def available(cloud, name):
    """Wait until nothing about the group is being changed."""
    wait_for(f"{name} to be available", lambda: group(cloud, name)["Status"] == "available")


def test_rotate_accepts_both_tokens_and_set_only_the_new_one(cloud):
    endpoint = create(cloud, "rotated", TransitEncryptionEnabled=True, AuthToken=TOKEN)
    change_token(cloud, "rotated", NEXT_TOKEN, "ROTATE")
    available(cloud, "rotated")
    assert opens(cloud, endpoint, TOKEN) and opens(cloud, endpoint, NEXT_TOKEN)
    assert "AuthTokenLastModifiedDate" in group(cloud, "rotated")
    change_token(cloud, "rotated", NEXT_TOKEN, "SET")
    available(cloud, "rotated")
    assert opens(cloud, endpoint, NEXT_TOKEN) and not opens(cloud, endpoint, TOKEN)


def test_a_second_rotate_drops_the_oldest_token(cloud):
    endpoint = create(cloud, "twice", TransitEncryptionEnabled=True, AuthToken=TOKEN)
    for token in (NEXT_TOKEN, THIRD_TOKEN):
        change_token(cloud, "twice", token, "ROTATE")
        available(cloud, "twice")
    found = [opens(cloud, endpoint, token) for token in (TOKEN, NEXT_TOKEN, THIRD_TOKEN)]
    assert found == [False, True, True]


def test_a_change_is_under_way_for_a_while_and_the_next_one_is_refused_until_then(cloud):
    endpoint = create(cloud, "busy", TransitEncryptionEnabled=True, AuthToken=TOKEN)
    elasticache = cloud.client("elasticache")
    with cloud.settings(elasticache_modifying_seconds=1):
        answer = change_token(cloud, "busy", NEXT_TOKEN, "ROTATE")
        assert answer["Status"] == group(cloud, "busy")["Status"] == "modifying"
        assert answer["PendingModifiedValues"]["AuthTokenStatus"] == "ROTATING"
        assert not opens(cloud, endpoint, NEXT_TOKEN)
        with pytest.raises(elasticache.exceptions.InvalidReplicationGroupStateFault):
            change_token(cloud, "busy", NEXT_TOKEN, "SET")
    available(cloud, "busy")
    assert opens(cloud, endpoint, TOKEN) and opens(cloud, endpoint, NEXT_TOKEN)


@pytest.mark.parametrize(
    ("token", "strategy", "words"),
    [
        ("short", "ROTATE", "16 to 128"),
        ("x" * 129, "ROTATE", "16 to 128"),
        ("a-token-with-a-slash/in-it", "ROTATE", "letters, digits"),
        (NEXT_TOKEN, "SET", "only allowed after ROTATE"),
        (NEXT_TOKEN, "SWAP", "AuthTokenUpdateStrategy"),
    ],
)
def test_a_token_that_elasticache_would_not_take_is_refused(
    cloud, refusing, token, strategy, words
):
    elasticache = cloud.client("elasticache")
    with pytest.raises(elasticache.exceptions.InvalidParameterValueException, match=words):
        change_token(cloud, "refusing", token, strategy)
    assert group(cloud, "refusing")["Status"] == "available"
    assert opens(cloud, refusing, TOKEN)


@pytest.fixture(scope="module")
def refusing(cloud):
    return create(cloud, "refusing", TransitEncryptionEnabled=True, AuthToken=TOKEN)


def test_what_waits_for_the_maintenance_window_does_not_happen(cloud):
    endpoint = create(cloud, "patient", TransitEncryptionEnabled=True, AuthToken=TOKEN)
    answer = change_token(cloud, "patient", NEXT_TOKEN, "ROTATE", ApplyImmediately=False)
    assert answer["Status"] == "available"
    assert answer["PendingModifiedValues"]["AuthTokenStatus"] == "ROTATING"
    assert not opens(cloud, endpoint, NEXT_TOKEN)


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
