"""The base that a product brings and the suite is deployed into: network, cluster, load balancer,
zone, key, files. On AWS it exists before Caretaker does; here it is made, as small as it can be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.deploy.cloud import Cloud, already_there

VPC_CIDR = "10.20.0.0/16"
# Two of each, in two zones: what RDS asks of a subnet group and ELB of a load balancer.
SUBNETS = {
    "public-a": "10.20.0.0/24",
    "public-b": "10.20.1.0/24",
    "private-a": "10.20.10.0/24",
    "private-b": "10.20.11.0/24",
    "database-a": "10.20.20.0/24",
    "database-b": "10.20.21.0/24",
}
SECURITY_GROUPS = {
    "load-balancer": "The load balancer that all tenants share",
    "caretaker": "Caretaker's functions; allowed to reach tenants' databases",
    "files": "The file system that tenants' access points lie on",
}

Say = Callable[[str, str], None]


@dataclass(frozen=True)
class Base:
    """Where things are that the suite does not create."""

    cluster: str
    domain: str
    vpc_id: str
    private_subnet_ids: list[str]
    database_subnet_ids: list[str]
    security_group_ids: dict[str, str]
    listener_arn: str
    load_balancer_arn: str
    load_balancer_dns: str
    load_balancer_zone_id: str
    hosted_zone_id: str
    kms_key_arn: str
    file_system_id: str


def create(cloud: Cloud, product: str, environment: str, domain: str, say: Say) -> Base:
    """Makes the base, or finds what an earlier deployment made."""
    name = f"{product}-{environment}"
    vpc_id = _vpc(cloud, name)
    subnets = _subnets(cloud, name, vpc_id)
    groups = _security_groups(cloud, name, vpc_id)
    say("network", f"{vpc_id}, {len(subnets)} subnets, {len(groups)} security groups")
    cloud.client("ecs").create_cluster(clusterName=name)
    say("cluster", name)
    public = [subnets[key] for key in subnets if key.startswith("public")]
    balancer = _load_balancer(cloud, name, public, groups["load-balancer"])
    listener_arn = _listener(cloud, balancer["LoadBalancerArn"])
    say("load balancer", balancer["DNSName"])
    zone_id = _hosted_zone(cloud, domain)
    say("hosted zone", f"{domain} ({zone_id})")
    key_arn = _key(cloud, name)
    say("key", key_arn)
    file_system_id = _file_system(cloud, name)
    say("file system", file_system_id)
    return Base(
        cluster=name,
        domain=domain,
        vpc_id=vpc_id,
        private_subnet_ids=[subnets["private-a"], subnets["private-b"]],
        database_subnet_ids=[subnets["database-a"], subnets["database-b"]],
        security_group_ids=groups,
        listener_arn=listener_arn,
        load_balancer_arn=balancer["LoadBalancerArn"],
        load_balancer_dns=balancer["DNSName"],
        load_balancer_zone_id=balancer["CanonicalHostedZoneId"],
        hosted_zone_id=zone_id,
        kms_key_arn=key_arn,
        file_system_id=file_system_id,
    )


def _named(name: str) -> list[dict[str, Any]]:
    return [{"Name": "tag:Name", "Values": [name]}]


def _tag(resource: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": resource, "Tags": [{"Key": "Name", "Value": name}]}]


def _vpc(cloud: Cloud, name: str) -> str:
    ec2 = cloud.client("ec2")
    found = ec2.describe_vpcs(Filters=_named(name))["Vpcs"]
    if found:
        return found[0]["VpcId"]
    made = ec2.create_vpc(CidrBlock=VPC_CIDR, TagSpecifications=_tag("vpc", name))
    return made["Vpc"]["VpcId"]


def _subnets(cloud: Cloud, name: str, vpc_id: str) -> dict[str, str]:
    ec2 = cloud.client("ec2")
    subnets = {}
    for key, cidr in SUBNETS.items():
        full_name = f"{name}-{key}"
        found = ec2.describe_subnets(Filters=_named(full_name))["Subnets"]
        if not found:
            made = ec2.create_subnet(
                VpcId=vpc_id,
                CidrBlock=cidr,
                AvailabilityZone=cloud.region + key[-1],
                TagSpecifications=_tag("subnet", full_name),
            )
            found = [made["Subnet"]]
        subnets[key] = found[0]["SubnetId"]
    return subnets


def _security_groups(cloud: Cloud, name: str, vpc_id: str) -> dict[str, str]:
    ec2 = cloud.client("ec2")
    groups = {}
    for key, description in SECURITY_GROUPS.items():
        full_name = f"{name}-{key}"
        filters = [
            {"Name": "group-name", "Values": [full_name]},
            {"Name": "vpc-id", "Values": [vpc_id]},
        ]
        found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if not found:
            found = [
                ec2.create_security_group(
                    GroupName=full_name,
                    Description=description,
                    VpcId=vpc_id,
                    TagSpecifications=_tag("security-group", full_name),
                )
            ]
        groups[key] = found[0]["GroupId"]
    return groups


def _load_balancer(
    cloud: Cloud, name: str, subnets: list[str], security_group: str
) -> dict[str, Any]:
    elb = cloud.client("elbv2")
    try:
        return elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]
    except ClientError as error:
        if not already_there(error, "LoadBalancerNotFound"):
            raise
    made = elb.create_load_balancer(
        Name=name, Type="application", Subnets=subnets, SecurityGroups=[security_group]
    )
    return made["LoadBalancers"][0]


def _listener(cloud: Cloud, load_balancer_arn: str) -> str:
    elb = cloud.client("elbv2")
    found = elb.describe_listeners(LoadBalancerArn=load_balancer_arn)["Listeners"]
    if not found:
        found = elb.create_listener(
            LoadBalancerArn=load_balancer_arn,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[
                {
                    "Type": "fixed-response",
                    "FixedResponseConfig": {
                        "StatusCode": "404",
                        "ContentType": "text/plain",
                        "MessageBody": "There is no tenant of this name.\n",
                    },
                }
            ],
        )["Listeners"]
    return found[0]["ListenerArn"]


def _hosted_zone(cloud: Cloud, domain: str) -> str:
    route53 = cloud.client("route53")
    for zone in route53.list_hosted_zones()["HostedZones"]:
        if zone["Name"] == f"{domain}.":
            return zone["Id"].removeprefix("/hostedzone/")
    made = route53.create_hosted_zone(Name=domain, CallerReference=domain)
    return made["HostedZone"]["Id"].removeprefix("/hostedzone/")


def _key(cloud: Cloud, name: str) -> str:
    kms = cloud.client("kms")
    alias = f"alias/{name}"
    for found in kms.list_aliases()["Aliases"]:
        if found["AliasName"] == alias:
            return kms.describe_key(KeyId=found["TargetKeyId"])["KeyMetadata"]["Arn"]
    key = kms.create_key(Description=f"Encrypts what tenants of {name} keep")["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    return key["Arn"]


def _file_system(cloud: Cloud, name: str) -> str:
    efs = cloud.client("efs")
    found = efs.describe_file_systems(CreationToken=name)["FileSystems"]
    if not found:
        found = [efs.create_file_system(CreationToken=name, Encrypted=True)]
    return found[0]["FileSystemId"]
