//! A connection, the authorization server that goes wrong on demand behind real HTTP, and a clock.

use crate::authorization_server::{AuthorizationServer, Fault, Reply, Rotation};
use crate::support::server::{Asked, Server, json};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use axum::body::Body;
use broker::breaker::Breakers;
use broker::clock::{Clock, SystemRandom};
use broker::connection::{Attempt, Connection, Reason, Status};
use broker::http::{Http, Reach};
use broker::oauth::token::TokenError;
use broker::refresh::{Refresher, Renewal, TokenRequests};
use broker::seal::KeyRing;
use broker::store::ConnectionStore;
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target};
use broker::tokens::{Granted, TokenSet};
use http::Response;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Notify;

pub(crate) struct Bench {
    pub(crate) store: FaultyStore,
    pub(crate) target: Target,
    pub(crate) server: Arc<Mutex<AuthorizationServer>>,
    /// What befalls the requests to come, in order; then nothing.
    pub(crate) faults: Arc<Mutex<VecDeque<Fault>>>,
    pub(crate) now: u64,
    silent: Arc<Notify>,
    http: Server,
}

impl Bench {
    /// A connection whose access token has half a minute left.
    pub(crate) async fn new(rotation: Rotation) -> Self {
        Self::with(rotation, 400, "tolerated").await
    }

    /// The same, at a server that punishes a replay, and is known to.
    pub(crate) async fn punished() -> Self {
        Self::with(Rotation::OneUseOrRevoked, 400, "punished").await
    }

    /// The same, at a server that refuses with `status`.
    pub(crate) async fn with(rotation: Rotation, status: u16, quirk: &str) -> Self {
        let server = Arc::new(Mutex::new(AuthorizationServer::new(rotation)));
        let faults = Arc::new(Mutex::new(VecDeque::new()));
        let silent = Arc::new(Notify::new());
        let (acts, befalls, tell) = (Arc::clone(&server), Arc::clone(&faults), Arc::clone(&silent));
        let http = Server::start(move |asked: Asked| {
            let refresh = asked.fields("refresh_token").remove(0);
            let fault = befalls.lock().unwrap().pop_front();
            let reply = acts.lock().unwrap().ask(&refresh, fault, NOW);
            let tell = Arc::clone(&tell);
            async move {
                if reply == Reply::Silence {
                    tell.notify_one();
                    std::future::pending::<()>().await;
                }
                response(status, reply)
            }
        })
        .await;
        let quirks = json!({ "quirks": { "replay": quirk } });
        let target = target(&http.url, &quirks);
        let bench =
            Self { store: FaultyStore::default(), target, server, faults, now: NOW, silent, http };
        bench.connect(30).await;
        bench
    }

    /// Connects, or connects anew.
    pub(crate) async fn connect(&self, seconds_left: u64) -> Connection {
        let (access, refresh) = self.server.lock().unwrap().consent(self.now);
        let tokens = TokenSet {
            access: AccessToken::new(access),
            refresh: Some(RefreshToken::new(refresh)),
            expires_at: at(self.now + seconds_left),
            scopes: vec![],
        };
        let connection =
            Connection::active(&ring(), alice(), &self.target, &tokens, at(self.now)).unwrap();
        self.store.connect(&connection).await.unwrap();
        connection
    }

    pub(crate) fn befalls(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// A renewal in a process of its own.
    pub(crate) async fn renew(&self) -> Renewal {
        self.renew_in(&Breakers::new(SystemRandom)).await
    }

    pub(crate) async fn renew_in(&self, breakers: &Breakers) -> Renewal {
        let (http, clock) = (Http::new(Reach::Loopback), at(self.now));
        let renewal = self.renew_with(&http, breakers, &clock);
        let mut renewal = std::pin::pin!(renewal);
        tokio::select! {
            renewal = &mut renewal => return renewal,
            () = self.silent.notified() => {}
        }
        // The rest is waiting.
        tokio::time::pause();
        let renewal = renewal.await;
        tokio::time::resume();
        renewal
    }

    /// A renewal during which something happens after the server answered.
    pub(crate) async fn renew_while<T>(&self, meanwhile: impl Future<Output = T>) -> Renewal {
        let (held, breakers, clock) = (Held::default(), Breakers::new(SystemRandom), at(self.now));
        let (renewal, ()) = tokio::join!(self.renew_with(&held, &breakers, &clock), async {
            held.answered.notified().await;
            let _ = meanwhile.await;
            held.go_on.notify_one();
        });
        renewal
    }

    /// A process that dies after the server answered.
    pub(crate) async fn die_while_renewing(&self) {
        let (held, breakers, clock) = (Held::default(), Breakers::new(SystemRandom), at(self.now));
        tokio::select! {
            renewal = self.renew_with(&held, &breakers, &clock) => panic!("{renewal:?}"),
            () = held.answered.notified() => {}
        }
    }

    pub(crate) async fn renew_with(
        &self,
        http: &impl TokenRequests,
        breakers: &Breakers,
        clock: &impl Clock,
    ) -> Renewal {
        let (ring, secrets) = (ring(), BTreeMap::<SecretName, ClientSecret>::new());
        let refresher = Refresher {
            connections: &self.store,
            secrets: &secrets,
            http,
            ring: &ring,
            breakers,
            clock,
            deadline: at(self.now) + Duration::from_mins(1),
        };
        refresher.renew(&alice(), &self.target, at(self.now)).await
    }

    /// How often the server was asked.
    pub(crate) fn asked(&self) -> usize {
        self.http.asked().len()
    }

    pub(crate) async fn row(&self) -> Connection {
        self.store.find_connection(&alice(), &self.target.name).await.unwrap().unwrap()
    }

    /// The access token that is kept.
    pub(crate) async fn access(&self) -> String {
        self.row().await.open(&ring(), &alice(), &self.target).unwrap().access.into_secret()
    }

    pub(crate) async fn journal(&self) -> Option<Attempt> {
        let Status::Active { attempt, .. } = self.row().await.status else { panic!("it ended") };
        attempt
    }

    pub(crate) async fn reason(&self) -> Option<Reason> {
        match self.row().await.status {
            Status::Active { .. } => None,
            Status::Disconnected { reason, .. } => Some(reason),
        }
    }

    /// Whether nobody holds the lease.
    pub(crate) async fn is_free(&self) -> bool {
        let (now, until) = (at(self.now), at(self.now + 15));
        let lease = self.store.lease(&alice(), &self.target.name, now, until).await.unwrap();
        let Some(lease) = lease else { return false };
        let Status::Active { attempt, .. } = lease.connection.status else { panic!("it ended") };
        self.store.release(lease, attempt).await.unwrap()
    }
}

/// Asks by HTTP, and keeps the answer back until it is told to go on.
#[derive(Default)]
struct Held {
    answered: Notify,
    go_on: Notify,
}

impl TokenRequests for Held {
    async fn refresh(
        &self,
        target: &Target,
        client_secret: Option<ClientSecret>,
        refresh: &RefreshToken,
        now: SystemTime,
    ) -> Result<Granted, TokenError> {
        let http = Http::new(Reach::Loopback);
        let answer = TokenRequests::refresh(&http, target, client_secret, refresh, now).await;
        self.answered.notify_one();
        self.go_on.notified().await;
        answer
    }
}

fn response(refusal: u16, reply: Reply) -> Response<Body> {
    match reply {
        Reply::Granted { access, refresh, expires_in } => {
            let mut answer = json!({ "access_token": access, "token_type": "Bearer" });
            if let Some(refresh) = refresh {
                answer["refresh_token"] = refresh.into();
            }
            if let Some(seconds) = expires_in {
                answer["expires_in"] = seconds.into();
            }
            json(200, &answer)
        }
        Reply::InvalidGrant => json(refusal, r#"{"error":"invalid_grant"}"#),
        Reply::InvalidClient => json(401, r#"{"error":"invalid_client"}"#),
        Reply::TooManyRequests(seconds) => {
            let mut answer = json(429, r#"{"error":"invalid_grant"}"#);
            if let Some(seconds) = seconds {
                answer.headers_mut().insert("retry-after", seconds.into());
            }
            answer
        }
        Reply::ServerError => json(500, r#"{"error":"invalid_grant"}"#),
        Reply::Html => json(200, "<html>Maintenance</html>"),
        Reply::EmptyBadRequest => json(400, ""),
        Reply::Unsent | Reply::Silence => unreachable!("there is no such answer"),
    }
}

pub(crate) fn ring() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}

pub(crate) fn alice() -> SubjectId {
    Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) const NOW: u64 = 1_800_000_000;
