"""The deployment as a whole: base, what is shared, the functions, and a file that says where all
of it is.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.deploy import base as bases
from localcloud.deploy import functions, inboxes, manifest, shared
from localcloud.deploy.base import Base, Say
from localcloud.deploy.cloud import Cloud

ROOT = Path(__file__).resolve().parents[4]
DEPLOYMENT_FILE = "deployment.json"

# The SaaS Builder Toolkit's defaults; on AWS Terraform's variables have the same.
CONTROL_PLANE_SOURCE = "sbt.control.plane"
EVENT_SOURCE = "sbt.application.plane"


class DeployError(RuntimeError):
    """The suite cannot be deployed; the text says what is missing and what brings it."""


@dataclass(frozen=True)
class Options:
    """What to deploy, and where."""

    state_dir: Path
    catalogue: Path = ROOT / "infra/catalogues/mate.toml"
    # The catalogue's own product by default.
    product: str = ""
    environment: str = "dev"
    packages: Path = ROOT / "target/lambda"
    manifest: Path = ROOT / "infra/manifest.yaml"
    # `path=value`, over what the manifest says.
    settings: list[str] = field(default_factory=list)


def deploy(options: Options, say: Say) -> dict[str, Any]:
    """Deploys the suite and writes `deployment.json`, whose content is the answer."""
    cloud = _cloud(options.state_dir)
    product = options.product or _product_of(options.catalogue)
    prefix = f"caretaker-{product}-{options.environment}"
    domain = f"{options.environment}.{product}.example.com"
    # Read once before the base is known, so that a mistake is told before anything exists.
    suite = _read_manifest(options, _placeholders(cloud, prefix, product, options, domain, None))
    packages = _packages(options.packages, list(suite["functions"]))

    base = bases.create(cloud, product, options.environment, domain, say)
    suite = _read_manifest(options, _placeholders(cloud, prefix, product, options, domain, base))
    shared.create(cloud, suite, prefix, say)
    deployed = {}
    for name, described in suite["functions"].items():
        names = functions.Names.of(prefix, name)
        environment = _environment(cloud, options, suite, described)
        deployed[name] = functions.create(
            cloud, base, prefix, names, described, environment, packages[name], say
        ) | {"environment": environment}
        topic_arns = [cloud.arn("sns", f"{prefix}-{topic}") for topic in described["alarm_topics"]]
        functions.alarms(cloud, names, suite["alarms"], topic_arns, say)
    deployment = {
        "product": product,
        "environment": options.environment,
        "prefix": prefix,
        "endpoint": cloud.endpoint,
        "region": cloud.region,
        "account_id": cloud.account_id,
        "ca_bundle": str(cloud.ca_bundle),
        "catalogue": str(options.catalogue.resolve()),
        "cluster": base.cluster,
        "domain": domain,
        "load_balancer_arn": base.load_balancer_arn,
        "load_balancer_url": cloud.endpoint,
        "table": f"{prefix}-records",
        "event_bus": f"{prefix}-events",
        "event_source": EVENT_SOURCE,
        "control_plane_source": CONTROL_PLANE_SOURCE,
        "topics": {name: cloud.arn("sns", f"{prefix}-{name}") for name in suite["topics"]},
        "inboxes": inboxes.create(cloud, prefix, suite["topics"], say),
        "functions": deployed,
    }
    file = options.state_dir / DEPLOYMENT_FILE
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(deployment, indent=2) + "\n", encoding="utf-8")
    unfinished.replace(file)
    return deployment


def _cloud(state_dir: Path) -> Cloud:
    try:
        return Cloud.of(state_dir)
    except FileNotFoundError:
        raise DeployError(
            f"no local cloud runs on {state_dir}: "
            f"start one with `python -m localcloud up --state {state_dir}`"
        ) from None


def _product_of(catalogue: Path) -> str:
    try:
        product = tomllib.loads(catalogue.read_text(encoding="utf-8")).get("product")
    except FileNotFoundError:
        shipped = ", ".join(str(file) for file in sorted(ROOT.glob("infra/catalogues/*.toml")))
        raise DeployError(f"there is no catalogue {catalogue}; these ship: {shipped}") from None
    except tomllib.TOMLDecodeError as error:
        raise DeployError(f"{catalogue} is no TOML: {error}") from None
    if not isinstance(product, str):
        raise DeployError(f'{catalogue} names no product: it needs a line `product = "…"`')
    return product


def _packages(folder: Path, names: list[str]) -> dict[str, Path]:
    """The zip of every function in the manifest."""
    packages = {name: (folder / name / "bootstrap.zip").resolve() for name in names}
    missing = [str(package) for package in packages.values() if not package.is_file()]
    if missing:
        raise DeployError(f"not built yet: {', '.join(missing)}; `make package` builds them")
    return packages


def _read_manifest(options: Options, values: Mapping[str, str]) -> dict[str, Any]:
    suite = manifest.load(options.manifest, values)
    manifest.set_values(suite, options.settings)
    return suite


def _environment(
    cloud: Cloud, options: Options, suite: Mapping[str, Any], described: Mapping[str, Any]
) -> dict[str, str]:
    """A function's wiring, and the variables that only the local cloud sets."""
    return {
        **suite["environment"],
        **described["environment"],
        # One zip serves every catalogue here; on AWS it lies beside the binary.
        "CARETAKER_CATALOGUE": str(options.catalogue.resolve()),
        # Databases and caches here have certificates of the cloud's own authority.
        "CARETAKER_DATABASE_CA_FILE": str(cloud.ca_bundle),
        "CARETAKER_CACHE_CA_FILE": str(cloud.ca_bundle),
        # An imitation, never Slack itself; PagerDuty's address is one of the manifest's own.
        "CARETAKER_SLACK_URL": f"{cloud.sinks()['slack']}/api",
    }


def _placeholders(
    cloud: Cloud, prefix: str, product: str, options: Options, domain: str, base: Base | None
) -> dict[str, str]:
    """What the manifest's placeholders stand for; the base's are empty while there is none."""

    def of_base(name: str) -> str:
        value = getattr(base, name) if base else ""
        return ",".join(value) if isinstance(value, list) else value

    groups = base.security_group_ids if base else {}
    load_balancer_arn = of_base("load_balancer_arn")
    return {
        "prefix": prefix,
        "product": product,
        "environment": options.environment,
        "partition": "aws",
        "region": cloud.region,
        "account_id": cloud.account_id,
        "queues_url": f"{cloud.endpoint}/{cloud.account_id}",
        "control_plane_bus": f"{prefix}-events",
        "control_plane_source": CONTROL_PLANE_SOURCE,
        "event_source": EVENT_SOURCE,
        # Alerts go to the imitations here, never to the services themselves.
        "pagerduty_url": cloud.sinks()["pagerduty"],
        "vpc_id": of_base("vpc_id"),
        "private_subnet_ids": of_base("private_subnet_ids"),
        "database_subnet_ids": of_base("database_subnet_ids"),
        "cluster": of_base("cluster"),
        "listener_arn": of_base("listener_arn"),
        # `app/name/id`, which metrics and rules' ARNs use.
        "load_balancer_name": load_balancer_arn.partition(":loadbalancer/")[2],
        "load_balancer_dns": of_base("load_balancer_dns"),
        "load_balancer_zone_id": of_base("load_balancer_zone_id"),
        "load_balancer_security_group_id": groups.get("load-balancer", ""),
        "caretaker_security_group_id": groups.get("caretaker", ""),
        "hosted_zone_id": of_base("hosted_zone_id"),
        "domain": domain,
        "kms_key_arn": of_base("kms_key_arn"),
        "file_system_id": of_base("file_system_id"),
        "file_system_security_group_id": groups.get("files", ""),
        "provisioning_role_arn": cloud.arn("iam", f"role/{prefix}-provisioning"),
        "image_registry": f"{cloud.account_id}.dkr.ecr.{cloud.region}.amazonaws.com",
    }
