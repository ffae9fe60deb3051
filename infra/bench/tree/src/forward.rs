//! A call, found in a tree, with a token on it.

use lambda_runtime::Error;
use serde_json::{Value, json};

/// The answer that forwards the call in `event` with `token`. Whatever is no call is an error.
pub(crate) fn forward(mut event: Value, token: &str) -> Result<Value, Error> {
    let body = event.pointer_mut("/mcp/gatewayRequest/body").ok_or("no body")?.take();
    if body["method"] != "tools/call" {
        return Err("not a tool call".into());
    }
    let name = body["params"]["name"].as_str().ok_or("no tool")?;
    name.split_once("___").ok_or("no target")?;
    let mut answer = json!({
        "interceptorOutputVersion": "1.0",
        "mcp": {
            "transformedGatewayRequest": { "headers": { "Authorization": format!("Bearer {token}") } },
        },
    });
    // The macro would copy the whole tree: who knows that moves it, and so costs less.
    answer["mcp"]["transformedGatewayRequest"]["body"] = body;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(body: &Value) -> Value {
        json!({ "mcp": { "gatewayRequest": { "headers": {}, "body": body } } })
    }

    #[test]
    fn a_call_is_forwarded_whole_and_with_the_token() {
        let params = json!({ "name": "github___search", "arguments": { "rows": [{ "id": 1 }] } });
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
        let answer = forward(event(&body), "gho_1").unwrap();
        let request = json!({ "headers": { "Authorization": "Bearer gho_1" }, "body": body });
        let mcp = json!({ "transformedGatewayRequest": request });
        assert_eq!(answer, json!({ "interceptorOutputVersion": "1.0", "mcp": mcp }));
    }

    #[test]
    fn what_is_no_call_of_a_target_is_refused() {
        let of = |method: &str, name| json!({ "method": method, "params": { "name": name } });
        let (list, call) = ("tools/list", "tools/call");
        for body in [of(list, "github___search"), of(call, "search"), json!({ "method": call })] {
            assert!(forward(event(&body), "gho_1").is_err(), "{body}");
        }
        assert!(forward(json!({ "mcp": {} }), "gho_1").is_err());
    }
}
