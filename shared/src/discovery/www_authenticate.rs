//! What a refusal says about getting in: <https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1>

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;
use std::iter::Peekable;
use std::str::CharIndices;

/// The parameters of a server's challenges that lead to a token.
///
/// A proxy may add challenges of its own, so each parameter is the first that a `Bearer` challenge
/// has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WwwAuthenticate {
    /// Where the protected resource metadata is:
    /// <https://www.rfc-editor.org/rfc/rfc9728#section-5.1>
    pub resource_metadata: Option<String>,
    /// What the request needs: <https://www.rfc-editor.org/rfc/rfc6750#section-3>
    pub scope: Option<String>,
    /// What was wrong: <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>
    pub error: Option<String>,
}

impl WwwAuthenticate {
    /// Reads every `WWW-Authenticate` header of an answer.
    pub fn read(headers: &HeaderMap) -> Self {
        let headers = headers.get_all(WWW_AUTHENTICATE).iter();
        Self::of(headers.map(|header| String::from_utf8_lossy(header.as_bytes())))
    }

    /// The same, from the headers' values.
    pub fn of(values: impl IntoIterator<Item: AsRef<str>>) -> Self {
        let values = values.into_iter();
        let challenges: Vec<Challenge> =
            values.flat_map(|value| challenges(value.as_ref())).collect();
        let bearer = |name| {
            let mut bearer = challenges.iter().filter(|challenge| challenge.is("Bearer"));
            bearer.find_map(|challenge| challenge.parameter(name)).map(str::to_owned)
        };
        // The one parameter that belongs to no scheme in particular.
        let any = |name| challenges.iter().find_map(|challenge| challenge.parameter(name));
        let resource_metadata =
            bearer("resource_metadata").or_else(|| any("resource_metadata").map(str::to_owned));
        Self { resource_metadata, scope: bearer("scope"), error: bearer("error") }
    }

    /// Whether the token was good and opened too little.
    pub fn wants_more(&self) -> bool {
        self.error.as_deref() == Some("insufficient_scope")
    }
}

/// One challenge of a header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// The scheme, in any case.
    pub scheme: String,
    /// The parameters, in order; names in any case.
    pub parameters: Vec<(String, String)>,
    /// What some schemes have in place of parameters.
    pub token68: Option<String>,
}

impl Challenge {
    fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// A parameter's value. One that is given twice has none: whoever reads the other one would see
    /// something else. <https://www.rfc-editor.org/rfc/rfc9110#section-11.2>
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &&(String, String)| key.eq_ignore_ascii_case(name);
        let mut values = self.parameters.iter().filter(named).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Some(value),
            _ => None,
        }
    }
}

/// The challenges of one header's value, by the grammar where the value keeps to it. What servers
/// send besides is read for what they meant (URLs without quotes, parameters without commas), and
/// what means nothing is skipped: any text has a result, in time proportional to its length.
pub fn challenges(header: &str) -> Vec<Challenge> {
    let mut rest = Cursor { text: header, chars: header.char_indices().peekable() };
    let mut found: Vec<Challenge> = Vec::new();
    loop {
        rest.skip(|c| c == ',' || is_blank(c));
        let Some(first) = rest.peek() else { return found };
        let name = rest.take(is_token);
        if name.is_empty() {
            // Neither a scheme nor a parameter begins like this. A quoted text goes as one, so that
            // what it holds is not taken for a challenge.
            if first == '"' {
                rest.quoted();
            } else {
                rest.chars.next();
            }
            continue;
        }
        let apart = rest.peek().is_some_and(is_blank);
        rest.skip(is_blank);
        if rest.peek() == Some('=') {
            let Some(value) = rest.value() else { return found };
            if let Some(challenge) = found.last_mut() {
                challenge.parameters.push((name.to_owned(), value));
            }
        } else {
            let token68 = if apart { rest.token68().map(str::to_owned) } else { None };
            found.push(Challenge { scheme: name.to_owned(), parameters: Vec::new(), token68 });
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Cursor<'a> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    fn position(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(position, _)| *position)
    }

    fn skip(&mut self, matches: impl Fn(char) -> bool) {
        while self.chars.next_if(|(_, c)| matches(*c)).is_some() {}
    }

    fn take(&mut self, matches: impl Fn(char) -> bool) -> &'a str {
        let start = self.position();
        self.skip(matches);
        &self.text[start..self.position()]
    }

    /// What follows a parameter's name: `=` and a token or a quoted string. `None` if a quoted
    /// string does not end: where the server meant it to, nobody knows.
    fn value(&mut self) -> Option<String> {
        self.chars.next();
        self.skip(is_blank);
        match self.peek() {
            Some('"') => self.quoted(),
            _ => Some(self.take(|c| c != ',' && c != '"' && !is_blank(c)).to_owned()),
        }
    }

    /// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.4>
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        self.chars.next();
        while let Some((_, c)) = self.chars.next() {
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.chars.next()?.1),
                c => text.push(c),
            }
        }
        None
    }

    /// What follows a scheme, if it ends the challenge. Otherwise nothing is consumed: it is the
    /// name of a parameter, or another scheme.
    fn token68(&mut self) -> Option<&'a str> {
        let start = self.position();
        let rest = &self.text[start..];
        let body = rest.find(|c| !is_token68(c)).unwrap_or(rest.len());
        let padding = rest[body..].find(|c| c != '=').unwrap_or(rest.len() - body);
        let end = body + padding;
        let ends = rest[end..].trim_start_matches(is_blank);
        if body == 0 || !(ends.is_empty() || ends.starts_with(',')) {
            return None;
        }
        while self.position() < start + end {
            self.chars.next();
        }
        Some(&rest[..end])
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2>
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-11.2>
fn is_token68(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/".contains(c)
}

#[cfg(test)]
mod tests;
