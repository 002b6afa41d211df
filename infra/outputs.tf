output "function_names" {
  description = "The functions' names, by their keys in the manifest"
  value       = { for key, function in aws_lambda_function.this : key => function.function_name }
}

output "function_arns" {
  description = "The functions' ARNs, by their keys in the manifest"
  value       = { for key, function in aws_lambda_function.this : key => function.arn }
}

output "queue_urls" {
  description = "Where requests are sent, by function"
  value       = { for key, queue in aws_sqs_queue.this : key => queue.url }
}

output "dead_letter_queue_urls" {
  description = "Where what could not be done waits for a person, by function"
  value       = { for key, queue in aws_sqs_queue.dead_letters : key => queue.url }
}

output "table_name" {
  description = "The table of tenant records and their journals"
  value       = aws_dynamodb_table.this["records"].name
}

output "event_bus_name" {
  description = "The bus that Caretaker publishes on"
  value       = aws_cloudwatch_event_bus.this["events"].name
}

output "notification_topic_arn" {
  description = "What happened to tenants; the function that sends alerts listens to it, subscribe whoever else wants to know"
  value       = aws_sns_topic.this["notifications"].arn
}

output "alarm_topic_arn" {
  description = "What a person has to look at; the function that sends alerts listens to it"
  value       = aws_sns_topic.this["alarms"].arn
}

output "alert_mail_topic_arn" {
  description = "Alerts by e-mail, and the alarms of the function that sends alerts; subscribe those who read them"
  value       = aws_sns_topic.this["alert-mail"].arn
}

output "functions_security_group_id" {
  description = "The functions' own security group, which tenants' databases let in"
  value       = aws_security_group.functions.id
}
