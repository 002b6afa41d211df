"""Puts the suite onto a running local cloud, from the same manifest that Terraform reads.

Plain boto3 against the cloud's endpoint, so that nothing here depends on what answers it. Every
step says what it does and can be repeated: what is there already is brought up to date.
"""

from localcloud.deploy.command import main
from localcloud.deploy.manifest import ManifestError
from localcloud.deploy.suite import DeployError, Options, deploy

__all__ = ["DeployError", "ManifestError", "Options", "deploy", "main"]
