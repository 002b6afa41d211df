# ── What is deployed ──────────────────────────────────────────────────────────────────────────────

variable "product" {
  description = "The product whose tenants are looked after, as its catalogue names it"
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9])+$", var.product)) && length(var.product) <= 12
    error_message = "A product's name has 2 to 12 lower-case letters, digits and single hyphens, such as \"mate\"."
  }
}

variable "environment" {
  description = "The environment whose tenants are looked after, as the catalogue names it"
  type        = string

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9])+$", var.environment)) && length(var.environment) <= 7
    error_message = "An environment's name has 2 to 7 lower-case letters, digits and single hyphens, such as \"dev\" or \"prod\"."
  }
}

variable "packages_path" {
  description = "Where `make package` put the functions: <packages_path>/<function>/bootstrap.zip"
  type        = string
}

variable "architecture" {
  description = "The processor that the packages are built for: x86_64, or arm64 for ARCH=arm64"
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Lambda knows the architectures x86_64 and arm64."
  }
}

variable "tags" {
  description = "Tags for everything, beside Product, Environment and ManagedBy"
  type        = map(string)
  default     = {}
}

# ── What it is deployed into ──────────────────────────────────────────────────────────────────────

variable "vpc_id" {
  description = "The VPC of the product's environment"
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets for tenants' tasks and for the functions; they need a way to AWS's endpoints"
  type        = list(string)
}

variable "database_subnet_ids" {
  description = "Subnets for tenants' databases and caches, in two zones at least"
  type        = list(string)
}

variable "cluster_name" {
  description = "The ECS cluster of the environment"
  type        = string
}

variable "listener_arn" {
  description = "The listener of the application load balancer that tenants share"
  type        = string
}

variable "load_balancer_security_group_id" {
  description = "The load balancer's security group, from which tenants' services may be reached"
  type        = string
}

variable "hosted_zone_id" {
  description = "The Route 53 zone for tenants' host names"
  type        = string
}

variable "domain" {
  description = "The domain under which tenants get their host names: demo.<domain>"
  type        = string
}

variable "kms_key_arn" {
  description = "The key for tenants' databases, buckets and secrets"
  type        = string
}

variable "file_system_id" {
  description = "The EFS file system for tenants' files; empty where the catalogue asks for none"
  type        = string
  default     = ""
}

variable "file_system_security_group_id" {
  description = "The file system's security group; empty where there is no file system"
  type        = string
  default     = ""
}

variable "image_registry" {
  description = "The registry of the application's images; the account's own ECR by default"
  type        = string
  default     = null
}

# ── Where alerts go ───────────────────────────────────────────────────────────────────────────────

variable "pagerduty_region" {
  description = "PagerDuty's service region of the account, \"us\" or \"eu\"; events of the one are refused by the other"
  type        = string
  default     = "us"

  validation {
    condition     = contains(["us", "eu"], var.pagerduty_region)
    error_message = "PagerDuty has the service regions \"us\" and \"eu\"; an account in the EU is at <name>.eu.pagerduty.com."
  }
}

# ── The control plane ─────────────────────────────────────────────────────────────────────────────

variable "control_plane_bus_name" {
  description = "The event bus that requests arrive on; Caretaker's own by default"
  type        = string
  default     = null
}

variable "control_plane_source" {
  description = "The source of the control plane's events; the SaaS Builder Toolkit's by default"
  type        = string
  default     = "sbt.control.plane"
}

variable "event_source" {
  description = "The source that Caretaker's own events name; the SaaS Builder Toolkit's application plane by default"
  type        = string
  default     = "sbt.application.plane"
}
