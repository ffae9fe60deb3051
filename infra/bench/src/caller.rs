//! Those who call: each is another person, with a token for the gateway and one of their own for the
//! MCP server, so that an answer made for somebody else is noticed.

use crate::Failure;
use crate::provider::granted;

/// One person who calls.
pub(crate) struct Caller {
    /// Who they are at the identity provider.
    pub(crate) sub: String,
    /// Their token for the gateway.
    pub(crate) jwt: String,
    /// Their token for the MCP server.
    pub(crate) token: String,
    /// What another one is had with.
    pub(crate) refresh: String,
}

/// What the table holds of the callers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// A token that is good for a day.
    Connected,
    /// The same, and nobody used it in the last two days.
    Unused,
    /// A token that has expired.
    Expired,
    /// Nothing.
    Strangers,
}

impl Caller {
    /// The caller with that number, whose JWT is made of their `sub`.
    pub(crate) fn of(
        number: usize,
        jwt: impl Fn(&str) -> Result<String, Failure>,
    ) -> Result<Self, Failure> {
        let sub = format!("8e1f7a52-4021-4dd6-9d6f-{number:012}");
        let jwt = jwt(&sub)?;
        let token = format!("gho_{}{number:08}", "A1b2C3d4".repeat(55));
        let refresh = format!("{:r<88}{number:08}", "");
        Ok(Self { sub, jwt, token, refresh })
    }

    /// The token that a call of theirs is forwarded with, if they are connected.
    pub(crate) fn forwarded_with(&self, standing: Standing) -> Option<String> {
        match standing {
            Standing::Connected | Standing::Unused => Some(self.token.clone()),
            Standing::Expired => Some(granted(&self.refresh)),
            Standing::Strangers => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_callers_have_anything_in_common() {
        let [one, other] = [1, 10].map(|number| Caller::of(number, |sub| Ok(sub.to_owned())));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one.sub, other.sub);
        assert_ne!(one.jwt, other.jwt);
        for standing in [Standing::Connected, Standing::Unused, Standing::Expired] {
            let (one, other) = (one.forwarded_with(standing), other.forwarded_with(standing));
            assert!(one.is_some() && one != other, "{standing:?}");
        }
        assert_eq!(one.forwarded_with(Standing::Strangers), None);
    }
}
