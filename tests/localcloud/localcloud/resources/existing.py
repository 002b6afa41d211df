"""What exists already, and what is not empty.

AWS does not adopt a resource that somebody else has made: creating one of the same name fails, and
the rollback leaves the other one alone. MiniStack's stacks overwrite some types and would delete
them with the stack. Nor does AWS delete a bucket that holds objects.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud.resources import Created, Handlers, Properties


def types() -> dict[str, Handlers]:
    """The types of this module."""
    from ministack.services import alb, cloudwatch, cloudwatch_logs, iam, sqs
    from ministack.services.cloudformation import provisioners

    names: dict[str, tuple[str, Callable[[str], bool]]] = {
        "AWS::CloudWatch::Alarm": ("AlarmName", lambda name: name in cloudwatch._alarms),
        "AWS::CloudWatch::Dashboard": (
            "DashboardName",
            lambda name: name in cloudwatch._dashboards,
        ),
        "AWS::ElasticLoadBalancingV2::TargetGroup": (
            "Name",
            lambda name: any(one["TargetGroupName"] == name for one in alb._tgs.values()),
        ),
        "AWS::IAM::Role": ("RoleName", lambda name: name in iam._roles),
        "AWS::Logs::LogGroup": ("LogGroupName", lambda name: name in cloudwatch_logs._log_groups),
        "AWS::SQS::Queue": ("QueueName", lambda name: name in sqs._queue_name_to_url),
    }
    handlers = {
        resource_type: {
            "create": _refusing(
                resource_type,
                provisioners._RESOURCE_HANDLERS[resource_type]["create"],
                property_name,
                taken,
            )
        }
        for resource_type, (property_name, taken) in names.items()
    }
    delete_bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"]
    return {**handlers, "AWS::S3::Bucket": {"delete": _keeping_full_buckets(delete_bucket)}}


def _refusing(
    resource_type: str,
    create: Callable[..., Created],
    property_name: str,
    taken: Callable[[str], bool],
) -> Callable[..., Created]:
    def create_new(logical_id: str, props: Properties, stack_name: str) -> Created:
        name = props.get(property_name)
        if name and taken(str(name)):
            raise ValueError(
                f"Resource handler returned message: \"Resource of type '{resource_type}' with "
                f"identifier '{json.dumps({property_name: name})}' already exists.\" "
                "(HandlerErrorCode: AlreadyExists)"
            )
        return create(logical_id, props, stack_name)

    return create_new


def _keeping_full_buckets(delete: Callable[..., Any]) -> Callable[..., None]:
    def delete_empty(physical_id: str, props: Properties) -> None:
        from ministack.services import s3

        bucket = s3._buckets.get(physical_id)
        if bucket and (bucket["objects"] or s3._bucket_has_versions(physical_id)):
            raise ValueError(
                "The bucket you tried to delete is not empty. You must delete all versions in the "
                "bucket. (Service: S3, Status Code: 409, Error Code: BucketNotEmpty)"
            )
        delete(physical_id, props)

    return delete_empty
