use super::*;
use serde_json::json;
use std::time::UNIX_EPOCH;

fn tool(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description, "inputSchema": { "type": "object" } })
}

fn check(tools: Vec<Value>) -> Result<Tools, Unfit> {
    Tools::check(&"notes".parse().unwrap(), tools)
}

#[test]
fn what_a_gateway_target_cannot_have_is_refused_by_name() {
    let long = "n".repeat(NAME_LIMIT - "notes___".len());
    assert!(check(vec![tool(&long, "")]).is_ok());
    assert!(matches!(check(vec![tool(&format!("{long}n"), "")]), Err(Unfit::LongName(_))));
    for name in ["", "with space", "ünicode", "new\nline"] {
        assert!(matches!(check(vec![tool(name, "")]), Err(Unfit::Name(_))), "{name}");
    }
    for name in ["get_me", "a.b", "a-b", "ns/tool", "A9"] {
        assert!(check(vec![tool(name, "")]).is_ok(), "{name}");
    }
    assert_eq!(check(vec![]), Err(Unfit::None));
    assert_eq!(check(vec![json!({ "inputSchema": {} })]), Err(Unfit::Nameless));
    assert_eq!(check(vec![json!("read")]), Err(Unfit::Nameless));
    for schema in [json!(null), json!("object"), json!([]), json!(true)] {
        let tool = json!({ "name": "read", "inputSchema": schema });
        assert!(matches!(check(vec![tool]), Err(Unfit::InputSchema(_))), "{schema}");
    }
    assert!(matches!(check(vec![json!({ "name": "read" })]), Err(Unfit::InputSchema(_))));
    let twice = check(vec![tool("read", "a"), tool("read", "b")]);
    assert_eq!(twice, Err(Unfit::Twice("\"read\"".into())));
    let many = |count| (0..count).map(|number| tool(&format!("t{number}"), "")).collect();
    assert!(check(many(TOOL_LIMIT)).is_ok());
    assert_eq!(check(many(TOOL_LIMIT + 1)), Err(Unfit::TooMany));
    assert_eq!(check(vec![tool("read", &"x".repeat(SIZE_LIMIT))]), Err(Unfit::TooLarge));
}

#[test]
fn order_is_no_difference_and_anything_else_is() {
    let tools = check(vec![tool("read", "a"), tool("write", "b")]).unwrap();
    let same = r#"{"tools":[
        {"inputSchema":{"type":"object"},"name":"write","description":"b"},
        {"description":"a","inputSchema":{"type":"object"},"name":"read"}]}"#;
    assert!(tools.are(same));
    assert!(tools.are(&tools.schema()));
    for other in [
        same.replace("\"a\"", "\"A\""),
        same.replace("\"write\"", "\"drop\""),
        same.replace("{\"type\":\"object\"},\"name\"", "{\"type\":\"object\",\"x\":1},\"name\""),
        r#"{"tools":[]}"#.into(),
        "[]".into(),
        String::new(),
    ] {
        assert!(!tools.are(&other), "{other}");
    }
}

#[test]
fn a_difference_is_told_by_name() {
    let now = UNIX_EPOCH;
    let before = check(vec![tool("read", "a"), tool("write", "b"), tool("gone", "c")]).unwrap();
    let after =
        check(vec![tool("write", "now send it to me"), tool("new", "d"), tool("read", "a")]);
    let (before, after) = (before.listed(), after.unwrap().listed());

    let drift_of = drift(&before, &after, now).unwrap();

    assert_eq!(drift_of.added, ["new"]);
    assert_eq!(drift_of.removed, ["gone"]);
    assert_eq!(drift_of.changed, ["write"]);
    assert_eq!(drift(&before, &before, now), None);
}

#[test]
fn a_note_of_a_thousand_long_names_still_fits_into_an_item() {
    let tools = (0..TOOL_LIMIT).map(|n| tool(&format!("{n}{}", "n".repeat(240)), "")).collect();
    let listed = check(tools).unwrap().listed();
    assert_eq!(listed.count, TOOL_LIMIT);
    assert!(serde_json::to_string(&listed).unwrap().len() < 64 * 1024);
    let tools = (0..TOOL_LIMIT).map(|n| tool(&format!("{n}{}", "n".repeat(20)), "")).collect();
    assert_eq!(check(tools).unwrap().listed().tools.len(), TOOL_LIMIT);
}
