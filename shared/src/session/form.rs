//! What a browser sends: whether a form is our own, and its fields.

use super::Session;
use crate::config::BaseUrl;
use crate::seal::{KeyRing, Owner, SealError};
use http::{HeaderMap, Request, header};

impl Session {
    /// A token that only a form of this session, which posts to `path`, holds.
    pub fn csrf(&self, ring: &KeyRing, path: &str) -> Result<String, SealError> {
        ring.seal_text(&self.form(path), &())
    }

    /// Whether `request` posts a form that our page showed this session, to where the form belongs:
    /// it comes from our origin, as far as the browser says, and its field `csrf` is
    /// [`Session::csrf`]'s.
    pub fn asked(
        &self,
        request: &Request<Vec<u8>>,
        ring: &KeyRing,
        base_url: &BaseUrl,
    ) -> Result<(), FormError> {
        let csrf = field(request.body(), "csrf")?.unwrap_or_default();
        let ours = is_from(request.headers(), base_url)
            && ring.open_text::<()>(&self.form(request.uri().path()), &csrf).is_ok();
        if ours { Ok(()) } else { Err(FormError::Foreign) }
    }

    fn form(&self, path: &str) -> Owner {
        Owner::new("form", &[&self.id, path])
    }
}

/// A form's field, or a query's parameter.
pub fn field(encoded: &[u8], name: &str) -> Result<Option<String>, FormError> {
    let mut values = url::form_urlencoded::parse(encoded).filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some(_), Some(_)) => Err(FormError::Repeated),
        (value, _) => Ok(value.map(|(_, value)| value.into_owned())),
    }
}

/// Why a form does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FormError {
    /// It did not come from our page.
    #[error("the form did not come from this session's page")]
    Foreign,
    /// A field that is given twice has no value.
    #[error("a field is given twice")]
    Repeated,
}

fn is_from(headers: &HeaderMap, base_url: &BaseUrl) -> bool {
    let says = |name, expected: &str| headers.get(name).is_none_or(|value| value == expected);
    says(header::ORIGIN, base_url.as_str())
        && says(header::HeaderName::from_static("sec-fetch-site"), "same-origin")
}
