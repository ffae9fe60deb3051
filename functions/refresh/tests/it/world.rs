//! One refresher with its store, its queue, an authorization server, and people.

use crate::support::server::{Server, json};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use broker::breaker::Breakers;
use broker::clock::Clock;
use broker::clock::SystemRandom;
use broker::connection::Connection;
use broker::due::{DAY, Due, Shard};
use broker::http::{Http, Reach};
use broker::queue::Delivery;
use broker::queue::{Message, Queue, QueueError};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::{ConnectionStore, DueConnections, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target, TargetName};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use refresh::{Refresh, Renewals};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) type Secrets = BTreeMap<SecretName, ClientSecret>;

pub(crate) struct World {
    pub(crate) refresh: Arc<Refresh<FaultyStore, FaultyStore, Secrets, TestQueue, Watch>>,
    pub(crate) store: FaultyStore,
    pub(crate) queue: TestQueue,
    pub(crate) server: Server,
    pub(crate) watch: Watch,
}

/// A watch that is set by hand.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<SystemTime>>);

impl Watch {
    pub(crate) fn at(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    pub(crate) fn set(&self, now: SystemTime) {
        *self.0.lock().unwrap() = now;
    }
}

impl Clock for Watch {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// What a queue does when it is sent a batch.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// It does not answer.
    Down,
    /// It does not take what stands at these places.
    Refuses(Vec<usize>),
    /// It takes all of them, and now it is this late.
    TakesUntil(SystemTime),
}

/// A queue that takes what it is sent, unless it is told otherwise.
#[derive(Clone)]
pub(crate) struct TestQueue {
    moods: Arc<Mutex<VecDeque<Mood>>>,
    taken: Arc<Mutex<Vec<Message>>>,
    asked: Arc<Mutex<Vec<usize>>>,
    watch: Watch,
}

impl TestQueue {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { moods: Arc::default(), taken: Arc::default(), asked: Arc::default(), watch }
    }

    pub(crate) fn then(&self, mood: Mood) {
        self.moods.lock().unwrap().push_back(mood);
    }

    /// What it took, by key, and forgets it.
    pub(crate) fn taken(&self) -> Vec<Message> {
        let mut taken = std::mem::take(&mut *self.taken.lock().unwrap());
        taken.sort_by_key(Message::to_body);
        taken
    }

    /// How many messages each batch had.
    pub(crate) fn batches(&self) -> Vec<usize> {
        self.asked.lock().unwrap().clone()
    }
}

impl Queue for TestQueue {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        self.asked.lock().unwrap().push(messages.len());
        let mood = self.moods.lock().unwrap().pop_front();
        let refused = match mood {
            Some(Mood::Down) => return Err(QueueError("told to".into())),
            Some(Mood::Refuses(places)) => places,
            Some(Mood::TakesUntil(now)) => {
                self.watch.set(now);
                vec![]
            }
            None => vec![],
        };
        let places = messages.iter().enumerate();
        let taken = places.filter(|(place, _)| !refused.contains(place));
        self.taken.lock().unwrap().extend(taken.map(|(_, message)| message.clone()));
        Ok(refused)
    }
}

impl World {
    /// With the target `notes`, whose authorization server renews whatever it is asked. It is [`NOW`].
    pub(crate) async fn new() -> Self {
        Self::answering(200, renewed()).await
    }

    /// The same, with this answer of the authorization server.
    pub(crate) async fn answering(status: u16, body: Value) -> Self {
        let server = Server::start(move |_| {
            let body = body.clone();
            async move { json(status, &body) }
        })
        .await;
        let (store, watch) = (FaultyStore::default(), Watch::at(at(NOW)));
        let queue = TestQueue::new(watch.clone());
        let refresh = Arc::new(refresh(&store, &queue, &watch));
        let world = Self { refresh, store, queue, server, watch };
        world.put_target(&json!({})).await;
        world
    }

    /// Replaces the target, with these quirks.
    pub(crate) async fn put_target(&self, quirks: &Value) {
        let target = target(&self.server.url, &json!({ "quirks": quirks }));
        self.store.put_target(&target).await.unwrap();
        self.refresh.targets.prepare(at(NOW)).await.unwrap();
    }

    pub(crate) async fn target(&self) -> Target {
        self.store.find_target(&notes()).await.unwrap().unwrap()
    }

    /// Connects these people, now, with access tokens that are good for `lifetime`.
    pub(crate) async fn connect(&self, people: &[&str], lifetime: Duration) -> Vec<Due> {
        let (target, now) = (self.target().await, self.watch.now());
        let mut due = Vec::new();
        for name in people {
            let tokens = TokenSet {
                access: AccessToken::new("a1".into()),
                refresh: Some(RefreshToken::new("r1".into())),
                expires_at: now + lifetime,
                scopes: vec![],
            };
            let connection =
                Connection::active(&keys(), person(name), &target, &tokens, now).unwrap();
            self.store.connect(&connection).await.unwrap();
            due.extend(connection.due());
        }
        self.store.calls();
        due
    }

    /// Lets the time come at which `due` is due.
    pub(crate) fn wait_for(&self, due: &Due) {
        self.watch.set(due.due_at + Duration::from_secs(2));
    }

    pub(crate) async fn found(&self, name: &str) -> Connection {
        self.store.find_connection(&person(name), &notes()).await.unwrap().unwrap()
    }

    /// What is due by `now`.
    pub(crate) async fn due(&self, now: SystemTime) -> Vec<Due> {
        let mut found = Vec::new();
        for shard in Shard::all() {
            found.extend(self.store.due(shard, now, None).await.unwrap().due);
        }
        found
    }

    pub(crate) fn deadline(&self) -> SystemTime {
        self.watch.now() + Duration::from_mins(1)
    }

    /// Delivers a message for each of these people. The answer is how many stay in the queue.
    pub(crate) async fn deliver(&self, people: &[&str]) -> (usize, Renewals) {
        let deliveries = people.iter().map(|name| delivery(name)).collect();
        let (staying, report) = self.refresh.renew(deliveries, self.deadline()).await;
        (staying.len(), report)
    }
}

pub(crate) fn refresh(
    store: &FaultyStore,
    queue: &TestQueue,
    watch: &Watch,
) -> Refresh<FaultyStore, FaultyStore, Secrets, TestQueue, Watch> {
    Refresh {
        targets: Registry::new(store.clone()),
        connections: store.clone(),
        secrets: Secrets::new(),
        queue: queue.clone(),
        http: Http::new(Reach::Loopback),
        token_keys: keys(),
        breakers: Breakers::new(SystemRandom),
        used_within: 30 * DAY,
        clock: watch.clone(),
    }
}

pub(crate) fn delivery(name: &str) -> Delivery {
    Delivery { id: format!("id-{name}"), body: message(name).to_body() }
}

pub(crate) fn message(name: &str) -> Message {
    Message { subject: person(name), target: notes() }
}

pub(crate) fn renewed() -> Value {
    json!({ "access_token": "a2", "token_type": "Bearer", "refresh_token": "r2", "expires_in": 3600 })
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}

pub(crate) fn notes() -> TargetName {
    "notes".parse().unwrap()
}

pub(crate) fn person(name: &str) -> SubjectId {
    Subject::new("https://idp.example", vec![name.into()]).unwrap().id()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const HOUR: Duration = Duration::from_hours(1);
