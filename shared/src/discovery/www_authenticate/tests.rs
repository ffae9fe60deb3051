use super::*;
use http::HeaderValue;

/// `scheme name=value name=value; scheme ..` of what was read.
fn read(header: &str) -> String {
    let shown = |challenge: Challenge| {
        let mut text = challenge.scheme;
        text.extend(challenge.token68.map(|token| format!(" [{token}]")));
        text.extend(challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}")));
        text
    };
    challenges(header).into_iter().map(shown).collect::<Vec<_>>().join("; ")
}

fn merged(headers: &[&str]) -> WwwAuthenticate {
    let mut map = HeaderMap::new();
    for header in headers {
        map.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(header.as_bytes()).unwrap());
    }
    WwwAuthenticate::read(&map)
}

#[test]
fn d1_the_grammar() {
    for (header, expected) in [
        ("Bearer", "Bearer"),
        ("Bearer realm=\"a\"", "Bearer realm=a"),
        ("Bearer realm=a, scope=\"b c\"", "Bearer realm=a scope=b c"),
        ("Bearer realm = \"a\" ,\tscope\t=\tb", "Bearer realm=a scope=b"),
        ("Basic realm=a, Bearer scope=b", "Basic realm=a; Bearer scope=b"),
        ("Negotiate, Bearer scope=b", "Negotiate; Bearer scope=b"),
        ("Negotiate YWJj==, Bearer scope=b", "Negotiate [YWJj==]; Bearer scope=b"),
        ("NTLM YW/+._~-", "NTLM [YW/+._~-]"),
        ("Bearer scope=\"a, Basic realm=b\"", "Bearer scope=a, Basic realm=b"),
        (r#"Bearer realm="say \"hi\", \\o/", scope=a"#, r#"Bearer realm=say "hi", \o/ scope=a"#),
        (",, ,Bearer ,, scope=a, ,", "Bearer scope=a"),
        ("Bearer scope=\"\"", "Bearer scope="),
        ("", ""),
    ] {
        assert_eq!(read(header), expected, "{header}");
    }
}

#[test]
fn d1_what_servers_send_besides() {
    for (header, expected) in [
        ("Bearer realm=\"a\" scope=\"b\"", "Bearer realm=a scope=b"),
        ("Bearer, realm=\"a\"", "Bearer realm=a"),
        (
            "Bearer resource_metadata=https://a.example/.well-known/x?y=1, scope=b",
            "Bearer resource_metadata=https://a.example/.well-known/x?y=1 scope=b",
        ),
        ("Bearer error=x, scope=, realm=a", "Bearer error=x scope= realm=a"),
        ("Bearer realm=\"\u{fc}\", scope=a", "Bearer realm=\u{fc} scope=a"),
    ] {
        assert_eq!(read(header), expected, "{header}");
    }
}

#[test]
fn d1_hostile_headers_say_nothing_that_they_do_not_say() {
    for (header, expected) in [
        // What a quoted text holds is text.
        ("\"Bearer scope=a\"", ""),
        ("\"\\\"Bearer scope=a\" Basic", "Basic"),
        ("Basic realm=\"Bearer scope=a", "Basic"),
        ("Basic realm=\"x\\\", Bearer scope=a", "Basic"),
        ("Bearer scope=\"a", "Bearer"),
        ("Bearer scope=\"a\\", "Bearer"),
        ("scope=a", ""),
        ("=a", "a"),
        ("\u{0}\u{1f}()<>@:;[]{}/?", ""),
        ("Bearer\u{a0}scope=a", "Bearer scope=a"),
    ] {
        assert_eq!(read(header), expected, "{header}");
    }
}

#[test]
fn d1_a_parameter_that_is_given_twice_is_not_believed() {
    let says = merged(&["Bearer scope=a, SCOPE=b, error=x"]);
    assert_eq!(says.scope, None);
    assert_eq!(says.error.as_deref(), Some("x"));
}

#[test]
fn d1_several_headers_and_challenges_in_any_order_and_case() {
    let expected = WwwAuthenticate {
        resource_metadata: Some("https://a.example/m".into()),
        scope: Some("a b".into()),
        error: Some("insufficient_scope".into()),
    };
    for headers in [
        &[
            "Bearer error=\"insufficient_scope\", scope=\"a b\", resource_metadata=\"https://a.example/m\"",
        ] as &[&str],
        &["bEARER Scope=\"a b\", Resource_Metadata=https://a.example/m, ERROR=insufficient_scope"],
        &[
            "Basic realm=\"x\", scope=\"no\", error=no",
            "Bearer scope=\"a b\", error=insufficient_scope, resource_metadata=\"https://a.example/m\"",
        ],
        &[
            "Bearer error=insufficient_scope, DPoP algs=\"ES256\", scope=no",
            "Bearer realm=x, resource_metadata=\"https://a.example/m\"",
            "BEARER scope=\"a b\"",
        ],
        &[
            "DPoP resource_metadata=\"https://a.example/m\", Bearer scope=\"a b\", error=insufficient_scope",
        ],
    ] {
        assert_eq!(merged(headers), expected, "{headers:?}");
    }
    assert!(expected.wants_more());
    assert_eq!(merged(&[]), WwwAuthenticate::default());
}

#[test]
fn a_bearer_challenge_counts_more_than_others() {
    let says = merged(&["DPoP resource_metadata=no", "Bearer resource_metadata=yes"]);
    assert_eq!(says.resource_metadata.as_deref(), Some("yes"));
}

/// Marsaglia's xorshift: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap() % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

#[test]
fn d1_whatever_is_written_by_the_grammar_is_read() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..20_000 {
        let mut header = String::new();
        let mut expected = Vec::new();
        for _ in 0..numbers.below(4) {
            let scheme = numbers.pick(&["Bearer", "bearer", "Basic", "DPoP", "x-!#$"]);
            let mut challenge =
                Challenge { scheme: scheme.into(), parameters: vec![], token68: None };
            header.push_str(numbers.pick(&["", " ", ",", "\t, "]));
            header.push_str(if expected.is_empty() { "" } else { "," });
            header.push_str(scheme);
            if numbers.below(5) == 0 {
                let token = numbers.pick(&["YWJj", "YQ==", "a.b-c~d+e/f="]);
                header.extend([" ", token]);
                challenge.token68 = Some(token.into());
            }
            let parameters = if challenge.token68.is_some() { 0 } else { numbers.below(4) };
            for position in 0..parameters {
                let name = numbers.pick(&["scope", "Realm", "resource_metadata", "error"]);
                let value = numbers.pick(&["a", "a b", "", "x\"y", "\\", ",", "Bearer z=1", "=="]);
                let quoted = format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
                let written = if value == "a" { numbers.pick(&["a", "\"a\""]) } else { &quoted };
                let equals = numbers.pick(&["=", " =", "= ", "\t=\t"]);
                let before = if position == 0 { " " } else { numbers.pick(&[",", " , ", ",,"]) };
                header.extend([before, name, equals, written]);
                challenge.parameters.push((name.into(), value.into()));
            }
            expected.push(challenge);
        }
        assert_eq!(challenges(&header), expected, "{header}");
    }
}

#[test]
fn d1_any_text_has_a_result_that_is_no_longer_than_itself() {
    let pieces = [
        "Bearer",
        "scope",
        "=",
        "==",
        "\"",
        "\\",
        ",",
        " ",
        "\t",
        "a",
        "/",
        ":",
        "\u{0}",
        "\u{e9}",
        "\u{1f600}",
        "\"a\"",
        "\\\"",
        "resource_metadata=\"https://a.example\"",
    ];
    let mut numbers = Numbers(42);
    for _ in 0..50_000 {
        let header: String = (0..numbers.below(30)).map(|_| numbers.pick(&pieces)).collect();
        let found = challenges(&header);
        let text = |challenge: &Challenge| {
            let parameters =
                challenge.parameters.iter().map(|(name, value)| name.len() + value.len());
            challenge.scheme.len()
                + challenge.token68.as_ref().map_or(0, String::len)
                + parameters.sum::<usize>()
        };
        assert!(found.iter().map(text).sum::<usize>() <= header.len(), "{header:?}");
    }
}

#[test]
fn d1_long_headers_are_read_in_proportionate_time() {
    for piece in ["a ", "a=", "\"", "a=\"b\",", "\\", ",", "a==", "a,", "a/", "a \t"] {
        for end in ["", "\"", ",", "="] {
            challenges(&format!("x {}{end}", piece.repeat(100_000)));
        }
    }
}
