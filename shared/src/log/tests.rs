use super::*;
use lambda_runtime::Context;
use lambda_runtime::layers::trace::request_span;
use serde_json::{Value, json};
use std::sync::Arc;
use tracing::{debug, error, info, info_span, warn};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for &Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines that `say` leaves.
fn lines(level: LevelFilter, say: impl FnOnce()) -> Vec<Value> {
    let written = Written::default();
    tracing::subscriber::with_default(Log::new(level, written.clone()), say);
    let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(written.is_empty() || written.ends_with('\n'));
    written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn invocation(request_id: &str, trace_id: Option<&str>) -> tracing::Span {
    let mut context = Context::default();
    context.request_id = request_id.to_owned();
    context.xray_trace_id = trace_id.map(str::to_owned);
    request_span(&context)
}

#[test]
fn a_line_has_its_level_its_fields_and_the_request_id() {
    let lines = lines(LevelFilter::INFO, || {
        let _entered = invocation("8a5c", Some("Root=1-2")).entered();
        let target_name = "a\"b\u{1b}\n";
        info!(outcome = "forwarded", %target_name, tries = 2_u64, lag = -1, late = true, "went \"on\"");
    });
    assert_eq!(
        lines,
        [json!({
            "level": "INFO",
            "fields": {
                "message": "went \"on\"",
                "outcome": "forwarded",
                "target_name": "a\"b\u{1b}\n",
                "tries": 2,
                "lag": -1,
                "late": true,
            },
            "span": {
                "requestId": "8a5c",
                "xrayTraceId": "Root=1-2",
                "name": "Lambda runtime invoke",
            },
        })]
    );
}

#[test]
fn an_error_is_told_in_its_own_words() {
    let lines = lines(LevelFilter::INFO, || {
        let error = io::Error::other("no answer");
        let error: &(dyn std::error::Error + 'static) = &error;
        error!(error, again = ?Some(1), share = 0.5);
    });
    let fields = json!({ "error": "no answer", "again": "Some(1)", "share": 0.5 });
    assert_eq!(lines, [json!({ "level": "ERROR", "fields": fields })]);
}

#[test]
fn what_is_below_the_level_leaves_no_line_and_the_rest_keeps_its_request_id() {
    let lines = lines(LevelFilter::WARN, || {
        let _entered = invocation("8a5c", None).entered();
        debug!("too small");
        info!("too small");
        warn!("a warning");
    });
    let span = json!({ "requestId": "8a5c", "name": "Lambda runtime invoke" });
    let fields = json!({ "message": "a warning" });
    assert_eq!(lines, [json!({ "level": "WARN", "fields": fields, "span": span })]);
}

#[test]
fn a_line_is_of_the_invocation_in_which_it_is_said() {
    let lines = lines(LevelFilter::INFO, || {
        info!("before");
        let first = invocation("first", Some("Root=1-2"));
        first.in_scope(|| info!("within"));
        info!("between");
        let second = invocation("second", None);
        second.in_scope(|| info!("within"));
        // What is left of the first is not part of the second.
        first.in_scope(|| info!("left over"));
        second.in_scope(|| info!("within"));
    });
    let named = |line: &Value| line["span"]["requestId"].as_str().map(str::to_owned);
    let named: Vec<_> = lines.iter().map(named).collect();
    let [first, second] = ["first", "second"].map(|name| Some(name.to_owned()));
    assert_eq!(named, [None, first, None, second.clone(), None, second]);
    assert_eq!(lines[3]["span"].get("xrayTraceId"), None);
}

#[test]
fn the_spans_of_others_are_in_no_line() {
    let lines = lines(LevelFilter::INFO, || {
        let _entered = invocation("8a5c", None).entered();
        let sdk = info_span!("DynamoDB.GetItem", requestId = "of the SDK");
        assert!(sdk.is_disabled());
        sdk.in_scope(|| warn!("slow"));
    });
    assert_eq!(lines[0]["span"]["requestId"], "8a5c");
}
