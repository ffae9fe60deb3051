use super::json;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Asked {
    issuer: String,
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn p3_a_document_with_128_levels_is_not_read() {
    assert!(json::<Value>(nested(127).as_bytes()).is_ok());
    assert!(json::<Value>(nested(128).as_bytes()).is_err());
}

#[test]
fn p3_nor_one_whose_depth_is_where_nobody_looks() {
    let document = |levels| format!(r#"{{"issuer":"a","x":{}}}"#, nested(levels));
    // The object is a level, too.
    assert_eq!(json::<Asked>(document(126).as_bytes()).unwrap().issuer, "a");
    for levels in [127, 100_000] {
        assert!(json::<Asked>(document(levels).as_bytes()).is_err(), "{levels}");
    }
}
