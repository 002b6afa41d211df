"""Queues that can be made twice, and the policies that let AWS's services send to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from localcloud.deploy.cloud import Cloud, already_there


def queue(cloud: Cloud, name: str, attributes: dict[str, Any]) -> str:
    """Makes a queue or gives an existing one these attributes; the answer is its URL."""
    sqs = cloud.client("sqs")
    as_text = {key: str(value) for key, value in attributes.items()}
    try:
        return sqs.create_queue(QueueName=name, Attributes=as_text)["QueueUrl"]
    except ClientError as error:
        if not already_there(error, "QueueAlreadyExists", "QueueNameExists"):
            raise
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=as_text)
    return url


def allow(queue_arn: str, senders: Mapping[str, list[str]]) -> str:
    """The queue policy that lets these services send, on behalf of these rules or topics only."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": source_arns}},
                }
                for service, source_arns in senders.items()
                if source_arns
            ],
        }
    )
