//! CloudFormation's intrinsic functions, and logical ids: the few words that all template
//! modules speak.

use serde_json::{Value, json};

/// `{"Ref": name}`: a parameter's value, or a resource's own idea of its name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// `{"Fn::GetAtt": [id, attribute]}`
pub(super) fn attribute(id: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [id, attribute] })
}

/// `{"Fn::Sub": text}`: `${Name}` and `${Name.Attribute}` are replaced.
pub(super) fn sub(text: impl Into<String>) -> Value {
    json!({ "Fn::Sub": text.into() })
}

/// A text that may hold `${…}`, said as simply as possible: a plain string without one, `Ref` or
/// `Fn::GetAtt` if there is nothing else, `Fn::Sub` otherwise. `${!` stands for `${` itself.
pub(super) fn text(text: &str) -> Value {
    let mut has_names = false;
    names_in_text(text, &mut |_| has_names = true);
    if !has_names {
        return text.replace("${!", "${").into();
    }
    let only = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    match only.filter(|name| !name.contains('$')) {
        Some(name) => match name.split_once('.') {
            Some((id, of)) => attribute(id, of),
            None => reference(name),
        },
        None => sub(text),
    }
}

/// A piece of text that stands for itself in [`text`], whatever is in it.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "${!")
}

/// `{"Fn::If": [condition, then, otherwise]}`
pub(super) fn choose(condition: &str, then: &Value, otherwise: &Value) -> Value {
    json!({ "Fn::If": [condition, then, otherwise] })
}

/// The dynamic reference to one key of a JSON secret: CloudFormation reads the secret while it
/// works, so that the value is in no template, parameter or event. The logical id stands for
/// the secret's ARN.
pub(super) fn secret_value(secret_id: &str, key: &str) -> Value {
    sub(format!("{{{{resolve:secretsmanager:${{{secret_id}}}:SecretString:{key}}}}}"))
}

/// An ARN in this region and account: `arn("rds", "db:x")`.
pub(super) fn arn(service: &str, resource: &str) -> Value {
    sub(format!(
        "arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"
    ))
}

/// A JSON document inside a string, such as an alarm's description. Sorted, because whether
/// `serde_json` keeps or sorts keys is for any crate in the build to switch.
pub(super) fn document(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

/// A word of the catalogue as a part of a logical id, which has letters and digits only:
/// `celery-beat` becomes `CeleryBeat`.
pub(super) fn pascal(word: &str) -> String {
    word.split(|c: char| !c.is_ascii_alphanumeric())
        .flat_map(|part| {
            let mut characters = part.chars();
            characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters)
        })
        .collect()
}

/// The names that a part of a template speaks of through `Ref`, `Fn::Sub` and `Fn::If`:
/// parameters, resources and conditions alike. `Fn::GetAtt` only ever speaks of resources and is
/// left out.
pub(super) fn names_used(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_used(item, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    // Resources name their condition in a string; IAM's conditions are objects.
                    ("Ref" | "Condition", Value::String(name)) => found(name),
                    ("Fn::Sub", Value::String(text)) => names_in_text(text, found),
                    ("Fn::If", Value::Array(parts)) => {
                        if let Some(name) = parts.first().and_then(Value::as_str) {
                            found(name);
                        }
                        names_used(value, found);
                    }
                    _ => names_used(value, found),
                }
            }
        }
        _ => {}
    }
}

/// The `${Name}`s of an `Fn::Sub`; `${!Literal}` is none.
fn names_in_text(text: &str, found: &mut impl FnMut(&str)) {
    for part in text.split("${").skip(1) {
        let name = part.split(['}', '.']).next().unwrap_or_default();
        if !name.starts_with('!') {
            found(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_catalogue_becomes_part_of_a_logical_id() {
        for (word, id) in [("django", "Django"), ("celery-beat", "CeleryBeat"), ("a_1", "A1")] {
            assert_eq!(pascal(word), id);
        }
    }

    #[test]
    fn a_text_is_said_as_simply_as_possible() {
        for (written, value) in [
            ("plain", json!("plain")),
            (&literal("a ${literal}"), json!("a ${literal}")),
            ("${Name}", json!({"Ref": "Name"})),
            ("${AWS::Region}", json!({"Ref": "AWS::Region"})),
            ("${Id.Attribute}", json!({"Fn::GetAtt": ["Id", "Attribute"]})),
            ("${One}${Two}", json!({"Fn::Sub": "${One}${Two}"})),
            ("rediss://${Host}", json!({"Fn::Sub": "rediss://${Host}"})),
            (&format!("{}${{Name}}", literal("${x}")), json!({"Fn::Sub": "${!x}${Name}"})),
        ] {
            assert_eq!(text(written), value, "{written}");
        }
    }

    #[test]
    fn a_secret_is_resolved_by_cloudformation_not_by_us() {
        assert_eq!(
            secret_value("CacheTokenSecret", "token"),
            json!({"Fn::Sub": "{{resolve:secretsmanager:${CacheTokenSecret}:SecretString:token}}"}),
        );
    }

    #[test]
    fn names_are_found_wherever_they_are_used() {
        let value = json!([
            {"A": {"Ref": "One"}},
            {"Fn::Sub": "x ${Two} ${Three.Arn} ${!Not} ${AWS::Region}"},
            {"Fn::If": ["Four", {"Ref": "Five"}, "y"]},
            {"Condition": "Six", "Policy": {"Condition": {"Bool": "no"}}},
        ]);
        let mut found = Vec::new();
        names_used(&value, &mut |name| found.push(name.to_owned()));
        assert_eq!(found, ["One", "Two", "Three", "AWS::Region", "Four", "Five", "Six"]);
    }
}
