//! One function, its stores, an identity provider, and browsers.

use crate::support::browser::{NOW, at, browser_keys, guarded, person, session};
use crate::support::idp::Idp;
use crate::support::keys::Key;
use crate::support::store::FaultyStore;
use crate::support::target::target;
use authorize::Authorize;
use broker::clock::SystemRandom;
use broker::config::BaseUrl;
use broker::store::TargetStore;
use broker::subject::Subject;
use broker::ticket::Ticket;
use http::{Request, Response, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::SystemTime;
use url::Url;

pub(crate) const BASE: &str = "https://broker.example";

pub(crate) struct World {
    pub(crate) authorize:
        Authorize<FaultyStore, FaultyStore, FaultyStore, SystemTime, SystemRandom>,
    pub(crate) store: FaultyStore,
    pub(crate) idp: Idp,
}

impl World {
    /// With the targets `notes` and `files`; it is [`NOW`].
    pub(crate) async fn new() -> Self {
        Self::with(&json!({})).await
    }

    /// With these members of the target `notes` in place of the usual ones.
    pub(crate) async fn with(changes: &Value) -> Self {
        let (store, idp) = (FaultyStore::default(), Idp::start(Key::es256("k1")).await);
        store.put_target(&target("https://as.example", changes)).await.unwrap();
        let files = target("https://as.example", &json!({ "name": "files" }));
        store.put_target(&files).await.unwrap();
        store.calls();
        let authorize = Authorize {
            targets: store.clone(),
            pending: store.clone(),
            connections: store.clone(),
            identity: idp.provider(),
            browser_keys: browser_keys(),
            base_url: BaseUrl::new(BASE).unwrap(),
            clock: at(NOW),
            random: SystemRandom,
        };
        Self { authorize, store, idp }
    }

    /// The cookie of a browser at which `name` is signed in.
    pub(crate) fn signed_in(&self, name: &str) -> String {
        session(person(self.idp.issuer(), name), &browser_keys(), at(NOW))
    }

    /// A ticket made out to `name`, then.
    pub(crate) fn ticket(&self, name: &str, target: &str, then: SystemTime) -> String {
        let subject = Subject::new(self.idp.issuer(), vec![name.to_owned()]).unwrap().id();
        Ticket::new(&subject, then).seal(&browser_keys(), &target.parse().unwrap()).unwrap()
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Response<String> {
        self.send("GET", path, &[("cookie", cookie)], vec![]).await
    }

    /// Posts a form of our own page.
    pub(crate) async fn post(&self, cookie: &str, form: &[(&str, &str)]) -> Response<String> {
        self.post_from(cookie, &[("origin", BASE), ("sec-fetch-site", "same-origin")], form).await
    }

    pub(crate) async fn post_from(
        &self,
        cookie: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> Response<String> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut all = vec![("cookie", cookie)];
        all.push(("content-type", "application/x-www-form-urlencoded"));
        all.extend(headers);
        self.send("POST", "/authorize/notes", &all, form.into_bytes()).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response<String> {
        let mut request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let response = self.authorize.handle(request.body(body).unwrap()).await;
        guarded(&response);
        response
    }

    /// The proof of origin in the form of the page that this browser is shown.
    pub(crate) async fn csrf(&self, path: &str, cookie: &str) -> String {
        let page = self.get(path, cookie).await;
        field(page.body(), "csrf").unwrap()
    }
}

/// The value of a page's hidden field.
pub(crate) fn field(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!(r#"name="{name}" value=""#))?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Where a redirect, or a page that moves on by itself, leads.
pub(crate) fn onward(response: &Response<String>) -> Url {
    if let Some(location) = response.headers().get(header::LOCATION) {
        return location.to_str().unwrap().parse().unwrap();
    }
    let (_, rest) = response.body().split_once(r#"content="0; url="#).unwrap();
    rest.split_once('"').unwrap().0.replace("&#38;", "&").parse().unwrap()
}

/// A URL's query, each parameter once.
pub(crate) fn query(url: &Url) -> BTreeMap<String, String> {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let query: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(query.len(), pairs.len(), "a parameter is given twice: {url}");
    query
}
