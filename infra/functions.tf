# One of each for every function in the manifest: queue and dead-letter queue, role, function,
# event source, rules, subscriptions, permissions to call it, and alarms.

locals {
  functions = keys(local.outline.functions)

  # "tenant-onboarding-sweep" → its function and its rule.
  rules = merge([
    for function, described in local.outline.functions : {
      for rule in keys(described.rules) : "${function}-${rule}" => { function = function, rule = rule }
    }
  ]...)

  # "alert-fanout-alarms" → its function and the topic that it listens to.
  subscriptions = merge([
    for function, described in local.outline.functions : {
      for topic in described.topics : "${function}-${topic}" => { function = function, topic = topic }
    }
  ]...)

  # "secret-rotation-secrets-manager" → its function and who may call it.
  invokers = merge([
    for function, described in local.outline.functions : {
      for invoker in keys(described.invoked_by) : "${function}-${invoker}" => { function = function, invoker = invoker }
    }
  ]...)

  alarms = {
    for pair in setproduct(local.functions, keys(local.outline.alarms)) :
    join("-", pair) => { function = pair[0], alarm = pair[1] }
  }
}

# ── Queues ────────────────────────────────────────────────────────────────────────────────────────

resource "aws_sqs_queue" "dead_letters" {
  for_each = toset(local.functions)

  name                      = "${local.prefix}-${each.key}-dead-letters"
  message_retention_seconds = local.outline.functions[each.key].queue.dead_letter_retention_seconds
  sqs_managed_sse_enabled   = true
  tags                      = local.tags
}

resource "aws_sqs_queue" "this" {
  for_each = toset(local.functions)

  name                       = "${local.prefix}-${each.key}"
  visibility_timeout_seconds = local.outline.functions[each.key].queue.visibility_timeout_seconds
  message_retention_seconds  = local.outline.functions[each.key].queue.message_retention_seconds
  sqs_managed_sse_enabled    = true
  tags                       = local.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[each.key].arn
    maxReceiveCount     = local.outline.functions[each.key].queue.max_receive_count
  })
}

# The function's own rules and topics may send, to the queue and, where that fails, to the dead
# letters.
data "aws_iam_policy_document" "queue" {
  for_each = merge(
    { for function in local.functions : function => { function = function, queue_arn = aws_sqs_queue.this[function].arn } },
    { for function in local.functions : "${function}-dead-letters" => { function = function, queue_arn = aws_sqs_queue.dead_letters[function].arn } },
  )

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [each.value.queue_arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for key, rule in local.rules : aws_cloudwatch_event_rule.this[key].arn if rule.function == each.value.function]
    }
  }

  dynamic "statement" {
    for_each = length(local.outline.functions[each.value.function].topics) > 0 ? [true] : []
    content {
      actions   = ["sqs:SendMessage"]
      resources = [each.value.queue_arn]

      principals {
        type        = "Service"
        identifiers = ["sns.amazonaws.com"]
      }

      condition {
        test     = "ArnEquals"
        variable = "aws:SourceArn"
        values   = [for topic in local.outline.functions[each.value.function].topics : aws_sns_topic.this[topic].arn]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = toset(local.functions)

  queue_url = aws_sqs_queue.this[each.key].url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

resource "aws_sqs_queue_policy" "dead_letters" {
  for_each = toset(local.functions)

  queue_url = aws_sqs_queue.dead_letters[each.key].url
  policy    = data.aws_iam_policy_document.queue["${each.key}-dead-letters"].json
}

# ── Roles ─────────────────────────────────────────────────────────────────────────────────────────

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each = toset(local.functions)

  name               = "${local.prefix}-${each.key}"
  description        = local.outline.functions[each.key].description
  assume_role_policy = data.aws_iam_policy_document.lambda.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "function" {
  for_each = toset(local.functions)

  name = "caretaker"
  role = aws_iam_role.function[each.key].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.manifest.functions[each.key].policy
  })
}

# ── Functions ─────────────────────────────────────────────────────────────────────────────────────

resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(local.functions)

  name              = "/aws/lambda/${local.prefix}-${each.key}"
  retention_in_days = local.outline.functions[each.key].log_retention_days
  tags              = local.tags
}

resource "aws_lambda_function" "this" {
  for_each = toset(local.functions)

  function_name                  = "${local.prefix}-${each.key}"
  description                    = local.outline.functions[each.key].description
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  filename                       = "${var.packages_path}/${each.key}/bootstrap.zip"
  source_code_hash               = filebase64sha256("${var.packages_path}/${each.key}/bootstrap.zip")
  memory_size                    = local.outline.functions[each.key].memory_mb
  timeout                        = local.outline.functions[each.key].timeout_seconds
  reserved_concurrent_executions = local.outline.functions[each.key].reserved_concurrency
  tags                           = local.tags

  environment {
    # An empty value is null in YAML; a variable that may be empty is quoted there.
    variables = merge(local.manifest.environment, local.manifest.functions[each.key].environment)
  }

  tracing_config {
    mode = "Active"
  }

  dynamic "vpc_config" {
    for_each = local.outline.functions[each.key].vpc ? [true] : []
    content {
      subnet_ids         = var.private_subnet_ids
      security_group_ids = [aws_security_group.functions.id]
    }
  }

  # Lambda would make a log group without retention, and checks the role's rights to a VPC.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.function]
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each = toset(local.functions)

  event_source_arn                   = aws_sqs_queue.this[each.key].arn
  function_name                      = aws_lambda_function.this[each.key].arn
  batch_size                         = local.outline.functions[each.key].queue.event_source.batch_size
  maximum_batching_window_in_seconds = local.outline.functions[each.key].queue.event_source.maximum_batching_window_seconds
  function_response_types            = local.outline.functions[each.key].queue.event_source.function_response_types
  tags                               = local.tags

  scaling_config {
    maximum_concurrency = local.outline.functions[each.key].queue.event_source.maximum_concurrency
  }
}

# ── Rules ─────────────────────────────────────────────────────────────────────────────────────────

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name                = "${local.prefix}-${each.key}"
  description         = local.outline.functions[each.value.function].rules[each.value.rule].description
  event_bus_name      = local.manifest.functions[each.value.function].rules[each.value.rule].bus
  schedule_expression = try(local.outline.functions[each.value.function].rules[each.value.rule].schedule_expression, null)
  event_pattern = (
    can(local.outline.functions[each.value.function].rules[each.value.rule].event_pattern)
    ? jsonencode(local.manifest.functions[each.value.function].rules[each.value.rule].event_pattern)
    : null
  )
  tags = local.tags

  depends_on = [aws_cloudwatch_event_bus.this]
}

resource "aws_cloudwatch_event_target" "queue" {
  for_each = local.rules

  target_id      = "queue"
  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = aws_cloudwatch_event_rule.this[each.key].event_bus_name
  arn            = aws_sqs_queue.this[each.value.function].arn
  input = (
    can(local.outline.functions[each.value.function].rules[each.value.rule].input)
    ? jsonencode(local.outline.functions[each.value.function].rules[each.value.rule].input)
    : null
  )

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters[each.value.function].arn
  }
}

# ── Topics ────────────────────────────────────────────────────────────────────────────────────────

# Wrapped as SNS wraps it: the topic, the subject and the time are half of what is said.
resource "aws_sns_topic_subscription" "queue" {
  for_each = local.subscriptions

  topic_arn            = aws_sns_topic.this[each.value.topic].arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this[each.value.function].arn
  raw_message_delivery = false
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters[each.value.function].arn })

  depends_on = [aws_sqs_queue_policy.this, aws_sqs_queue_policy.dead_letters]
}

# ── Who may call a function beside its queue ──────────────────────────────────────────────────────

resource "aws_lambda_permission" "this" {
  for_each = local.invokers

  statement_id   = each.value.invoker
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this[each.value.function].function_name
  principal      = local.manifest.functions[each.value.function].invoked_by[each.value.invoker].principal
  source_account = try(local.manifest.functions[each.value.function].invoked_by[each.value.invoker].source_account, null)
  source_arn     = try(local.manifest.functions[each.value.function].invoked_by[each.value.invoker].source_arn, null)
}

# ── Alarms ────────────────────────────────────────────────────────────────────────────────────────

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = local.outline.alarms[each.value.alarm].description
  alarm_actions       = [for topic in local.outline.functions[each.value.function].alarm_topics : aws_sns_topic.this[topic].arn]
  ok_actions          = [for topic in local.outline.functions[each.value.function].alarm_topics : aws_sns_topic.this[topic].arn]
  namespace           = local.outline.alarms[each.value.alarm].namespace
  metric_name         = local.outline.alarms[each.value.alarm].metric_name
  statistic           = local.outline.alarms[each.value.alarm].statistic
  period              = local.outline.alarms[each.value.alarm].period
  evaluation_periods  = local.outline.alarms[each.value.alarm].evaluation_periods
  comparison_operator = local.outline.alarms[each.value.alarm].comparison_operator
  threshold           = local.outline.alarms[each.value.alarm].threshold
  treat_missing_data  = "notBreaching"
  tags                = local.tags

  dimensions = {
    function          = { FunctionName = "${local.prefix}-${each.value.function}" }
    queue             = { QueueName = "${local.prefix}-${each.value.function}" }
    dead_letter_queue = { QueueName = "${local.prefix}-${each.value.function}-dead-letters" }
  }[local.outline.alarms[each.value.alarm].of]
}
