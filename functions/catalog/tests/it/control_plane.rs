//! A control plane that does what it is told, takes its time, and fails where a script says so; and
//! a crash between any two steps.

use broker::gateway::{
    GatewayError, GatewayTarget, GatewayTargets, Provider, Settings, Status, ToolSchemas,
};
use broker::target::TargetName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The process that may die before or after each of its steps.
#[derive(Clone, Default)]
pub(crate) struct Process(Arc<Mutex<Steps>>, Arc<Notify>);

#[derive(Default)]
struct Steps {
    taken: usize,
    last: Option<usize>,
}

impl Process {
    /// Lets it die at this step, or never.
    pub(crate) fn dies_at(&self, step: Option<usize>) {
        *self.0.lock().unwrap() = Steps { taken: 0, last: step };
    }

    pub(crate) async fn death(&self) {
        self.1.notified().await;
    }

    pub(crate) async fn step(&self) {
        let dead = {
            let mut steps = self.0.lock().unwrap();
            steps.taken += 1;
            steps.last == Some(steps.taken)
        };
        if dead {
            self.1.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// What the service makes of settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Good,
    /// Said no at once.
    Refused,
    /// Said no at once: it does not take tools there.
    Unsupported,
    /// Said yes, and it did not become good.
    Bad,
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            // As it said so to a target without a provider.
            Self::Unsupported => {
                "mcpToolSchema is only supported for MCP Server targets with AUTHORIZATION_CODE grant type"
            }
            _ => "not supported",
        }
    }
}

#[derive(Clone, Default)]
pub(crate) struct TestGateway {
    pub(crate) process: Process,
    state: Arc<Mutex<State>>,
}

struct State {
    targets: BTreeMap<String, Held>,
    judge: Box<dyn Fn(&Settings) -> Verdict + Send>,
    /// For how many looks the service is at it.
    pub(crate) slow: usize,
    tokens: BTreeMap<String, String>,
    made: usize,
    trouble: Option<fn() -> GatewayError>,
    /// How often a target is not found by its name although it is there.
    forgetful: usize,
    writes: Vec<String>,
    bucket: Option<BTreeMap<String, String>>,
    /// What an operator changes after so many more looks.
    meddling: Option<(usize, Settings)>,
}

struct Held {
    settings: Settings,
    status: &'static str,
    after: &'static str,
    looks: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            targets: BTreeMap::new(),
            judge: Box::new(|_| Verdict::Good),
            slow: 1,
            tokens: BTreeMap::new(),
            made: 0,
            trouble: None,
            forgetful: 0,
            writes: vec![],
            bucket: None,
            meddling: None,
        }
    }
}

impl TestGateway {
    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut self.state.lock().unwrap())
    }

    pub(crate) fn judges(&self, judge: impl Fn(&Settings) -> Verdict + Send + 'static) {
        self.with(|state| state.judge = Box::new(judge));
    }

    pub(crate) fn is_slow(&self, looks: usize) {
        self.with(|state| state.slow = looks);
    }

    pub(crate) fn is_in_trouble(&self, trouble: Option<fn() -> GatewayError>) {
        self.with(|state| state.trouble = trouble);
    }

    pub(crate) fn is_forgetful(&self, times: usize) {
        self.with(|state| state.forgetful = times);
    }

    pub(crate) fn has_bucket(&self) {
        self.with(|state| state.bucket = Some(BTreeMap::new()));
    }

    pub(crate) fn bucket(&self) -> BTreeMap<String, String> {
        self.with(|state| state.bucket.clone().unwrap_or_default())
    }

    /// Puts a target there, as an operator does.
    pub(crate) fn put(&self, id: &str, settings: &Settings, status: &'static str) {
        let held = Held { settings: settings.clone(), status, after: status, looks: 0 };
        self.with(|state| state.targets.insert(id.into(), held));
    }

    /// What there is: ids, settings and statuses.
    pub(crate) fn targets(&self) -> Vec<(String, Settings, &'static str)> {
        self.with(|state| {
            let held = state.targets.iter();
            held.map(|(id, held)| (id.clone(), held.settings.clone(), held.status)).collect()
        })
    }

    /// An operator removes it.
    pub(crate) fn loses(&self, id: &str) {
        self.with(|state| state.targets.remove(id));
    }

    /// An operator changes what is there, after so many looks.
    pub(crate) fn is_meddled_with(&self, looks: usize, settings: Settings) {
        self.with(|state| state.meddling = Some((looks, settings)));
    }

    /// What was changed, and forgets it.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.writes))
    }

    fn answers(&self) -> Result<(), GatewayError> {
        self.with(|state| state.trouble.map_or(Ok(()), |trouble| Err(trouble())))
    }

    fn look(&self, id: &str) -> Option<GatewayTarget> {
        self.with(|state| {
            let held = state.targets.get_mut(id)?;
            match &mut state.meddling {
                Some((0, settings)) => held.settings = settings.clone(),
                Some((looks, _)) => *looks -= 1,
                None => {}
            }
            if held.looks > 0 {
                held.looks -= 1;
            } else {
                held.status = held.after;
            }
            let (status, settings) = (Status::read(held.status), held.settings.clone());
            if held.status == "GONE" {
                state.targets.remove(id);
                return None;
            }
            let reasons = match status {
                Status::Failed | Status::Unsuccessful => vec!["no good".to_owned()],
                _ => vec![],
            };
            Some(GatewayTarget { id: id.to_owned(), status, reasons, settings })
        })
    }
}

/// Of which recipe settings are.
pub(crate) fn kind(settings: &Settings) -> &'static str {
    match (settings.provider(), settings.schema().is_some(), settings.is_dynamic()) {
        (None, true, _) => "static",
        (None, false, true) => "dynamic",
        (None, false, false) => "anonymous",
        (Some(Provider::ClientCredentials(_)), ..) => "client_credentials",
        (Some(Provider::ApiKey(_)), ..) => "placeholder",
        (Some(Provider::Other(_)), ..) => "other",
    }
}

impl GatewayTargets for TestGateway {
    async fn find_by_name(&self, name: &TargetName) -> Result<Option<GatewayTarget>, GatewayError> {
        self.answers()?;
        let id = self.with(|state| {
            if state.forgetful > 0 {
                state.forgetful -= 1;
                return None;
            }
            let named = |held: &Held| held.settings.members()["name"] == name.as_str();
            state.targets.iter().find(|(_, held)| named(held)).map(|(id, _)| id.clone())
        });
        Ok(id.and_then(|id| self.look(&id)))
    }

    async fn find_by_id(&self, id: &str) -> Result<Option<GatewayTarget>, GatewayError> {
        self.answers()?;
        Ok(self.look(id))
    }

    async fn names(&self) -> Result<Vec<String>, GatewayError> {
        let name = |held: &Held| held.settings.members()["name"].as_str().unwrap().to_owned();
        Ok(self.with(|state| state.targets.values().map(name).collect()))
    }

    async fn create(&self, settings: &Settings, token: &str) -> Result<String, GatewayError> {
        self.process.step().await;
        self.answers()?;
        let id = self.with(|state| {
            state.writes.push(format!("create {}", kind(settings)));
            assert!((33..=256).contains(&token.len()), "{token}");
            if let Some(id) = state.tokens.get(token) {
                return Ok(id.clone());
            }
            let after = match (state.judge)(settings) {
                Verdict::Good => "READY",
                Verdict::Bad => "FAILED",
                no => return Err(GatewayError::Refused(no.words().into())),
            };
            let name = &settings.members()["name"];
            if state.targets.values().any(|held| held.settings.members()["name"] == *name) {
                return Err(GatewayError::Later("there is one of this name".into()));
            }
            state.made += 1;
            let id = format!("MADE{:06}", state.made);
            state.tokens.insert(token.to_owned(), id.clone());
            let (settings, looks) = (settings.clone(), state.slow);
            let held = Held { settings, status: "CREATING", after, looks };
            state.targets.insert(id.clone(), held);
            Ok(id)
        })?;
        self.process.step().await;
        Ok(id)
    }

    async fn update(&self, id: &str, settings: &Settings) -> Result<(), GatewayError> {
        self.process.step().await;
        self.answers()?;
        self.with(|state| {
            state.writes.push(format!("update {}", kind(settings)));
            let after = match (state.judge)(settings) {
                Verdict::Good => "READY",
                Verdict::Bad => "UPDATE_UNSUCCESSFUL",
                no => return Err(GatewayError::Refused(no.words().into())),
            };
            let slow = state.slow;
            let held = state.targets.get_mut(id).unwrap();
            if held.looks > 0 {
                return Err(GatewayError::Later("it is being changed".into()));
            }
            *held = Held { settings: settings.clone(), status: "UPDATING", after, looks: slow };
            Ok(())
        })?;
        self.process.step().await;
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<(), GatewayError> {
        self.process.step().await;
        self.answers()?;
        self.with(|state| {
            state.writes.push("remove".into());
            let slow = state.slow;
            if let Some(held) = state.targets.get_mut(id) {
                (held.status, held.after, held.looks) = ("DELETING", "GONE", slow);
            }
        });
        self.process.step().await;
        Ok(())
    }
}

impl ToolSchemas for TestGateway {
    async fn put_schema(&self, key: &str, schema: &str) -> Result<Option<String>, GatewayError> {
        self.process.step().await;
        Ok(self.with(|state| {
            let bucket = state.bucket.as_mut()?;
            bucket.insert(key.to_owned(), schema.to_owned());
            Some(format!("s3://schemas/{key}"))
        }))
    }
}
