"""The way from the deployment to a running local cloud: where it is, and clients for it."""

from __future__ import annotations

import functools
import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# The cloud is on this machine: what takes longer than this is stuck.
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Cloud:
    """A running local cloud, as its `localcloud.json` describes it."""

    state_dir: Path
    endpoint: str
    region: str
    account_id: str
    ca_bundle: Path
    session: boto3.Session

    @classmethod
    def of(cls, state_dir: Path) -> Cloud:
        """The cloud whose state folder this is; a `FileNotFoundError` where none runs."""
        described = json.loads((state_dir / "localcloud.json").read_text(encoding="utf-8"))
        admin = described["admin"]
        return cls(
            state_dir=state_dir,
            endpoint=described["endpoint"],
            region=described["region"],
            account_id=described["account_id"],
            ca_bundle=Path(described["ca_bundle"]),
            session=boto3.Session(
                aws_access_key_id=admin["access_key_id"],
                aws_secret_access_key=admin["secret_access_key"],
                region_name=described["region"],
            ),
        )

    def client(self, service: str) -> Any:
        """A client of one service, with the administrator's rights."""
        return _client(self, service)

    def sinks(self) -> dict[str, str]:
        """Where Slack, PagerDuty and others are imitated, by name: plain HTTP on this machine."""
        with urllib.request.urlopen(
            f"{self.endpoint}/_localcloud/sinks", timeout=TIMEOUT_SECONDS
        ) as answer:
            return {name: sink["plain_url"] for name, sink in json.load(answer).items()}

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this account and region."""
        region = "" if service == "iam" else self.region
        return f"arn:aws:{service}:{region}:{self.account_id}:{resource}"


@functools.cache
def _client(cloud: Cloud, service: str) -> Any:
    return cloud.session.client(
        service,
        endpoint_url=cloud.endpoint,
        config=Config(
            connect_timeout=TIMEOUT_SECONDS,
            read_timeout=TIMEOUT_SECONDS,
            retries={"mode": "standard", "max_attempts": 3},
        ),
    )


def already_there(error: ClientError, *codes: str) -> bool:
    """Whether an error says no more than that the thing exists; all others are real."""
    return error.response["Error"]["Code"] in codes
