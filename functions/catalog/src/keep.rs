//! Keeps one gateway target as its server is: list, compare, make or change, see that it is good.
//!
//! Each step at the gateway is noted before it is taken, with what a failure would have to put back.
//! So whoever comes after a crash goes on where it ended, and a target is never left worse than found.

use crate::Keeper;
use crate::doubt::believable;
use crate::halt::Halt;
use crate::notes::Notes;
use crate::recipes::{recipe_of, schema_key};
use crate::tools::{Tools, digest, drift};
use broker::catalog::{Catalog, Look, Recipe, Refused, UnderWay};
use broker::clock::{Clock, whole_seconds};
use broker::gateway::{
    GatewayError, GatewayTarget, GatewayTargets, Settings, Status, ToolSchema, ToolSchemas,
};
use broker::store::{CatalogStore, ClientSecrets, ConnectionStore, TargetStore};
use broker::subject::SubjectId;
use broker::target::Target;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Why a target is looked at: because it is time, if it is neither of these.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Occasion {
    /// An operator asked for it: what was refused before is tried again, and what is doubtful is done.
    pub(crate) wanted: bool,
    /// Who has just consented.
    pub(crate) consenting: Vec<SubjectId>,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// The gateway had it already.
    Kept,
    /// There is a new gateway target.
    Created,
    /// The gateway target was changed.
    Updated,
    /// An operator must look. What the gateway has stays.
    Failed,
    /// Nobody's connection can list the tools. What the gateway has stays.
    NoSteward,
    /// It is tried again soon.
    Returned,
}

/// What a look came to, and whether the tools were others than before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Visit {
    pub(crate) outcome: Outcome,
    pub(crate) drifted: bool,
}

impl<T, C, S, G, K> Keeper<T, C, S, G, K>
where
    T: TargetStore + CatalogStore,
    C: ConnectionStore,
    S: ClientSecrets,
    G: GatewayTargets + ToolSchemas,
    K: Clock,
{
    /// Looks at `target` once. Nothing is begun that may not end before `deadline`.
    pub(crate) async fn keep(
        &self,
        gateway: &G,
        target: &Target,
        occasion: &Occasion,
        deadline: SystemTime,
    ) -> Visit {
        let now = self.clock.now();
        let mut drifted = false;
        let kept = match Notes::open(&self.targets, &target.name, now, deadline).await {
            Ok(mut notes) => {
                let work = Work { gateway, target, deadline };
                let kept = self.try_keep(&work, &mut notes, occasion, &mut drifted).await;
                let (outcome, why) = words(&kept);
                let look = Look { at: whole_seconds(now), outcome: outcome.name().into(), why };
                if let Err(halt) = notes.close(look).await {
                    tracing::warn!(?halt, target_name = %target.name, "a look was not noted");
                }
                kept
            }
            Err(halt) => Err(halt),
        };
        let (outcome, why) = words(&kept);
        let name = &target.name;
        let why = why.as_deref().unwrap_or_default();
        match outcome {
            Outcome::Failed => {
                tracing::error!(outcome = outcome.name(), target_name = %name, why, "{name}: {why}");
            }
            Outcome::NoSteward | Outcome::Returned => {
                tracing::warn!(outcome = outcome.name(), target_name = %name, why, "{name}: {why}");
            }
            Outcome::Kept | Outcome::Created | Outcome::Updated => {
                tracing::info!(outcome = outcome.name(), target_name = %name, "looked at {name}");
            }
        }
        Visit { outcome, drifted }
    }

    async fn try_keep(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
        occasion: &Occasion,
        drifted: &mut bool,
    ) -> Result<Outcome, Halt> {
        let now = self.clock.now();
        let resumed =
            notes.catalog.look.as_ref().is_some_and(|l| l.outcome == Outcome::Returned.name());
        let refused = &mut notes.catalog.refused;
        // A message that comes again goes on where it was left.
        if occasion.wanted && !resumed {
            refused.clear();
        }
        refused.retain(|refused| now < refused.at + REFUSED_FOR);
        // What was begun is ended first: that needs nobody's connection.
        let mut found = self.settle(work, notes).await?;
        let tools = self.tools(notes, work.target, &occasion.consenting, work.deadline).await?;
        *drifted = self.notice(work, notes, &tools).await?;
        if *drifted && found.is_some() && !occasion.wanted {
            believable(&work.target.name, &notes.catalog, &tools)?;
        }
        let mut done = Outcome::Kept;
        loop {
            if let Some(target) = &found
                && (done != Outcome::Kept || self.is_as_wanted(work, target, &tools, notes).await?)
            {
                let catalog = &mut notes.catalog;
                catalog.recipe = Some(recipe_of(&target.settings));
                catalog.taken = Some(shown(&target.settings));
                catalog.listed = Some(tools.listed());
                catalog.listed_by = catalog.steward;
                catalog.refused.clear();
                notes.write().await?;
                return Ok(done);
            }
            let recipe = self.next_recipe(work, notes, found.as_ref(), &tools).await?;
            self.in_time(work.deadline)?;
            let (next, changed) = match &found {
                None => (self.create(work, notes, recipe, &tools).await?, Outcome::Created),
                Some(target) => {
                    (self.update(work, notes, target, recipe, &tools).await?, Outcome::Updated)
                }
            };
            // Otherwise the gateway did not take it, and another recipe's turn has come.
            if next.taken {
                done = changed;
            }
            found = next.found;
        }
    }

    /// Says how the tools differ from those that the gateway has.
    async fn notice(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
        tools: &Tools,
    ) -> Result<bool, Halt> {
        let before = notes.catalog.listed.as_ref();
        let Some(drift) = before
            .and_then(|before| drift(before, &tools.listed(), whole_seconds(self.clock.now())))
        else {
            return Ok(false);
        };
        let name = &work.target.name;
        let (added, removed, changed) = (&drift.added, &drift.removed, &drift.changed);
        tracing::warn!(
            outcome = "drifted",
            target_name = %name,
            ?added,
            ?removed,
            ?changed,
            "the tools of {name} have changed",
        );
        notes.catalog.drift = Some(drift);
        notes.write().await?;
        Ok(true)
    }

    /// Whether the gateway has what it should have.
    async fn is_as_wanted(
        &self,
        work: &Work<'_, G>,
        found: &GatewayTarget,
        tools: &Tools,
        notes: &Notes<'_, T>,
    ) -> Result<bool, Halt> {
        if !is_as_told(found, work.target, tools, &notes.catalog) {
            return Ok(false);
        }
        // There may be more targets than when it was made.
        if recipe_of(&found.settings) == Recipe::Dynamic {
            return self.is_sole(work.gateway, work.target).await;
        }
        Ok(true)
    }

    /// The first recipe that can be tried and was not refused; before all others the one that the
    /// target is of.
    ///
    /// A target that has its tools is never asked to do without, and one that is there is told another
    /// way only where the service does not know the first: whatever else it refuses may be the tools'
    /// fault, and is put back.
    async fn next_recipe(
        &self,
        work: &Work<'_, G>,
        notes: &Notes<'_, T>,
        found: Option<&GatewayTarget>,
        tools: &Tools,
    ) -> Result<Recipe, Halt> {
        let refused = &notes.catalog.refused;
        let own = found.map(|found| recipe_of(&found.settings));
        let own = own.filter(|recipe| recipe.has_schema() || found.is_some_and(is_good));
        let told = found.is_some_and(|found| found.settings.schema().is_some());
        let others = Recipe::ALL.into_iter().filter(|_| !told);
        for recipe in own.into_iter().chain(others) {
            match refused.iter().find(|refused| refused.recipe == recipe) {
                None => {
                    let Work { gateway, target, deadline } = *work;
                    if self.offers(gateway, recipe, target, tools, deadline).await? {
                        return Ok(recipe);
                    }
                }
                Some(refused) if found.is_none() || refused.why.contains(UNSUPPORTED) => {}
                Some(_) => break,
            }
        }
        let said: Vec<_> = refused
            .iter()
            .map(|Refused { recipe, why, .. }| format!("{}: {why}", recipe.name()))
            .collect();
        Err(Halt::Failed(format!("the gateway takes no target for it: {}", said.join("; "))))
    }

    async fn create(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
        recipe: Recipe,
        tools: &Tools,
    ) -> Result<Tried, Halt> {
        let Work { gateway, target, .. } = work;
        let before = Settings::new(&target.name, &target.endpoint);
        let settings = self.settings(gateway, recipe, &before, target, tools).await?;
        let token = self.token(&settings, notes.catalog.under_way.as_ref());
        notes.catalog.under_way = Some(UnderWay::Creating { recipe, token: token.clone() });
        notes.write().await?;
        match gateway.create(&settings, &token).await {
            Ok(id) => {
                notes.catalog.gateway_target = Some(id);
                notes.catalog.created = true;
                notes.write().await?;
            }
            Err(GatewayError::Refused(why)) => {
                notes.refuse(recipe, why, self.clock.now());
                notes.catalog.under_way = None;
                notes.write().await?;
                return Ok(Tried { found: None, taken: false });
            }
            Err(error) => return Err(error.into()),
        }
        let found = self.settle(work, notes).await?;
        if found.is_none() && !notes.catalog.refused.iter().any(|refused| refused.recipe == recipe)
        {
            return Err(Halt::Later("the target that was made is gone already".into()));
        }
        Ok(Tried { taken: found.is_some(), found })
    }

    async fn update(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
        found: &GatewayTarget,
        recipe: Recipe,
        tools: &Tools,
    ) -> Result<Tried, Halt> {
        let Work { gateway, target, .. } = work;
        let settings = self.settings(gateway, recipe, &found.settings, target, tools).await?;
        let former = self.notable(gateway, target, &found.settings).await?;
        let good = is_good(found);
        // Listing took its time, and an update replaces everything.
        if gateway.find_by_id(&found.id).await?.as_ref() != Some(found) {
            return Err(Halt::Later("the gateway target was changed by somebody else".into()));
        }
        notes.catalog.under_way = Some(UnderWay::Updating { recipe, former, good });
        notes.write().await?;
        match gateway.update(&found.id, &settings).await {
            Ok(()) => {}
            Err(GatewayError::Refused(why)) => {
                notes.refuse(recipe, why, self.clock.now());
                // Nothing was changed.
                notes.catalog.under_way = None;
                notes.write().await?;
                return Ok(Tried { found: Some(found.clone()), taken: false });
            }
            Err(error) => return Err(error.into()),
        }
        let found = self.settle(work, notes).await?;
        let refused = notes.catalog.refused.iter().any(|refused| refused.recipe == recipe);
        Ok(Tried { taken: found.is_some() && !refused, found })
    }

    /// By which the service knows a repetition: the same for what was begun and is begun again, and
    /// another one for what is begun anew, however soon.
    fn token(&self, settings: &Settings, begun: Option<&UnderWay>) -> String {
        let start = &shown(settings)[..40];
        match begun {
            Some(UnderWay::Creating { token, .. }) if token.starts_with(start) => token.clone(),
            _ => {
                let now = self.clock.now().duration_since(UNIX_EPOCH).unwrap_or_default();
                format!("{start}-{:x}", now.as_nanos())
            }
        }
    }
}

/// One look at one target.
pub(crate) struct Work<'a, G> {
    pub(crate) gateway: &'a G,
    pub(crate) target: &'a Target,
    pub(crate) deadline: SystemTime,
}

/// What came of a recipe.
struct Tried {
    found: Option<GatewayTarget>,
    taken: bool,
}

/// How long a recipe that was refused is not tried again by itself.
const REFUSED_FOR: Duration = Duration::from_hours(24);

/// In what the service says where it takes no tools without a provider of its own choice.
const UNSUPPORTED: &str = "mcpToolSchema is only supported";

/// Whether the gateway was told what it should have been.
fn is_as_told(found: &GatewayTarget, target: &Target, tools: &Tools, noted: &Catalog) -> bool {
    if !is_good(found) || found.settings.endpoint() != Some(target.endpoint.as_str()) {
        return false;
    }
    let listed = noted.listed.as_ref();
    let as_listed = listed.is_some_and(|listed| listed.digest == tools.listed().digest);
    match recipe_of(&found.settings) {
        // Nothing is kept there that could be old.
        Recipe::Dynamic => true,
        // The gateway listed them itself, when it was last told.
        Recipe::Anonymous | Recipe::ClientCredentials => listed.is_none() || as_listed,
        Recipe::Static | Recipe::Placeholder => {
            let taken = noted.taken.as_deref() == Some(&shown(&found.settings));
            let told = match found.settings.schema() {
                Some(ToolSchema::Inline(schema)) => tools.are(&schema),
                Some(ToolSchema::S3(uri)) => uri.ends_with(&schema_key(target, tools)),
                None => false,
            };
            told || (taken && as_listed)
        }
    }
}

fn is_good(found: &GatewayTarget) -> bool {
    found.status == Status::Ready
}

fn shown(settings: &Settings) -> String {
    let members: serde_json::Value = settings.members().clone().into();
    digest(&members.to_string())
}

fn words(kept: &Result<Outcome, Halt>) -> (Outcome, Option<String>) {
    match kept {
        Ok(outcome) => (*outcome, None),
        Err(Halt::Failed(why)) => (Outcome::Failed, Some(why.clone())),
        Err(Halt::Later(why)) => (Outcome::Returned, Some(why.clone())),
        Err(Halt::NoSteward) => (
            Outcome::NoSteward,
            Some("nobody whose connection lists the tools is connected".into()),
        ),
    }
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Failed => "failed",
            Self::NoSteward => "no_steward",
            Self::Returned => "returned",
        }
    }
}
