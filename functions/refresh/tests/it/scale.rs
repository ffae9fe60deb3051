//! What a sweep costs grows with what is due, and does not depend on what is not.
//!
//! `SWEEP_ROWS=100000` adds a table of that size.

use crate::world::{HOUR, NOW, Secrets, TestQueue, Watch, at, keys, notes, person};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use broker::aws::{Aws, DynamoStore, Tables};
use broker::breaker::Breakers;
use broker::clock::SystemRandom;
use broker::clock::unix_seconds;
use broker::connection::Connection;
use broker::due::{DAY, Due, Shard};
use broker::http::{Http, Reach};
use broker::queue::Message;
use broker::registry::Registry;
use broker::store::{ConnectionStore, DueConnections, DueCursor, DuePage, StoreError};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, RefreshToken};
use refresh::{Refresh, Swept};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio::time::Instant;

/// What one sweep asked of the table.
#[derive(Debug, Eq, PartialEq)]
struct Cost {
    pages: usize,
    keys: usize,
    writes: usize,
    batches: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_costs_what_is_due_however_many_are_not() {
    let [few, none] = sweeps(1_000, 160, 0).await;
    let [of_many, ten_times] = sweeps(10_000, 160, 1_600).await;
    assert_eq!(few, Cost { pages: 16, keys: 160, writes: 160, batches: 16 });
    assert_eq!(none, Cost { pages: 16, keys: 0, writes: 0, batches: 0 });
    assert_eq!(of_many, few);
    // A shard of 100 is a page that does not know that it is the last.
    assert_eq!(ten_times, Cost { pages: 32, keys: 1_600, writes: 1_600, batches: 160 });

    #[expect(clippy::disallowed_methods, reason = "a large table is asked for by hand")]
    if let Ok(rows) = std::env::var("SWEEP_ROWS") {
        let rows = rows.parse().unwrap();
        let [of_many_more, tenth] = sweeps(rows, 160, rows / 10).await;
        assert_eq!(of_many_more, few);
        assert_eq!((tenth.keys, tenth.writes), (rows / 160 * 16, rows / 160 * 16));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_stops_no_shard() {
    let (store, client, tables) = table().await;
    let counting = Counting::new(store);
    let [expected, _] = fill(&counting.store, &client, &tables, 400, [64, 0]).await;
    for shard in Shard::all() {
        let item = [
            ("subject", AttributeValue::S("nobody".into())),
            ("target", AttributeValue::S(format!("shard {}", shard.key()))),
            ("due_shard", AttributeValue::S(shard.key())),
            ("due_at", AttributeValue::N("1".into())),
        ];
        let item = item.map(|(name, value)| (name.to_owned(), value)).into();
        let put = client.put_item().table_name(&tables.connections).set_item(Some(item));
        put.send().await.unwrap();
    }
    let (report, queue) = run(&counting, at(NOW)).await;
    assert_eq!((report.queued, report.unreadable), (64, 16));
    assert_eq!(queue.taken(), expected);
}

/// Two sweeps over one table of `rows` connections: `first` of them are due at the first, and `second`
/// others at the second.
async fn sweeps(rows: usize, first: usize, second: usize) -> [Cost; 2] {
    let (store, client, tables) = table().await;
    let counting = Counting::new(store);
    let began = Instant::now();
    let expected = fill(&counting.store, &client, &tables, rows, [first, second]).await;
    println!("{rows} rows, filled in {:?}", began.elapsed());
    let mut costs = Vec::new();
    for (now, expected) in [at(NOW), at(LATER)].into_iter().zip(expected) {
        // The engine, too, looks at nothing but what is due.
        assert_eq!(scanned(&client, &tables, now).await, expected.len());
        let before = counting.cost(&[]);
        let began = Instant::now();
        let (report, queue) = run(&counting, now).await;
        let swept = began.elapsed();
        assert_eq!(report.queued, expected.len());
        assert_eq!((report.unfinished_shards, report.unanswered_shards), (0, 0));
        assert_eq!(queue.taken(), expected);
        let after = counting.cost(&queue.batches());
        let cost = Cost {
            pages: after.pages - before.pages,
            keys: after.keys - before.keys,
            writes: after.writes - before.writes,
            batches: after.batches,
        };
        println!("{rows} rows, {} due: {cost:?}, swept in {swept:?}", expected.len());
        costs.push(cost);
        // What was queued is not due again.
        assert_eq!(scanned(&client, &tables, now).await, 0);
    }
    costs.try_into().unwrap()
}

async fn run(store: &Counting, now: SystemTime) -> (Swept, TestQueue) {
    let watch = Watch::at(now);
    let queue = TestQueue::new(watch.clone());
    let refresh = Arc::new(Refresh {
        targets: Registry::new(store.store.clone()),
        connections: store.clone(),
        secrets: Secrets::new(),
        queue: queue.clone(),
        http: Http::new(Reach::Loopback),
        token_keys: keys(),
        breakers: Breakers::new(SystemRandom),
        used_within: 30 * DAY,
        clock: watch,
    });
    (refresh.sweep(now + HOUR).await, queue)
}

/// Writes the rows as the adapter would, many at a time, with as many due in each shard. The answer is
/// what to expect in the queue.
async fn fill(
    store: &DynamoStore,
    client: &Client,
    tables: &Tables,
    rows: usize,
    due: [usize; 2],
) -> [Vec<Message>; 2] {
    let target = crate::support::target::target("https://as.example", &json!({}));
    let tokens = TokenSet {
        access: AccessToken::new("a1".repeat(400)),
        refresh: Some(RefreshToken::new("r1".into())),
        expires_at: at(NOW) + HOUR,
        scopes: vec![],
    };
    let model = Connection::active(&keys(), person("0"), &target, &tokens, at(NOW)).unwrap();
    store.connect(&model).await.unwrap();
    let key = ("subject".to_owned(), AttributeValue::S(person("0").key()));
    let range = ("target".to_owned(), AttributeValue::S("notes".into()));
    let get = client.get_item().table_name(&tables.connections);
    let model = get.set_key(Some([key, range].into())).send().await.unwrap().item.unwrap();
    assert!(model.contains_key("due_shard"));

    let mut shards: HashMap<String, [usize; 2]> = HashMap::new();
    let mut expected = [vec![], vec![]];
    let mut requests = Vec::new();
    for subject in (0..rows).map(|n| person(&n.to_string())) {
        let shard = Shard::of(&subject, &notes()).key();
        let in_shard = shards.entry(shard.clone()).or_default();
        let class = (0..2).find(|class| in_shard[*class] < due[*class] / 16);
        if let Some(class) = class {
            in_shard[class] += 1;
            expected[class].push(Message { subject, target: notes() });
        }
        let due_at = [NOW - 60, LATER][..].get(class.unwrap_or(2)).copied().unwrap_or(LATER + 1);
        let mut item = model.clone();
        item.insert("subject".into(), AttributeValue::S(subject.key()));
        item.insert("due_shard".into(), AttributeValue::S(shard));
        item.insert("due_at".into(), AttributeValue::N(due_at.to_string()));
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        requests.push(WriteRequest::builder().put_request(put).build());
    }
    assert_eq!([expected[0].len(), expected[1].len()], due.map(|due| due / 16 * 16));
    for batch in requests.chunks(25) {
        let write = client.batch_write_item().request_items(&tables.connections, batch.to_vec());
        let left = write.send().await.unwrap().unprocessed_items.unwrap_or_default();
        assert!(left.is_empty());
    }
    for expected in &mut expected {
        expected.sort_by_key(Message::to_body);
    }
    expected
}

/// How many keys the engine says that it looked at to find what is due.
async fn scanned(client: &Client, tables: &Tables, now: SystemTime) -> usize {
    let mut scanned = 0;
    for shard in Shard::all() {
        let mut pages = client
            .query()
            .table_name(&tables.connections)
            .index_name("due")
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", AttributeValue::S(shard.key()))
            .expression_attribute_values(":now", AttributeValue::N(unix_seconds(now).to_string()))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            scanned += usize::try_from(page.unwrap().scanned_count).unwrap();
        }
    }
    scanned
}

async fn table() -> (DynamoStore, Client, Tables) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    let never = std::future::pending();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, never));
    let aws = Aws::at(&endpoint).await;
    let tables = Tables::named("scale");
    tables.create(&aws).await.unwrap();
    (DynamoStore::new(&aws, tables.clone()), Client::new(aws.sdk()), tables)
}

/// A store that counts what a sweep asks of it.
#[derive(Clone)]
struct Counting {
    store: DynamoStore,
    pages: Arc<AtomicUsize>,
    keys: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Counting {
    fn new(store: DynamoStore) -> Self {
        Self { store, pages: Arc::default(), keys: Arc::default(), writes: Arc::default() }
    }

    fn cost(&self, batches: &[usize]) -> Cost {
        Cost {
            pages: self.pages.load(Ordering::SeqCst),
            keys: self.keys.load(Ordering::SeqCst),
            writes: self.writes.load(Ordering::SeqCst),
            batches: batches.len(),
        }
    }
}

impl DueConnections for Counting {
    async fn due(
        &self,
        shard: Shard,
        now: SystemTime,
        after: Option<&DueCursor>,
    ) -> Result<DuePage, StoreError> {
        let page = self.store.due(shard, now, after).await?;
        self.pages.fetch_add(1, Ordering::SeqCst);
        self.keys.fetch_add(page.due.len(), Ordering::SeqCst);
        Ok(page)
    }

    async fn postpone(&self, due: &Due, until: Option<SystemTime>) -> Result<bool, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.store.postpone(due, until).await
    }
}

/// Of the second sweep: what the first one queued is not due again by then.
const LATER: u64 = NOW + 600;
