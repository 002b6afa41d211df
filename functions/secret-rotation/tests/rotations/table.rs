//! A DynamoDB table, as far as documents need one: items by key, and the two conditions under which
//! they are written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};

use crate::secrets_manager::Answer;

/// The conditions of `store::Documents`, word for word: a new one has to be understood here first.
const ABSENT: &str = "attribute_not_exists(#pk) OR #expires_at < :now";
const IN_VERSION: &str =
    "#version = :expected AND (attribute_not_exists(#expires_at) OR #expires_at >= :now)";

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) items: HashMap<String, Value>,
}

impl Table {
    pub(crate) fn put(&mut self, item: &HashMap<String, AttributeValue>) {
        let item: Map<String, Value> =
            item.iter().map(|(name, value)| (name.clone(), wire(value))).collect();
        let item = Value::Object(item);
        self.items.insert(key(&item), item);
    }

    pub(crate) fn answer(&mut self, operation: &str, asked: &Value) -> Answer {
        match operation {
            "GetItem" => Ok(match self.items.get(&key(&asked["Key"])) {
                Some(item) => json!({ "Item": item }),
                None => json!({}),
            }),
            "PutItem" => {
                let item = &asked["Item"];
                let there = self.items.get(&key(item));
                let met = match asked["ConditionExpression"].as_str() {
                    Some(ABSENT) => there.is_none(),
                    Some(IN_VERSION) => there.is_some_and(|there| {
                        there["version"] == asked["ExpressionAttributeValues"][":expected"]
                    }),
                    other => panic!("a condition that this table does not know: {other:?}"),
                };
                if !met {
                    return Err(("ConditionalCheckFailedException", "not met".to_owned()));
                }
                self.items.insert(key(item), item.clone());
                Ok(json!({}))
            }
            "Query" => Ok(json!({ "Items": self.due(asked) })),
            "BatchGetItem" => {
                let tables = asked["RequestItems"].as_object().expect("tables");
                let found = tables.iter().map(|(name, asked)| {
                    let keys = asked["Keys"].as_array().into_iter().flatten();
                    let items: Vec<&Value> =
                        keys.filter_map(|asked| self.items.get(&key(asked))).collect();
                    (name.clone(), json!(items))
                });
                Ok(json!({ "Responses": found.collect::<Map<_, _>>(), "UnprocessedKeys": {} }))
            }
            other => Err(("UnknownOperationException", format!("not in this world: {other}"))),
        }
    }

    /// Has every rollout be over: for tests that are not about it.
    pub(crate) fn settle(&mut self) {
        for item in self.items.values_mut() {
            if let Some(state) = item.pointer_mut("/value/M/state/S")
                && state == "rolling-out"
            {
                *state = json!("settled");
            }
        }
    }

    /// The items that the index of what is due has for a partition, up to a time.
    fn due(&self, asked: &Value) -> Vec<&Value> {
        let name = |name: &str| asked["ExpressionAttributeNames"][name].as_str().expect("a name");
        let value = |name: &str| &asked["ExpressionAttributeValues"][name]["S"];
        let (partition, due) = (name("#partition"), name("#due"));
        let items = self.items.values().filter(|item| {
            item[partition]["S"] == *value(":partition")
                && item[due]["S"].as_str() < value(":until").as_str()
        });
        items.collect()
    }

    /// The item that stood in the way of a write.
    pub(crate) fn in_the_way(&self, asked: &Value) -> Option<&Value> {
        self.items.get(&key(&asked["Item"]))
    }
}

fn key(item: &Value) -> String {
    format!("{} / {}", item["pk"]["S"], item["sk"]["S"])
}

fn wire(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(truth) => json!({ "BOOL": truth }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(wire).collect::<Vec<_>>() }),
        AttributeValue::M(map) => {
            let map: Map<String, Value> =
                map.iter().map(|(name, value)| (name.clone(), wire(value))).collect();
            json!({ "M": map })
        }
        other => panic!("{other:?} is in no record"),
    }
}
