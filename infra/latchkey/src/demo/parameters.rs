//! OAuth parameters, from a query or a form.

use std::collections::HashMap;
use url::form_urlencoded;

/// Parameters, each at most once. An empty one counts as absent.
/// <https://www.rfc-editor.org/rfc/rfc6749#section-3.1>
#[derive(Debug)]
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Repeated> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(text).filter(|(_, value)| !value.is_empty()) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Repeated);
            }
        }
        Ok(Self(parameters))
    }

    /// A parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that lists words.
    pub(crate) fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split_ascii_whitespace()
    }
}

/// One parameter came twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated;
