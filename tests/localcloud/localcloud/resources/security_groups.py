"""Single rules of security groups, which MiniStack lacks as resources of their own.

Two groups that name one another cannot both carry their rules inline; templates then give the rules
as resources.
"""

from __future__ import annotations

from typing import Any

from localcloud.resources import Created, Handlers, Properties


def types() -> dict[str, Handlers]:
    """The types of this module."""
    return {
        "AWS::EC2::SecurityGroupIngress": _handlers("IpPermissions", "sgr-ingress"),
        "AWS::EC2::SecurityGroupEgress": _handlers("IpPermissionsEgress", "sgr-egress"),
    }


def _handlers(direction: str, prefix: str) -> Handlers:
    def create(logical_id: str, props: Properties, stack_name: str) -> Created:
        group = _group(props)
        permission = _permission(props)
        if permission in group[direction]:
            raise ValueError(
                f"the specified rule already exists in {group['GroupId']} "
                "(Service: Ec2, Status Code: 400, Error Code: InvalidPermission.Duplicate)"
            )
        group[direction].append(permission)
        rule_id = f"{prefix}-{group['GroupId']}-{stack_name}-{logical_id}"
        return rule_id, {"Id": rule_id}

    def update(
        physical_id: str, old_props: Properties, new_props: Properties, stack_name: str
    ) -> Created:
        delete(physical_id, old_props)
        create(physical_id, new_props, stack_name)
        return physical_id, {"Id": physical_id}

    def delete(_physical_id: str, props: Properties) -> None:
        from ministack.services import ec2

        group = ec2._security_groups.get(props.get("GroupId", ""))
        permission = _permission(props)
        if group and permission in group[direction]:
            group[direction].remove(permission)

    return {"create": create, "update": update, "delete": delete}


def _group(props: Properties) -> dict[str, Any]:
    from ministack.services import ec2

    ec2._ensure_defaults_initialized()
    group = ec2._security_groups.get(props.get("GroupId", ""))
    if group is None:
        raise ValueError(
            f"The security group '{props.get('GroupId')}' does not exist "
            "(Service: Ec2, Status Code: 400, Error Code: InvalidGroup.NotFound)"
        )
    return group


def _permission(props: Properties) -> dict[str, Any]:
    from ministack.services.cloudformation import provisioners

    return provisioners._ec2_sg_permissions([props])[0]
