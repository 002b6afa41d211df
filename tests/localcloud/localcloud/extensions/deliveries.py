"""EventBridge asks before it delivers, as SNS and S3 do in MiniStack already.

On AWS a rule reaches a queue, a topic or a function only when the receiver's own policy lets
``events.amazonaws.com`` in, for that rule. Otherwise the event goes to the target's dead-letter
queue, or nowhere: a mistake that one finds weeks later. With IAM enforced it is so here too.

EventBridge Scheduler goes another way: it takes the role that the schedule names, and what that
role may do decides.
"""

from __future__ import annotations

import logging
from typing import Any

from localcloud.settings import ACCOUNT_ID, REGION, Settings

logger = logging.getLogger("localcloud")

SERVICE_PRINCIPAL = "events.amazonaws.com"
SCHEDULER_PRINCIPAL = "scheduler.amazonaws.com"
# What a schedule's role must be allowed, by the receiver's service.
ROLE_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}


def install(settings: Settings) -> None:
    """Put the question before every delivery; without IAM enforced there is none."""
    if not settings.authentication:
        return
    from ministack.services import eventbridge

    invoke = eventbridge._invoke_target

    def invoke_if_allowed(
        target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None
    ) -> None:
        if _allowed(target, rule):
            invoke(target, event, rule, view)
            return
        logger.warning(
            "%s may not deliver to %s: no policy allows it", rule.get("Arn"), target.get("Arn")
        )
        dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
        if dead_letters:
            instead = {"Arn": dead_letters, "RoleArn": target.get("RoleArn")}
            if _allowed(instead, rule):
                invoke(instead, event, rule, view)

    eventbridge._invoke_target = invoke_if_allowed


def _allowed(target: dict[str, Any], rule: dict[str, Any]) -> bool:
    target_arn, rule_arn = str(target.get("Arn", "")), str(rule.get("Arn", ""))
    if rule_arn.startswith("arn:aws:scheduler:"):
        return _role_allows(str(target.get("RoleArn", "")), target_arn)
    return _receiver_allows(target_arn, rule_arn)


def _role_allows(role_arn: str, target_arn: str) -> bool:
    """Whether the schedule's role may be taken by the scheduler, and may do what is asked."""
    from ministack.services import iam

    role = iam._roles.get(role_arn.rsplit("/", 1)[-1])
    if _action(target_arn) is None:
        return True
    if role is None or SCHEDULER_PRINCIPAL not in str(role.get("AssumeRolePolicyDocument")):
        return False
    return role_may_deliver(role_arn, target_arn)


def role_may_deliver(role_arn: str, target_arn: str) -> bool:
    """Whether the role's policies let it bring something to this receiver."""
    from ministack.core import iam_evaluator

    role_name, action = role_arn.rsplit("/", 1)[-1], _action(target_arn)
    if action is None:
        return True
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=ACCOUNT_ID,
        action=action,
        resource_arn=target_arn,
        region=REGION,
    )
    policies = iam_evaluator._gather_role_policies(role_name, ACCOUNT_ID)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")


def _action(target_arn: str) -> str | None:
    """What whoever delivers there must be allowed; None for services that nobody asks."""
    return ROLE_ACTIONS.get(target_arn.split(":")[2] if target_arn.count(":") > 2 else "")


def _receiver_allows(target_arn: str, rule_arn: str) -> bool:
    """Whether the receiver's policy admits this rule; receivers without a policy need none."""
    from ministack.services import sns, sqs

    service = target_arn.split(":")[2] if target_arn.count(":") > 2 else ""
    if service == "sqs":
        return bool(sqs.queue_policy_allows(target_arn, SERVICE_PRINCIPAL, rule_arn, ACCOUNT_ID))
    if service == "sns":
        return bool(sns.topic_policy_allows(target_arn, SERVICE_PRINCIPAL, rule_arn, ACCOUNT_ID))
    if service == "lambda":
        return function_allows(target_arn, SERVICE_PRINCIPAL, rule_arn)
    return True


def function_allows(function_arn: str, service: str, source_arn: str) -> bool:
    """Whether the function's own policy lets this service invoke it on behalf of the source."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.services import lambda_svc

    found = lambda_svc.function_policy_for_arn(function_arn)
    if found is None:
        return False
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=REGION,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": ACCOUNT_ID},
    )
    decision = evaluate_resource_policy(found[0], context, service=service).decision
    return bool(decision == "Allow")
