# Creates what the manifest lists, no more and no less. Here is what the functions share; each
# function with what belongs to it is in functions.tf.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

data "aws_lb_listener" "tenants" {
  arn = var.listener_arn
}

data "aws_lb" "tenants" {
  arn = data.aws_lb_listener.tenants.load_balancer_arn
}

locals {
  prefix     = "caretaker-${var.product}-${var.environment}"
  partition  = data.aws_partition.this.partition
  region     = data.aws_region.this.region
  account_id = data.aws_caller_identity.this.account_id

  # Which things there are: known even while the base they go into is still being planned, as
  # for_each demands. The placeholders in it are not filled in.
  outline = yamldecode(file("${path.module}/manifest.yaml"))

  # What the things are like.
  manifest = yamldecode(templatefile("${path.module}/manifest.yaml", {
    prefix      = local.prefix
    product     = var.product
    environment = var.environment
    partition   = local.partition
    region      = local.region
    account_id  = local.account_id
    queues_url  = "https://sqs.${local.region}.${data.aws_partition.this.dns_suffix}/${local.account_id}"

    control_plane_bus    = coalesce(var.control_plane_bus_name, "${local.prefix}-events")
    control_plane_source = var.control_plane_source
    event_source         = var.event_source

    pagerduty_url = { us = "https://events.pagerduty.com", eu = "https://events.eu.pagerduty.com" }[var.pagerduty_region]

    vpc_id                          = var.vpc_id
    private_subnet_ids              = join(",", var.private_subnet_ids)
    database_subnet_ids             = join(",", var.database_subnet_ids)
    cluster                         = var.cluster_name
    listener_arn                    = var.listener_arn
    load_balancer_name              = data.aws_lb.tenants.arn_suffix
    load_balancer_dns               = data.aws_lb.tenants.dns_name
    load_balancer_zone_id           = data.aws_lb.tenants.zone_id
    load_balancer_security_group_id = var.load_balancer_security_group_id
    caretaker_security_group_id     = aws_security_group.functions.id
    hosted_zone_id                  = var.hosted_zone_id
    domain                          = var.domain
    kms_key_arn                     = var.kms_key_arn
    file_system_id                  = var.file_system_id
    file_system_security_group_id   = var.file_system_security_group_id
    provisioning_role_arn           = "arn:${local.partition}:iam::${local.account_id}:role/${local.prefix}-provisioning"
    image_registry                  = coalesce(var.image_registry, "${local.account_id}.dkr.ecr.${local.region}.${data.aws_partition.this.dns_suffix}")
  }))

  tags = merge(
    { Product = var.product, Environment = var.environment, ManagedBy = "terraform" },
    var.tags,
  )
}

# ── Network ───────────────────────────────────────────────────────────────────────────────────────

# The functions' own: tenants' databases let it in.
resource "aws_security_group" "functions" {
  name        = "${local.prefix}-functions"
  description = "Caretaker's functions; allowed to reach tenants' databases"
  vpc_id      = var.vpc_id
  tags        = local.tags
}

resource "aws_vpc_security_group_egress_rule" "functions" {
  security_group_id = aws_security_group.functions.id
  description       = "AWS's endpoints and tenants' databases"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

# ── Tables, buses, topics ─────────────────────────────────────────────────────────────────────────

resource "aws_dynamodb_table" "this" {
  for_each = local.outline.tables

  name                        = "${local.prefix}-${each.key}"
  billing_mode                = each.value.billing_mode
  hash_key                    = each.value.partition_key
  range_key                   = each.value.sort_key
  deletion_protection_enabled = each.value.deletion_protection

  dynamic "attribute" {
    for_each = toset(concat(
      [each.value.partition_key, each.value.sort_key],
      flatten([for index in each.value.global_secondary_indexes : [index.partition_key, index.sort_key]]),
    ))
    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.global_secondary_indexes
    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.partition_key
      range_key       = global_secondary_index.value.sort_key
      projection_type = global_secondary_index.value.projection
    }
  }

  ttl {
    enabled        = true
    attribute_name = each.value.ttl_attribute
  }

  point_in_time_recovery {
    enabled = each.value.point_in_time_recovery
  }

  tags = local.tags
}

resource "aws_cloudwatch_event_bus" "this" {
  for_each = local.outline.event_buses

  name = "${local.prefix}-${each.key}"
  tags = local.tags
}

resource "aws_sns_topic" "this" {
  for_each = local.outline.topics

  name         = "${local.prefix}-${each.key}"
  display_name = each.value.display_name
  tags         = local.tags
}

# ── Roles that AWS's services take on Caretaker's behalf ──────────────────────────────────────────

data "aws_iam_policy_document" "trust" {
  for_each = local.outline.roles

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }
  }
}

resource "aws_iam_role" "service" {
  for_each = local.outline.roles

  name               = "${local.prefix}-${each.key}"
  description        = each.value.description
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
  tags               = local.tags
}

resource "aws_iam_role_policy" "service" {
  for_each = local.outline.roles

  name = "caretaker"
  role = aws_iam_role.service[each.key].name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.manifest.roles[each.key].policy
  })
}
