"""ElastiCache's users: what they may do and which passwords open the cache is Redis's own."""

from __future__ import annotations

import pytest
import redis
from cloud import wait_for
from test_elasticache import connect, create

OLD, NEW, NEWER = (f"{word}-password-of-cache-users" for word in ("old", "new", "newer"))


def user(cloud, user_id):
    """The user as ElastiCache describes it now."""
    return cloud.client("elasticache").describe_users(UserId=user_id)["Users"][0]


def active(cloud, user_id):
    """The user, once nothing about it is being changed."""
    return wait_for(
        f"{user_id} to be active",
        lambda: (found := user(cloud, user_id))["Status"] == "active" and found,
    )


def make(cloud, user_id, name, access="on ~app:* +@all", **more):
    """A new user."""
    more = more or {"Passwords": [OLD]}
    return cloud.client("elasticache").create_user(
        UserId=user_id, UserName=name, Engine="redis", AccessString=access, **more
    )


def opens(cloud, endpoint, name, password):
    """Whether the password opens the cache for the user."""
    client = connect(cloud, endpoint, None)
    client.connection_pool.connection_kwargs |= {"username": name, "password": password}
    try:
        return client.ping()
    except redis.AuthenticationError:
        return False
    finally:
        client.close()


@pytest.fixture(scope="module")
def cache(cloud):
    """A cache for two users, `app` and a default user who is locked out; its endpoint."""
    elasticache = cloud.client("elasticache")
    make(cloud, "cache-app", "app")
    make(cloud, "cache-default", "default", access="off -@all")
    elasticache.create_user_group(
        UserGroupId="cache-users", Engine="redis", UserIds=["cache-app", "cache-default"]
    )
    wait_for(
        "the user group",
        lambda: (
            elasticache.describe_user_groups(UserGroupId="cache-users")["UserGroups"][0]["Status"]
            == "active"
        ),
    )
    return create(cloud, "with-users", TransitEncryptionEnabled=True, UserGroupIds=["cache-users"])


def test_a_user_s_password_opens_the_cache_and_nobody_else_s_does(cloud, cache):
    assert opens(cloud, cache, "app", OLD)
    assert not opens(cloud, cache, "app", NEW)
    assert not opens(cloud, cache, "default", OLD)
    assert not opens(cloud, cache, "nobody", OLD)


def test_a_user_may_do_what_its_access_string_says(cloud, cache):
    client = redis.Redis(
        host=cache["Address"],
        port=int(cache["Port"]),
        username="app",
        password=OLD,
        ssl=True,
        ssl_ca_certs=cloud.ready["ca_bundle"],
    )
    assert client.set("app:one", "1")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.set("other:one", "1")


def test_two_passwords_open_the_cache_until_one_is_taken_away(cloud, cache):
    elasticache = cloud.client("elasticache")
    with cloud.settings(elasticache_modifying_seconds=0.5):
        answer = elasticache.modify_user(UserId="cache-app", Passwords=[OLD, NEW])
        assert answer["Status"] == "modifying"
        with pytest.raises(elasticache.exceptions.InvalidUserStateFault):
            elasticache.modify_user(UserId="cache-app", Passwords=[NEW])
    assert active(cloud, "cache-app")["Authentication"] == {
        "Type": "password",
        "PasswordCount": 2,
    }
    assert opens(cloud, cache, "app", OLD) and opens(cloud, cache, "app", NEW)
    elasticache.modify_user(UserId="cache-app", Passwords=[NEW])
    active(cloud, "cache-app")
    assert not opens(cloud, cache, "app", OLD) and opens(cloud, cache, "app", NEW)
    elasticache.modify_user(UserId="cache-app", Passwords=[OLD])
    active(cloud, "cache-app")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"Passwords": [OLD, NEW, NEWER]}, "InvalidParameterValue"),
        ({"Passwords": ["too-short"]}, "InvalidParameterValue"),
        ({"Passwords": [OLD], "NoPasswordRequired": True}, "InvalidParameterCombination"),
        ({"AccessString": f"on ~* +@all >{OLD}"}, "InvalidParameterValue"),
    ],
)
def test_what_elasticache_refuses_changes_nothing(cloud, cache, wish, code):
    elasticache = cloud.client("elasticache")
    with pytest.raises(elasticache.exceptions.ClientError) as refused:
        elasticache.modify_user(UserId="cache-app", **wish)
    assert refused.value.response["Error"]["Code"] == code
    assert OLD not in str(refused.value)
    assert user(cloud, "cache-app")["Status"] == "active"
    assert opens(cloud, cache, "app", OLD)


def test_a_user_group_needs_a_default_user_and_no_name_twice(cloud):
    elasticache = cloud.client("elasticache")
    make(cloud, "alone", "alone")
    make(cloud, "twin", "alone")
    with pytest.raises(elasticache.exceptions.DefaultUserRequired):
        elasticache.create_user_group(UserGroupId="wrong", Engine="redis", UserIds=["alone"])
    with pytest.raises(elasticache.exceptions.DuplicateUserNameFault):
        elasticache.create_user_group(
            UserGroupId="wrong", Engine="redis", UserIds=["default", "alone", "twin"]
        )
    with pytest.raises(elasticache.exceptions.UserNotFoundFault):
        elasticache.create_user_group(
            UserGroupId="wrong", Engine="redis", UserIds=["default", "nobody"]
        )


def test_users_come_in_pages(cloud):
    for number in range(3):
        make(cloud, f"page-{number}", f"page-{number}", NoPasswordRequired=True)
    pages = (
        cloud.client("elasticache")
        .get_paginator("describe_users")
        .paginate(PaginationConfig={"PageSize": 2})
    )
    found = [one["UserId"] for page in pages for one in page["Users"]]
    assert len(found) == len(set(found))
    assert {"default", "page-0", "page-1", "page-2"} <= set(found)


def test_a_user_that_joins_or_leaves_its_group_may_or_may_not_use_the_cache(cloud, cache):
    elasticache = cloud.client("elasticache")
    make(cloud, "guest", "guest")

    def settled():
        groups = elasticache.describe_user_groups(UserGroupId="cache-users")["UserGroups"]
        return groups[0]["Status"] == "active"

    elasticache.modify_user_group(UserGroupId="cache-users", UserIdsToAdd=["guest"])
    wait_for("the change", settled)
    assert opens(cloud, cache, "guest", OLD)
    elasticache.modify_user_group(UserGroupId="cache-users", UserIdsToRemove=["guest"])
    wait_for("the change", settled)
    assert not opens(cloud, cache, "guest", OLD)


def test_a_stack_makes_users_a_group_and_a_cache_for_them(cloud):
    resources = {
        "App": {
            "Type": "AWS::ElastiCache::User",
            "Properties": {
                "UserId": "stack-app",
                "UserName": "app",
                "Engine": "redis",
                "AccessString": "on ~* +@all",
                "Passwords": [OLD],
            },
        },
        "Group": {
            "Type": "AWS::ElastiCache::UserGroup",
            "Properties": {
                "UserGroupId": "stack-users",
                "Engine": "redis",
                "UserIds": ["default", {"Ref": "App"}],
            },
        },
        "Cache": {
            "Type": "AWS::ElastiCache::ReplicationGroup",
            "Properties": {
                "ReplicationGroupDescription": "of a stack",
                "Engine": "redis",
                "CacheNodeType": "cache.t4g.micro",
                "NumCacheClusters": 1,
                "TransitEncryptionEnabled": True,
                "UserGroupIds": [{"Ref": "Group"}],
            },
        },
    }
    stack = cloud.stack(
        "cache-users",
        resources,
        template={
            "Outputs": {
                "Address": {"Value": {"Fn::GetAtt": ["Cache", "PrimaryEndPoint.Address"]}},
                "Port": {"Value": {"Fn::GetAtt": ["Cache", "PrimaryEndPoint.Port"]}},
            }
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE", cloud.stack_events("cache-users")
    endpoint = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    assert opens(cloud, endpoint, "app", OLD)
    assert cloud.delete_stack("cache-users")["StackStatus"] == "DELETE_COMPLETE"


def test_a_policy_can_name_the_users_that_may_be_changed(cloud, cache):
    iam = cloud.client("iam")
    iam.create_user(UserName="rotates-app")
    iam.put_user_policy(
        UserName="rotates-app",
        PolicyName="may",
        PolicyDocument=(
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
            ' "Action": ["elasticache:ModifyUser"],'
            ' "Resource": "arn:aws:elasticache:us-east-1:000000000000:user:cache-app"}]}'
        ),
    )
    key = iam.create_access_key(UserName="rotates-app")["AccessKey"]
    elasticache = cloud.client(
        "elasticache",
        credentials={
            "access_key_id": key["AccessKeyId"],
            "secret_access_key": key["SecretAccessKey"],
        },
    )
    elasticache.modify_user(UserId="cache-app", Passwords=[OLD])
    active(cloud, "cache-app")
    with pytest.raises(elasticache.exceptions.ClientError, match="AccessDenied"):
        elasticache.modify_user(UserId="cache-default", Passwords=[OLD])
