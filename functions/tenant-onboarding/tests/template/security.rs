//! Who reaches what: secrets, networks, roles, transport.

use serde_json::{Value, json};

use crate::cases::{Case, rendered, visit};

#[test]
fn no_template_holds_a_secret() {
    for case in rendered() {
        visit(case.template.body(), &mut |key, value| match key {
            "MasterUserPassword" | "AuthToken" => {
                let text = value["Fn::Sub"].as_str().unwrap_or_default();
                let is_reference = text.starts_with("{{resolve:secretsmanager:${");
                assert!(is_reference, "{key} of {} is {value}", case.path());
            }
            "SecretString" => panic!("{} writes a secret down", case.path()),
            "GenerateStringKey" => {
                let known = ["password", "token", "key"].map(Value::from);
                assert!(known.contains(value), "{value}");
            }
            _ => {}
        });
        for secret in case.of_type("AWS::SecretsManager::Secret") {
            let generate = &secret["GenerateSecretString"];
            assert!(generate["PasswordLength"].as_u64().unwrap() >= 32, "{}", case.path());
            assert_eq!(generate["ExcludePunctuation"], true);
            let template = &generate["SecretStringTemplate"];
            let template = template.as_str().or_else(|| template["Fn::Sub"].as_str()).unwrap();
            let template: Value = serde_json::from_str(template).unwrap();
            // What is made up is made up by Secrets Manager, not written beside it.
            let key = generate["GenerateStringKey"].as_str().unwrap();
            assert!(template.get(key).is_none(), "{}: {template}", case.path());
        }
    }
}

#[test]
fn a_container_gets_its_secrets_by_reference_only() {
    for container in containers() {
        for variable in container["Environment"].as_array().into_iter().flatten() {
            let name = variable["Name"].as_str().unwrap();
            let is_secret =
                ["PASSWORD", "TOKEN", "SECRET", "_KEY"].iter().any(|w| name.contains(w));
            assert!(!is_secret, "{name} is a plain variable");
        }
        for secret in container["Secrets"].as_array().into_iter().flatten() {
            let from = secret["ValueFrom"]["Fn::Sub"].as_str().unwrap();
            assert!(from.starts_with("${") && from.ends_with("::"), "{from}");
        }
    }
}

#[test]
fn nobody_but_caretaker_reads_the_master_secret() {
    for case in rendered().iter().filter(|case| case.stack == "app") {
        assert!(!case.template.to_json().contains("Master"), "{}", case.path());
    }
}

#[test]
fn security_groups_let_in_groups_and_never_addresses() {
    for case in rendered() {
        for group in case.of_type("AWS::EC2::SecurityGroup") {
            for rule in group["SecurityGroupIngress"].as_array().into_iter().flatten() {
                assert!(rule["SourceSecurityGroupId"].is_object(), "{rule}");
                for address in ["CidrIp", "CidrIpv6", "SourcePrefixListId"] {
                    assert!(rule.get(address).is_none(), "{}: {rule}", case.path());
                }
                assert_eq!(rule["FromPort"], rule["ToPort"], "one port: {rule}");
            }
        }
        if case.stack == "data" {
            let database = case.properties("DatabaseSecurityGroup");
            let sources: Vec<&Value> = database["SecurityGroupIngress"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| &rule["SourceSecurityGroupId"])
                .collect();
            let expected = [
                json!({"Fn::GetAtt": ["AppSecurityGroup", "GroupId"]}),
                json!({"Ref": "CaretakerSecurityGroupId"}),
            ];
            assert_eq!(sources, expected.iter().collect::<Vec<_>>(), "{}", case.path());
        }
    }
}

#[test]
fn nothing_is_reached_without_tls() {
    for case in rendered().iter().filter(|case| case.stack == "data") {
        let settings = &case.settings;
        let parameters = &case.properties("DatabaseParameters")["Parameters"];
        let enforced = if settings.database.engine.is_postgres() {
            &parameters["rds.force_ssl"]
        } else {
            &parameters["require_secure_transport"]
        };
        assert!(*enforced == "1" || *enforced == "ON", "{}: {parameters}", case.path());
        for cache in case.of_type("AWS::ElastiCache::ReplicationGroup") {
            assert_eq!(cache["TransitEncryptionEnabled"], true);
            assert_eq!(cache["TransitEncryptionMode"], "required");
        }
        let policies = case.of_type("AWS::S3::BucketPolicy");
        assert_eq!(policies.len(), settings.buckets.len(), "one policy for each bucket");
        for policy in policies {
            let statement = &policy["PolicyDocument"]["Statement"][0];
            assert_eq!(statement["Effect"], "Deny");
            assert_eq!(statement["Condition"]["Bool"]["aws:SecureTransport"], "false");
        }
    }
}

#[test]
fn everything_at_rest_is_encrypted_with_the_key() {
    let key = json!({"Ref": "KmsKeyArn"});
    for case in rendered().iter().filter(|case| case.stack == "data") {
        let database = case.properties("Database");
        assert_eq!(database["StorageEncrypted"], true);
        assert_eq!(database["KmsKeyId"], key);
        for kind in ["AWS::ElastiCache::ReplicationGroup", "AWS::SecretsManager::Secret"] {
            for properties in case.of_type(kind) {
                assert_eq!(properties["KmsKeyId"], key, "{kind} of {}", case.path());
            }
        }
        for bucket in case.of_type("AWS::S3::Bucket") {
            let rules = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"];
            let default = &rules[0]["ServerSideEncryptionByDefault"];
            assert_eq!(default["KMSMasterKeyID"], key, "{}", case.path());
            for block in bucket["PublicAccessBlockConfiguration"].as_object().unwrap().values() {
                assert_eq!(*block, true, "{}", case.path());
            }
        }
    }
}

/// Every statement that allows something, with the role it is part of.
fn statements(case: &Case) -> Vec<&Value> {
    let roles = case.of_type("AWS::IAM::Role");
    let policies = roles.into_iter().filter_map(|role| role["Policies"].as_array()).flatten();
    policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap()).collect()
}

#[test]
fn a_role_may_do_little_and_to_its_own_only() {
    for case in rendered() {
        for statement in statements(&case) {
            let actions: Vec<&str> =
                statement["Action"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            assert!(actions.iter().all(|action| !action.contains('*')), "{statement}");
            if statement["Resource"] == "*" {
                assert_eq!(actions, ["ecr:GetAuthorizationToken"], "{statement}");
            }
            if actions.iter().any(|action| action.starts_with("kms:")) {
                // The key is shared by all tenants, so the encryption context tells them apart.
                let context = statement["Condition"]["StringLike"].to_string();
                assert!(context.contains(case.tenant.names().base()), "{statement}");
            }
            if actions.iter().any(|action| action.starts_with("s3:")) {
                let resource = statement["Resource"].to_string();
                assert!(resource.contains(case.tenant.names().base()), "{statement}");
            }
        }
    }
}

/// Every container of every product.
fn containers() -> Vec<Value> {
    let cases = rendered();
    let definitions = cases.iter().flat_map(|case| case.of_type("AWS::ECS::TaskDefinition"));
    definitions.map(|definition| definition["ContainerDefinitions"][0].clone()).collect()
}

#[test]
fn a_container_is_not_root_and_writes_where_it_may_only() {
    assert!(!containers().is_empty());
    for container in containers() {
        assert_eq!(container["ReadonlyRootFilesystem"], true);
        let user = container["User"].as_str().unwrap();
        assert!(!user.starts_with("0:") && user != "0" && !user.starts_with("root"), "{user}");
        assert_eq!(container["LinuxParameters"]["InitProcessEnabled"], true);
        for field in ["Privileged", "LinuxParameters.Capabilities"] {
            assert!(container.get(field).is_none(), "{container}");
        }
    }
}
