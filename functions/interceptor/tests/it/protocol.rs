//! What the gateway and MCP's own schemas allow, as validators.

use jsonschema::Validator;
use serde_json::Value;
use std::sync::LazyLock;

/// What the gateway takes from an interceptor of requests.
pub(crate) static REQUEST_OUTPUT: LazyLock<Validator> =
    LazyLock::new(|| definition(GATEWAY, "RequestOutput"));
/// What it takes from an interceptor of responses.
pub(crate) static RESPONSE_OUTPUT: LazyLock<Validator> =
    LazyLock::new(|| definition(GATEWAY, "ResponseOutput"));

static LEGACY_ERROR: LazyLock<Validator> =
    LazyLock::new(|| definition(LEGACY, "JSONRPCErrorResponse"));
static LEGACY_URL_ELICITATION: LazyLock<Validator> =
    LazyLock::new(|| definition(LEGACY, "URLElicitationRequiredError"));
static LEGACY_RESULT: LazyLock<Validator> =
    LazyLock::new(|| definition(LEGACY, "JSONRPCResultResponse"));
static LEGACY_TOOL_RESULT: LazyLock<Validator> =
    LazyLock::new(|| definition(LEGACY, "CallToolResult"));
static MODERN_ERROR: LazyLock<Validator> =
    LazyLock::new(|| definition(MODERN, "JSONRPCErrorResponse"));
static MODERN_TOOL_ANSWER: LazyLock<Validator> =
    LazyLock::new(|| definition(MODERN, "CallToolResultResponse"));
static MODERN_PROMPT_ANSWER: LazyLock<Validator> =
    LazyLock::new(|| definition(MODERN, "GetPromptResultResponse"));
static MODERN_RESOURCE_ANSWER: LazyLock<Validator> =
    LazyLock::new(|| definition(MODERN, "ReadResourceResultResponse"));
static MODERN_TOOL_RESULT: LazyLock<Validator> =
    LazyLock::new(|| definition(MODERN, "CallToolResult"));
static MODERN_INPUT_REQUIRED: LazyLock<Validator> =
    LazyLock::new(|| definition(MODERN, "InputRequiredResult"));

/// E1, E2, E3, E10: holds an answer to the schema of the revision that `message` speaks, and to what
/// the specifications say beyond their schemas.
pub(crate) fn check_answer(message: &Value, answer: &Value) -> Result<(), String> {
    let meta = &message["params"]["_meta"];
    let modern = meta["io.modelcontextprotocol/protocolVersion"].is_string();
    let asked_id = &message["id"];
    if !answer["id"].is_null() && answer["id"] != *asked_id {
        return Err(format!("the id {} is not {asked_id}", answer["id"]));
    }
    if answer.get("error").is_some() {
        check(if modern { &MODERN_ERROR } else { &LEGACY_ERROR }, answer)?;
        if answer["error"]["code"] == -32042 {
            if modern {
                return Err("-32042 is not this revision's".into());
            }
            check(&LEGACY_URL_ELICITATION, answer)?;
            let elicitations = answer["error"]["data"]["elicitations"].as_array().unwrap();
            if elicitations.is_empty() || elicitations.iter().any(|e| e["mode"] != "url") {
                return Err("-32042 lists URL elicitations".into());
            }
        }
        return Ok(());
    }
    let result = &answer["result"];
    match (modern, result["resultType"].as_str()) {
        (false, Some(_)) => Err("resultType is unknown to this revision".into()),
        (false, None) => {
            check(&LEGACY_RESULT, answer)?;
            check(&LEGACY_TOOL_RESULT, result)
        }
        (true, Some("input_required")) => {
            let method = match message["method"].as_str() {
                Some("prompts/get") => &MODERN_PROMPT_ANSWER,
                Some("resources/read") => &MODERN_RESOURCE_ANSWER,
                _ => &MODERN_TOOL_ANSWER,
            };
            check(method, answer)?;
            check(&MODERN_INPUT_REQUIRED, result)?;
            check_asked(&meta["io.modelcontextprotocol/clientCapabilities"], result)
        }
        (true, Some("complete")) => {
            check(&MODERN_TOOL_ANSWER, answer)?;
            check(&MODERN_TOOL_RESULT, result)
        }
        (true, other) => Err(format!("resultType is {other:?}")),
    }
}

fn check_asked(capabilities: &Value, result: &Value) -> Result<(), String> {
    let asked = result["inputRequests"].as_object();
    if asked.is_none() && !result["requestState"].is_string() {
        return Err("neither inputRequests nor requestState".into());
    }
    for request in asked.into_iter().flat_map(|asked| asked.values()) {
        let mode = request["params"]["mode"].as_str().unwrap_or("form");
        if !capabilities["elicitation"][mode].is_object() {
            return Err(format!("the client did not declare elicitation.{mode}"));
        }
        if request["params"].get("elicitationId").is_some() {
            return Err("elicitationId is not this revision's".into());
        }
    }
    Ok(())
}

pub(crate) fn check(schema: &Validator, value: &Value) -> Result<(), String> {
    let errors: Vec<_> =
        schema.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

fn definition(schema: &str, name: &str) -> Validator {
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    assert!(schema["$defs"].get(name).is_some(), "there is no {name}");
    schema["$ref"] = format!("#/$defs/{name}").into();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

const GATEWAY: &str = include_str!("../schema/gateway-output.json");
const LEGACY: &str = include_str!("../schema/schema-2025-11-25.json");
const MODERN: &str = include_str!("../schema/schema-2026-07-28.json");
