//! What is written between two marks of a document, and by nobody's hand.

use crate::Failure;
use std::fs;
use std::path::Path;

/// Puts `text` between the marks of that name in the document at `path`.
pub(crate) fn write(path: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let document = fs::read_to_string(path)?;
    let written = between(&document, name, text).ok_or_else(|| Failure::Tool {
        tool: "report",
        what: format!("{} has no marks of the name {name}", path.display()),
    })?;
    Ok(fs::write(path, written)?)
}

fn between(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_between_the_marks_is_replaced_and_nothing_else() {
        let document =
            "a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb\n<!-- cost: begin -->";
        let written = between(document, "bench", "new\n").unwrap();
        let expected =
            "a\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nb\n<!-- cost: begin -->";
        assert_eq!(written, expected);
        assert_eq!(between(&written, "bench", "new\n").unwrap(), expected);
        assert_eq!(between(document, "cost", "new\n"), None);
    }
}
