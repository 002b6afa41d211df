"""Queues that keep what Caretaker publishes, so that a test or a person can read it.

In the local cloud only: on AWS whoever wants to know subscribes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from localcloud.deploy.base import Say
from localcloud.deploy.cloud import Cloud
from localcloud.deploy.queues import allow, queue


def create(cloud: Cloud, prefix: str, topics: Iterable[str], say: Say) -> dict[str, str]:
    """An inbox for each topic and one for the bus, by name with its queue's URL."""
    inboxes = {}
    for topic in topics:
        inboxes[topic] = _of_topic(cloud, f"{prefix}-{topic}")
        say("inbox", f"{prefix}-{topic}-inbox")
    inboxes["events"] = _of_bus(cloud, f"{prefix}-events")
    say("inbox", f"{prefix}-events-inbox")
    return inboxes


def _of_topic(cloud: Cloud, topic: str) -> str:
    topic_arn = cloud.arn("sns", topic)
    inbox_arn = cloud.arn("sqs", f"{topic}-inbox")
    policy = allow(inbox_arn, {"sns.amazonaws.com": [topic_arn]})
    url = queue(cloud, f"{topic}-inbox", {"Policy": policy})
    # Subscribing twice gives the first subscription again.
    cloud.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=inbox_arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    return url


def _of_bus(cloud: Cloud, bus: str) -> str:
    events = cloud.client("events")
    rule = f"{bus}-inbox"
    inbox_arn = cloud.arn("sqs", rule)
    policy = allow(inbox_arn, {"events.amazonaws.com": [cloud.arn("events", f"rule/{bus}/{rule}")]})
    url = queue(cloud, rule, {"Policy": policy})
    # Every event has a version: this matches all of them.
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps({"version": ["0"]}))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "inbox", "Arn": inbox_arn}])
    return url
