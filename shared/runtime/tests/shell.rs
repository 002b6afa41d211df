//! The shell as a process: a real function, started as Lambda starts it, seen from Lambda's side
//! and in its logs.

// Said for clippy, which lets tests alone unwrap: it looks for this mark.
#[cfg(test)]
mod support;

use serde_json::{Value, json};
use support::{Function, TRACE};

const WIRED: &[(&str, &str)] = &[("CARETAKER_GREETING", "hello")];

fn batch(bodies: &[&str]) -> Value {
    let records: Vec<Value> =
        bodies.iter().map(|body| json!({ "messageId": body, "body": body })).collect();
    json!({ "Records": records })
}

#[test]
fn a_poisoned_record_fails_alone_and_the_log_says_where_it_panicked() {
    let event = batch(&["one", "panic poisoned", "two", "gone"]);
    let function = Function::start(&[event], WIRED);

    let (what, answer) = function.told();
    assert_eq!(what, "req-1/response");
    let failures = json!([{ "itemIdentifier": "gone" }, { "itemIdentifier": "panic poisoned" }]);
    let mut reported = answer["batchItemFailures"].as_array().unwrap().clone();
    reported.sort_by_key(ToString::to_string);
    assert_eq!(Value::Array(reported), failures);

    let panic = function.line("panicked: poisoned");
    assert_eq!(panic["level"], "ERROR");
    assert_eq!(panic["message_id"], "panic poisoned");
    assert_eq!(panic["tenant"], "demo");
    assert!(panic["panic_location"].as_str().unwrap().contains("records.rs:"), "{panic}");
}

#[test]
fn every_line_of_an_invocation_says_whose_it_is() {
    let function = Function::start(&[batch(&["one"]), batch(&["two"])], WIRED);
    for (request_id, cold_start) in [("req-1", true), ("req-2", false)] {
        let line = function.line("done");
        assert_eq!(line["function"], "records");
        assert_eq!(line["request_id"], request_id);
        assert_eq!(line["cold_start"], cold_start);
        assert_eq!(line["xray_trace_id"], TRACE);
        assert_eq!(line["receive_count"], 1);
        assert_eq!(line["greeting_bytes"], 3);
        assert_eq!(line["target"], "records");
    }
}

#[test]
fn a_failed_invocation_is_logged_once_and_answered_with_its_name_and_reason() {
    let function = Function::start(&[batch(&[]), batch(&["one"])], WIRED);
    let (what, answer) = function.told();
    assert_eq!(what, "req-1/error");
    assert_eq!(answer["errorType"], "NothingToDo");
    assert_eq!(answer["errorMessage"], "the batch has no records; send at least one");

    let errors: Vec<Value> =
        function.lines_until("done").into_iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0]["error_type"], "NothingToDo");
    assert_eq!(errors[0]["request_id"], "req-1");
}

#[test]
fn an_event_that_cannot_be_read_fails_its_invocation_and_not_the_function() {
    let function = Function::start(&[json!({ "Records": "none" }), batch(&["one"])], WIRED);
    let (what, answer) = function.told();
    assert_eq!(what, "req-1/error");
    assert!(answer["errorMessage"].as_str().unwrap().contains("Records"), "{answer}");
    assert_eq!(function.told(), ("req-2/response".to_owned(), json!({ "batchItemFailures": [] })));
}

#[test]
fn a_function_that_is_wired_wrongly_tells_lambda_everything_that_is_wrong_and_ends() {
    let function = Function::start(&[], &[("CARETAKER_LIMIT", "many")]);
    let (what, told) = function.told();
    assert_eq!(what, "init/error");
    assert_eq!(told["errorType"], "WiringError");
    let message = told["errorMessage"].as_str().unwrap();
    assert!(message.contains("missing or empty are CARETAKER_GREETING;"), "{message}");
    assert!(message.contains("CARETAKER_LIMIT is invalid"), "{message}");
    assert_eq!(function.line("the function cannot start")["error"], message);
    assert_eq!(function.exit().code(), Some(1));
}

#[test]
fn a_function_started_by_hand_says_how_to_start_it() {
    let function = Function::start_outside_lambda(WIRED);
    let line = function.line("the function cannot start");
    assert_eq!(line["error_type"], "NotInLambda");
    assert!(line["error"].as_str().unwrap().contains("AWS_LAMBDA_RUNTIME_API missing"), "{line}");
    assert_eq!(function.exit().code(), Some(1));
}

#[test]
fn an_idle_function_ends_at_once_when_asked_to() {
    let function = Function::start(&[batch(&["one"])], WIRED);
    function.line("done");
    function.told();
    function.terminate();
    assert_eq!(function.line("shutting down")["signal"], "SIGTERM");
    assert_eq!(function.exit().code(), Some(0));
}

#[test]
fn a_function_that_is_asked_to_end_answers_the_invocation_in_hand_first() {
    let folder = std::env::temp_dir().join(format!("caretaker-shell-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("go-on");
    let function = Function::start(&[batch(&[&format!("until {}", file.display())])], WIRED);
    function.line("waiting");
    function.terminate();
    function.line("asked to end");
    std::fs::write(&file, "").unwrap();
    assert_eq!(function.told(), ("req-1/response".to_owned(), json!({ "batchItemFailures": [] })));
    assert_eq!(function.exit().code(), Some(0));
    std::fs::remove_dir_all(&folder).unwrap();
}
