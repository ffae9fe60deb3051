//! `latchkey connect`: from an MCP server's address to a target that people can connect.
//!
//! Everything is looked at before anything is changed; what is changed is changed at once, or unmade.

mod arguments;
pub(crate) mod deployed;
mod given;
mod look;
mod refusal;
mod work;

pub use arguments::Arguments;
pub(crate) use look::look;

use crate::answer::Refusal;
use crate::local::is_configured;
use crate::operator::{KeptSecrets, Operator};
use crate::verdict::Verdict;
use broker::aws::DynamoStore;
use broker::clock::Random;
use broker::discovery::Discovery;
use broker::discovery::attempt::Tell;
use broker::registration::{Applicant, Plan, Registrant, Registration, Situation, Standing};
use broker::store::TargetStore;
use broker::target::{ClientAuthentication, Endpoint, Target, TargetName, Way};
use oauth2::ClientSecret;
use serde_json::Value;
use std::time::SystemTime;
use work::Work;

/// What the operator wants.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The MCP server.
    pub endpoint: Endpoint,
    /// What its target is to be called.
    pub name: TargetName,
    /// What people are shown.
    pub title: Option<String>,
    /// Whose tokens are wanted, where there is a choice, or where the MCP server does not say.
    pub issuer: Option<String>,
    /// What to ask for, instead of what the servers say.
    pub scopes: Vec<String>,
    /// A client that was registered by hand.
    pub by_hand: Option<ByHand>,
    /// Whether the resource must be the endpoint to the letter.
    pub strict: bool,
    /// Its tools.
    pub tools: Option<Vec<Value>>,
    /// Whether nothing is to be done.
    pub dry_run: bool,
}

/// A client that an operator registered.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// Its id.
    pub client_id: String,
    /// Its secret, if it has one.
    pub client_secret: Option<ClientSecret>,
    /// How it proves itself; else what fits is chosen.
    pub method: Option<ClientAuthentication>,
}

/// Time and chance.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// When.
    pub now: SystemTime,
    /// Chance.
    pub random: &'a dyn Random,
}

impl Operator {
    /// Connects the server that `wish` names. `tell` hears of each request as it ends.
    pub async fn connect(
        &self,
        wish: &Wish,
        moment: Moment<'_>,
        tell: &mut Tell,
    ) -> Result<Verdict, Refusal> {
        let found = self.store.find_target(&wish.name).await?;
        if let Some(found) = &found {
            self.is_the_same(found, wish)?;
        }
        if let Some(stack) = self.stack() {
            deployed::can_take(wish)?;
            self.step(&format!("asking whether {} answers", self.base_url.as_str()));
            stack.serves(&self.base_url, &format!("/client/{}", wish.name)).await?;
        }
        let http = self.reach(&wish.endpoint);
        let in_use = found.as_ref().map(|found| found.authorization_server.issuer.as_str());
        let issuer = wish.issuer.as_deref().or(in_use);
        let discovery = look(&http, &wish.endpoint, issuer, wish.strict, tell).await?;
        refusal::unless_wanted(wish.issuer.as_deref(), &discovery)?;

        let registrant = self.registrant(&http, moment.random);
        let applicant = Applicant::of(&self.base_url, &wish.name);
        let refused = is_refused(&registrant, found.as_ref(), &discovery, moment.now).await;
        let situation = Situation {
            server: &discovery.metadata,
            applicant: &applicant,
            known: found.as_ref().map(|found| &found.client),
            refused,
            now: moment.now,
        };
        let given = wish.by_hand.as_ref().map(|given| given.at(&discovery, &applicant));
        let given = given.transpose()?;
        if let Some(given) = &given {
            given::is_meant_for(given, wish, found.as_ref())?;
        }
        let plan = situation.plan(given);
        let plan = plan.map_err(|error| refusal::of_plan(error, &discovery, &applicant))?;
        let work = Work { operator: self, wish, found: found.as_ref(), discovery: &discovery };
        if wish.dry_run {
            return Ok(work.rehearse(&plan, &situation));
        }
        if let Plan::Given(given) = &plan {
            given::is_believed(given, &work, &http, moment).await?;
        }
        self.step(&plan.to_string());
        let target = registrant
            .establish(&plan, &applicant, work.found, &wish.name, |client| work.target(client))
            .await?;
        self.step(&format!("the record of {} is written", target.name));
        // At once: nothing but `found` has what ends the client that was there before.
        let mut notes = Vec::new();
        if let Some(found) = found.as_ref().filter(|found| found.client != target.client) {
            let ended = registrant.supersede(&found.client, &target.client).await;
            notes.extend(work::farewell(&found.client, &target.client, ended));
        }
        let left = self.clear_away(&http, &wish.name, Some(&target.client), moment.now).await;
        notes.extend(left.notes);
        if let (Some(tools), Some(folder)) = (&wish.tools, self.folder())
            && let Err(error) = folder.keep_tools(&wish.name, tools)
        {
            notes.push(format!("Its tools could not be kept: {error}. Connect it again for them."));
        }
        let mut verdict = work.verdict(&target, &plan, &situation);
        verdict.notes.extend(notes);
        self.look_on(&target, &mut verdict).await;
        Ok(verdict)
    }

    /// A name that is taken stays with its server.
    fn is_the_same(&self, found: &Target, wish: &Wish) -> Result<(), Refusal> {
        let remove = self.command(&format!("targets remove {}", found.name));
        if is_configured(found) {
            return Err(self.is_not_ours(found, &format!("connect it again after: {remove}")));
        }
        if found.endpoint != wish.endpoint {
            return Err(Refusal::new(
                "name_taken",
                format!(
                    "{} is the name of another server: {}",
                    found.name,
                    found.endpoint.as_str()
                ),
                format!("Choose another name, or remove that one: {remove}"),
            ));
        }
        Ok(())
    }

    /// A target that nobody connected.
    pub(crate) fn is_not_ours(&self, found: &Target, instead: &str) -> Refusal {
        let name = &found.name;
        match self.stack() {
            None => Refusal::new(
                "configured",
                format!("{name} is a target of the configuration file of `latchkey local`"),
                "Choose another name, or take it out of the file and start `latchkey local` again.",
            ),
            Some(_) => Refusal::new(
                "configured",
                format!("the record of {name} was written by hand: it has no client.issuer"),
                format!("Add the issuer that its client is good at, or {instead}"),
            ),
        }
    }
}

/// Whether the authorization server has forgotten a client that it knew. No person is needed to find
/// out; where it does not say, nothing is changed for it. One by document cannot be forgotten.
async fn is_refused(
    registrant: &Registrant<'_, DynamoStore, KeptSecrets>,
    found: Option<&Target>,
    discovery: &Discovery,
    now: SystemTime,
) -> bool {
    let server = &discovery.metadata.server;
    let Some(found) = found.filter(|found| {
        found.client.way != Way::Document && found.client.is_at(&server.issuer).is_ok()
    }) else {
        return false;
    };
    let target = Target { authorization_server: server.clone(), ..found.clone() };
    matches!(registrant.standing(&target, now).await, Ok(Standing::Refused))
}

impl ByHand {
    fn at(&self, discovery: &Discovery, applicant: &Applicant) -> Result<Registration, Refusal> {
        Ok(Registration::by_hand(
            &discovery.metadata.server.issuer,
            &self.client_id,
            self.client_secret.clone(),
            self.method,
            &applicant.redirect_uri,
            &discovery.metadata,
        )?)
    }
}
