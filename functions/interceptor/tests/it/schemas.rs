//! The validators of [`crate::protocol`] are worth something: they refuse what is wrong.

use crate::protocol::{REQUEST_OUTPUT, RESPONSE_OUTPUT, check, check_answer};
use serde_json::{Value, json};

/// A message, its right answer, and where it is spoilt and how.
type Case<'a> = (&'a Value, &'a Value, &'a [(&'a str, Value)]);

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let legacy = json!({ "id": 7, "method": "tools/call", "params": { "name": "a___b" } });
    let mut modern = legacy.clone();
    modern["params"]["_meta"] = crate::world::modern();
    let elicitation = json!({
        "mode": "url",
        "elicitationId": "e",
        "url": "https://broker.example/authorize/a?ticket=t",
        "message": "Connect.",
    });
    let legacy_ask = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "error": { "code": -32042, "message": "m", "data": { "elicitations": [elicitation] } },
    });
    let modern_ask = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "result": {
            "resultType": "input_required",
            "inputRequests": { "k": { "method": "elicitation/create", "params": {
                "mode": "url",
                "url": "https://broker.example/authorize/a?ticket=t",
                "message": "Connect.",
            } } },
            "requestState": "s",
        },
    });
    let text = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "result": { "content": [{ "type": "text", "text": "t" }], "isError": true },
    });
    let mut modern_text = text.clone();
    modern_text["result"]["resultType"] = "complete".into();

    let asked = "/result/inputRequests/k/params";
    let cases: [Case<'_>; 4] = [
        (
            &legacy,
            &legacy_ask,
            &[
                ("/jsonrpc", json!("1.0")),
                ("/id", json!(8)),
                ("/id", json!("7")),
                ("/error/message", json!(null)),
                ("/error/data", json!({})),
                ("/error/data/elicitations", json!([])),
                ("/error/data/elicitations/0/elicitationId", json!(null)),
                ("/error/data/elicitations/0/url", json!("not a URL")),
                ("/error/data/elicitations/0/mode", json!("form")),
            ],
        ),
        (
            &modern,
            &modern_ask,
            &[
                ("/result/resultType", json!("complete")),
                ("/result/resultType", json!(1)),
                ("/result/requestState", json!(1)),
                ("/result/inputRequests/k/method", json!("elicit")),
                (asked, json!({ "mode": "url", "message": "m" })),
                (asked, json!({ "message": "m", "requestedSchema": { "type": "object" } })),
                (&format!("{asked}/url"), json!("not a URL")),
            ],
        ),
        (
            &legacy,
            &text,
            &[
                ("/result/content", json!("t")),
                ("/result/content/0/type", json!("words")),
                ("/result/content/0/text", json!(1)),
                ("/result/isError", json!("true")),
            ],
        ),
        (
            &modern,
            &modern_text,
            &[
                ("/result/resultType", json!("input_required")),
                ("/result/content", json!(null)),
                ("/result/content/0/text", json!(1)),
            ],
        ),
    ];
    for (message, right, wrongs) in cases {
        check_answer(message, right).unwrap();
        for (place, wrong) in wrongs {
            let mut spoilt = right.clone();
            *spoilt.pointer_mut(place).unwrap() = wrong.clone();
            check_answer(message, &spoilt)
                .expect_err(&format!("{place} = {wrong} is let through in {spoilt}"));
        }
    }
    check_answer(&modern, &legacy_ask).unwrap_err();
    check_answer(&legacy, &modern_ask).unwrap_err();
    check_answer(&legacy, &modern_text).unwrap_err();
    check_answer(&modern, &text).unwrap_err();
    modern["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
        json!({ "elicitation": {} });
    check_answer(&modern, &modern_ask).unwrap_err();
}

#[test]
fn the_gateways_contract_refuses_what_is_wrong() {
    let onward = |request: Value| {
        let output = json!({
            "interceptorOutputVersion": "1.0",
            "mcp": { "transformedGatewayRequest": request },
        });
        check(&REQUEST_OUTPUT, &output)
    };
    let bearer = json!({ "Authorization": "Bearer t" });
    onward(json!({ "body": {} })).unwrap();
    onward(json!({ "headers": bearer, "body": {} })).unwrap();
    for wrong in [
        json!({ "body": null }),
        json!({ "body": "{}" }),
        json!({}),
        json!({ "headers": null, "body": {} }),
        json!({ "headers": {}, "body": {} }),
        json!({ "headers": { "Authorization": "Bearer " }, "body": {} }),
        json!({ "headers": { "Authorization": "Bearer t\n" }, "body": {} }),
        json!({ "headers": { "Authorization": "Bearer t", "Host": "h" }, "body": {} }),
        json!({ "path": "/mcp", "body": {} }),
    ] {
        onward(wrong.clone()).expect_err(&wrong.to_string());
    }
    let back = |response: &Value| {
        let output = json!({
            "interceptorOutputVersion": "1.0",
            "mcp": { "transformedGatewayResponse": response },
        });
        (check(&REQUEST_OUTPUT, &output), check(&RESPONSE_OUTPUT, &output))
    };
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    assert_eq!(back(&json!({ "statusCode": 200, "body": answer })), (Ok(()), Ok(())));
    for wrong in [
        json!({ "statusCode": 401, "body": answer }),
        json!({ "statusCode": "200", "body": answer }),
        json!({ "body": answer }),
        json!({ "statusCode": 200, "body": {} }),
        json!({ "statusCode": 200, "headers": {}, "body": answer }),
        json!({ "statusCode": 200, "body": { "jsonrpc": "2.0", "id": null, "error": {} } }),
    ] {
        back(&wrong).0.expect_err(&wrong.to_string());
    }
    for wrong in [
        json!({ "interceptorOutputVersion": "1.0" }),
        json!({ "interceptorOutputVersion": "1.0", "mcp": {} }),
        json!({ "interceptorOutputVersion": "1.0", "http": {}, "mcp": {} }),
        json!({ "interceptorOutputVersion": 1.0, "http": {} }),
        json!({ "interceptorOutputVersion": "1.0", "http": {}, "decision": "deny" }),
    ] {
        check(&REQUEST_OUTPUT, &wrong).expect_err(&wrong.to_string());
        check(&RESPONSE_OUTPUT, &wrong).expect_err(&wrong.to_string());
    }
}
