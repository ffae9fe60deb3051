//! What is logged is what the documentation lists, and the dashboard counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_outcome_is_listed_and_nothing_else() {
    let source = |file| fs::read_to_string(sources().join(file)).unwrap();
    let lib = source("lib.rs");
    let (documentation, _) = lib.split_once("\nmod ").unwrap();
    let listed: BTreeSet<_> = documentation
        .split_once("# Outcomes")
        .and_then(|(_, listed)| listed.split_once("|---|---|"))
        .map(|(_, listed)| listed)
        .unwrap()
        .lines()
        // A row's first column, or the text below the table.
        .flat_map(|line| line.trim_start_matches("//! |").split('|').next().unwrap().split('`'))
        .filter(|word| is_outcome(word))
        .map(str::to_owned)
        .collect();

    let mut logged = BTreeSet::new();
    for file in fs::read_dir(sources()).unwrap() {
        let code = fs::read_to_string(file.unwrap().path()).unwrap();
        logged.extend(after(&code, "outcome = \"").filter(|word| is_outcome(word)));
    }
    for (file, from) in [
        ("refusal.rs", "fn outcome(self)"),
        ("challenge.rs", "fn outcome(&self)"),
        ("response.rs", "let outcome = match"),
        ("response.rs", "async fn mark"),
    ] {
        let code = source(file);
        let (_, body) = code.split_once(from).unwrap();
        let (body, _) = body.split_once("\n    }\n").unwrap();
        logged.extend(body.split('"').filter(|word| is_outcome(word)).map(str::to_owned));
    }
    assert!(logged.contains("forwarded") && logged.contains("asked"), "{logged:?}");
    assert_eq!(listed, logged);
}

fn sources() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn after<'a>(code: &'a str, mark: &'a str) -> impl Iterator<Item = String> + 'a {
    code.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned())
}

/// Two words and more are joined; a word of the surrounding code is none.
fn is_outcome(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    !word.is_empty() && word.bytes().all(plain) && !NAMES.contains(&word)
}

/// What the documentation calls by its name besides outcomes.
const NAMES: [&str; 1] = ["input_required"];
