//! A person's connections, and what came of a disconnect.

use super::moment::Moment;
use super::{Address, Page, STYLESHEET, Shown, form};
use askama::Template;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// What a person may see of their connections.
pub struct Connections<'a> {
    /// What the person signs in with.
    pub signed_in_as: &'a str,
    /// Where the person signed in: an issuer.
    pub identity_provider: &'a str,
    /// What was disconnected just now.
    pub disconnected: Option<Disconnected<'a>>,
    /// Every target, connected or not.
    pub listed: Vec<Listed<'a>>,
}

/// A target, and whether it is connected.
pub struct Listed<'a> {
    /// Its name, for the paths.
    pub target: &'a str,
    /// Its name among people.
    pub title: &'a str,
    /// The MCP server's URL, as far as it is known.
    pub endpoint: Option<&'a str>,
    /// Whether it is connected, and why not, in a few words.
    pub state: &'a str,
    /// Since when that is so.
    pub since: Option<SystemTime>,
    /// Whether the person can connect it.
    pub connect: bool,
    /// Proof that the form that disconnects it is ours, if there is anything to disconnect.
    pub disconnect: Option<String>,
}

/// What was disconnected just now.
#[derive(Clone, Copy)]
pub struct Disconnected<'a> {
    /// The target's name among people.
    pub title: &'a str,
    /// The authorization server's issuer.
    pub authorization_server: &'a str,
    /// What it knows of it.
    pub told: Told,
}

/// What an authorization server knows of a disconnect.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It confirmed that the tokens are withdrawn.
    Confirmed,
    /// It did not confirm it: the tokens may still be good.
    Unconfirmed,
    /// It offers no way to withdraw them.
    NoWay,
    /// Nothing was connected any more when we were asked.
    Before,
}

/// Lists connections. The form of each posts `csrf` to `/connections/{target}/disconnect`.
pub fn connections(connections: Connections<'_>) -> Page {
    let Connections { signed_in_as, identity_provider, disconnected, listed } = connections;
    form(
        StatusCode::OK,
        &ConnectionsPage {
            signed_in_as: Shown::new(signed_in_as),
            identity_provider: Address::new(identity_provider),
            disconnected: disconnected.map(Note::new),
            rows: listed.into_iter().map(Row::new).collect(),
        },
    )
}

#[derive(Template)]
#[template(path = "connections.html")]
struct ConnectionsPage<'a> {
    signed_in_as: Shown<'a>,
    identity_provider: Address<'a>,
    disconnected: Option<Note<'a>>,
    rows: Vec<Row<'a>>,
}

struct Note<'a> {
    title: Shown<'a>,
    authorization_server: Address<'a>,
    told: Told,
}

impl<'a> Note<'a> {
    fn new(disconnected: Disconnected<'a>) -> Self {
        Self {
            title: Shown::new(disconnected.title),
            authorization_server: Address::new(disconnected.authorization_server),
            told: disconnected.told,
        }
    }
}

struct Row<'a> {
    target: &'a str,
    title: Shown<'a>,
    endpoint: Option<Address<'a>>,
    state: Shown<'a>,
    since: Option<Moment>,
    connect: bool,
    disconnect: Option<String>,
}

impl<'a> Row<'a> {
    fn new(listed: Listed<'a>) -> Self {
        Self {
            target: listed.target,
            title: Shown::new(listed.title),
            endpoint: listed.endpoint.map(Address::new),
            state: Shown::new(listed.state),
            since: listed.since.map(Moment::new),
            connect: listed.connect,
            disconnect: listed.disconnect,
        }
    }
}
