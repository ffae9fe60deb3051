//! The verdict as a person reads it.

use super::{Outcome, Protections, RegistrationMade, ResourceFound, Verdict};
use broker::clock::from_unix_seconds;
use broker::discovery::attempt::Quote;
use broker::page::moment::Moment;
use broker::quirks::Quirks;
use broker::target::Way;
use serde_json::Value;
use std::fmt;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headline = match (self.outcome, self.dry_run) {
            (Outcome::Connected, false) => "is connected",
            (Outcome::Connected, true) => "would be connected; nothing was changed",
            (Outcome::Updated, false) => "was connected before, and is brought up to date",
            (Outcome::Updated, true) => "would be brought up to date; nothing was changed",
            (Outcome::Unchanged, _) => "is connected, and nothing has changed",
        };
        writeln!(f, "{} {headline}.\n", self.name)?;
        line(f, "MCP server", &self.endpoint)?;
        line(f, "tokens are for", &self.resource)?;
        line(f, "issued by", &self.issuer)?;
        let scopes = self.scopes.join(" ");
        line(f, "scopes", if scopes.is_empty() { "the server's default" } else { &scopes })?;
        line(f, "registration", &self.registration)?;
        line(f, "redirect URI", &self.registration.redirect_uri)?;
        if let Some(expiry) = self.registration.client_secret_expires_at {
            let expiry = Moment::new(from_unix_seconds(expiry));
            line(f, "secret expires", &format!("{expiry}; connect again before"))?;
        }
        writeln!(f)?;
        self.protections.fmt(f)?;
        writeln!(f)?;
        if let Some(provider) = self.provider {
            line(f, "provider", provider)?;
        }
        line(f, "quirks", &departures(&self.quirks))?;
        match self.tools {
            None if self.deployment.is_some() => line(f, "tools", "listed by the catalog")?,
            Some(tools) => line(f, "tools", &format!("{tools} listed"))?,
            None => line(
                f,
                "tools",
                "not known here: none is listed, every call is passed on; list them with --tools",
            )?,
        }
        writeln!(
            f,
            "\nA person who calls one of its tools is sent to {} and asked",
            self.person.opens
        )?;
        for (number, question) in (1..).zip(&self.person.is_asked) {
            writeln!(f, "  {number}. {question}")?;
        }
        if let Some(deployment) = &self.deployment {
            write!(f, "\n{deployment}")?;
        }
        for note in &self.notes {
            writeln!(f, "\nNote: {note}")?;
        }
        Ok(())
    }
}

/// As the record has them: one word each, and what is otherwise there.
fn departures(quirks: &Quirks) -> String {
    match serde_json::to_value(quirks) {
        Ok(Value::Object(members)) if !members.is_empty() => {
            let members = members.iter().map(|(name, value)| format!("{name}={value}"));
            members.collect::<Vec<_>>().join(", ")
        }
        _ => "none known".to_owned(),
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    label: &str,
    value: &(impl fmt::Display + ?Sized),
) -> fmt::Result {
    writeln!(f, "  {label:<20} {value}")
}

impl fmt::Display for ResourceFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.published_at {
            Some("challenge") => "published where its challenge says",
            Some("path") => "published at the address of its path",
            Some(_) => "published at its origin",
            None => "not published: its own address",
        };
        let encloses = if self.identity == Some("prefix") { "; encloses the address" } else { "" };
        write!(f, "{}  ({place}{encloses})", self.identifier)
    }
}

impl fmt::Display for RegistrationMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::ByHand => "by hand",
            Way::Document => "client ID metadata document",
            Way::Dynamic => "dynamic",
        };
        write!(f, "{way}, {}", self.token_endpoint_auth_method)?;
        if let Some(id) = &self.client_id {
            write!(f, ", as {}", Quote::of(id))?;
        }
        write!(f, "\n{:23}because {}", "", self.why)
    }
}

impl fmt::Display for Protections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |offered, lack| if offered { "yes" } else { lack };
        line(f, "PKCE with S256", yes(self.pkce_s256, "no"))?;
        let iss = "no; the redirect URI of its own stands in";
        line(f, "iss in answers", yes(self.iss_in_answers, iss))?;
        let metadata = "no; what its tokens are for is our guess";
        line(f, "resource metadata", yes(self.resource_metadata, metadata))?;
        let revocation = "no; a token that was given stays good until it expires";
        line(f, "revocation", yes(self.revocation, revocation))?;
        line(
            f,
            "refresh tokens",
            match self.refresh_tokens {
                Some(true) => "yes",
                Some(false) => "no; people connect again whenever a token expires",
                None => "not said; without them people connect again whenever a token expires",
            },
        )
    }
}
