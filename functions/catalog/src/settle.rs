//! Ends what was begun at the gateway: waits for it, notes what came of it, puts back what failed.

use crate::Keeper;
use crate::halt::Halt;
use crate::keep::Work;
use crate::notes::Notes;
use crate::tools::Tools;
use broker::catalog::UnderWay;
use broker::clock::Clock;
use broker::gateway::{GatewayTarget, GatewayTargets, Settings, Status, ToolSchema};
use broker::store::{CatalogStore, TargetStore};
use std::time::{Duration, SystemTime};

impl<T, C, S, G, K> Keeper<T, C, S, G, K>
where
    T: TargetStore + CatalogStore,
    C: Send + Sync,
    S: Send + Sync,
    G: GatewayTargets,
    K: Clock,
{
    /// The gateway target as it is when nothing is under way any more. `None` if there is none.
    pub(crate) async fn settle(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
    ) -> Result<Option<GatewayTarget>, Halt> {
        loop {
            let Some(found) = self.at_rest(work, notes).await? else {
                if !matches!(notes.catalog.under_way, Some(UnderWay::Creating { .. })) {
                    notes.catalog.under_way = None;
                }
                notes.write().await?;
                return Ok(None);
            };
            let good = found.status == Status::Ready;
            let words = || {
                let said = found.reasons.join("; ");
                if said.is_empty() { "it does not say why".to_owned() } else { said }
            };
            match notes.catalog.under_way.clone() {
                None => return Ok(Some(found)),
                Some(UnderWay::Creating { .. } | UnderWay::Updating { .. }) if good => {
                    notes.catalog.under_way = None;
                    notes.write().await?;
                    return Ok(Some(found));
                }
                Some(UnderWay::Creating { recipe, .. }) => {
                    notes.refuse(recipe, words(), self.clock.now());
                    notes.catalog.under_way = Some(UnderWay::Removing);
                    notes.write().await?;
                }
                Some(UnderWay::Removing) if !notes.catalog.created => {
                    notes.catalog.under_way = None;
                    notes.write().await?;
                }
                Some(UnderWay::Removing) => {
                    self.in_time(work.deadline)?;
                    work.gateway.remove(&found.id).await?;
                    self.pause(work.deadline).await?;
                }
                Some(UnderWay::Updating { recipe, former, good }) => {
                    notes.refuse(recipe, words(), self.clock.now());
                    notes.catalog.under_way = Some(UnderWay::Restoring { former, good });
                    notes.write().await?;
                }
                Some(UnderWay::Restoring { former, good: was_good }) => {
                    let restored = self.restore(work, notes, found, &former, was_good).await?;
                    notes.catalog.under_way = None;
                    notes.write().await?;
                    return Ok(Some(restored));
                }
            }
        }
    }

    /// Makes a target what it was.
    async fn restore(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
        found: GatewayTarget,
        former: &Settings,
        was_good: bool,
    ) -> Result<GatewayTarget, Halt> {
        // What failed is not good. So it is what it was, or somebody has mended it their own way.
        if found.status == Status::Ready || (same(&found.settings, former) && !was_good) {
            return Ok(found);
        }
        self.in_time(work.deadline)?;
        work.gateway.update(&found.id, former).await?;
        let Some(after) = self.at_rest(work, notes).await? else {
            return Err(Halt::Failed("a target went away while it was put back".into()));
        };
        if after.status == Status::Ready || !was_good {
            return Ok(after);
        }
        Err(Halt::Failed(format!(
            "a change failed, and the target is not yet what it was: {}",
            after.reasons.join("; ")
        )))
    }

    /// The gateway target, when the gateway is not at it.
    async fn at_rest(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
    ) -> Result<Option<GatewayTarget>, Halt> {
        loop {
            let Some(found) = self.find(work, notes).await? else { return Ok(None) };
            match &found.status {
                Status::UnderWay | Status::Deleting => self.pause(work.deadline).await?,
                Status::Failed | Status::Unsuccessful | Status::Ready => return Ok(Some(found)),
                Status::PendingAuthorization => {
                    return Err(Halt::Failed(
                        "its gateway target waits for a consent of its own, and is left alone"
                            .into(),
                    ));
                }
                Status::Unknown(status) => {
                    return Err(Halt::Failed(format!("its gateway target is {status}")));
                }
            }
        }
    }

    /// The gateway target that is ours to keep.
    async fn find(
        &self,
        work: &Work<'_, G>,
        notes: &mut Notes<'_, T>,
    ) -> Result<Option<GatewayTarget>, Halt> {
        let Work { gateway, target, .. } = work;
        if let Some(id) = notes.catalog.gateway_target.clone() {
            if let Some(found) = gateway.find_by_id(&id).await? {
                return self.ours(work, notes.catalog.created, found).map(Some);
            }
            // Somebody removed it, or we did.
            notes.catalog.gateway_target = None;
            notes.catalog.created = false;
            // And what is found by its name now is another one.
            notes.catalog.under_way = None;
            notes.write().await?;
        }
        let Some(found) = gateway.find_by_name(&target.name).await? else { return Ok(None) };
        let found = self.ours(work, false, found)?;
        notes.catalog.gateway_target = Some(found.id.clone());
        notes.catalog.created = matches!(notes.catalog.under_way, Some(UnderWay::Creating { .. }));
        notes.write().await?;
        Ok(Some(found))
    }

    /// `found`, unless it is somebody else's.
    fn ours(
        &self,
        work: &Work<'_, G>,
        created: bool,
        found: GatewayTarget,
    ) -> Result<GatewayTarget, Halt> {
        let expected = work.target.endpoint.as_str();
        let endpoint = found.settings.endpoint();
        if endpoint != Some(expected) && !(created && endpoint.is_some()) {
            return Err(Halt::Failed(format!(
                "the gateway has a target of this name for {}, which is not {expected}: it is left alone",
                endpoint.unwrap_or("something else than an MCP server")
            )));
        }
        let provider = found.settings.provider();
        if !self.providers.hold(provider.as_ref()) {
            return Err(Halt::Failed(format!(
                "its gateway target has a credential provider of its own ({}), and is left alone",
                provider.map(|provider| provider.kind()).unwrap_or_default()
            )));
        }
        Ok(found)
    }

    /// Waits for the gateway, if there is time.
    async fn pause(&self, deadline: SystemTime) -> Result<(), Halt> {
        if deadline < self.clock.now() + RESERVE {
            return Err(Halt::Later("the gateway is still at it".into()));
        }
        tokio::time::sleep(self.poll).await;
        Ok(())
    }

    /// Whether there is time left to begin something at the gateway, and to note what came of it.
    pub(crate) fn in_time(&self, deadline: SystemTime) -> Result<(), Halt> {
        let late = deadline < self.clock.now() + RESERVE;
        if late { Err(Halt::Later("time was short".into())) } else { Ok(()) }
    }
}

/// Whether a target was told the same, in whatever order.
fn same(found: &Settings, former: &Settings) -> bool {
    let without_tools = |settings: &Settings| {
        let mut settings = settings.clone();
        settings.set_schema(None);
        settings
    };
    let tools = match (found.schema(), former.schema()) {
        (Some(ToolSchema::Inline(a)), Some(ToolSchema::Inline(b))) => Tools::same(&a, &b),
        (a, b) => a == b,
    };
    tools && without_tools(found) == without_tools(former)
}

/// What a request to the gateway and two writes may take, the SDK's own retries included.
pub(crate) const RESERVE: Duration = Duration::from_secs(25);
