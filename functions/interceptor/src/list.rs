//! Lists of tools, prompts and resources. The gateway has them, and those who ask need no token.
//!
//! At a gateway whose only target is listed live (recipe `dynamic` of its catalog) each list is asked
//! for at the MCP server instead, as its reader. It is then treated as a call is: it goes on with its
//! reader's token, or is answered. It is known to be such a list from the registry: an instance that
//! could never read that lets each list pass as it came. No list is answered by an empty one: clients
//! would keep that, and it would not be true. Nor is it answered by `input_required`, which MCP has not
//! for lists.
//!
//! A list names no target. With two in the registry, readable or not, the token of one would be sent to
//! the other, so then no list gets any.

use crate::Interceptor;
use crate::event::Output;
use crate::json::Verbatim;
use crate::refusal::Refusal;
use crate::refuse_message;
use broker::clock::Clock;
use broker::store::{StoreError, TargetStore};
use broker::target::Target;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::SystemTime;

impl<T: TargetStore, C, S, K: Clock> Interceptor<T, C, S, K> {
    /// The target at which a list is asked for; `None` if the gateway has the list itself. While the
    /// registry is out of reach a list passes as it came: no token is with it, and most gateways have
    /// their lists.
    pub(crate) async fn listed_live(
        &self,
        now: SystemTime,
    ) -> Result<Option<Arc<Target>>, Refusal> {
        self.targets.listed_live(now).await.or_else(|error| {
            tracing::error!(%error, "whose lists are live cannot be read");
            match error {
                StoreError::Unavailable(_) => Ok(None),
                StoreError::Unreadable(_) => Err(Refusal::TryAgain),
            }
        })
    }

    /// A message that asks for a list in a way that no token is given to: it passes if none is needed.
    pub(crate) async fn decide_tokenless_list(
        &self,
        id: Option<&RawValue>,
        whole: Verbatim,
        refusal: Refusal,
    ) -> Output {
        match self.listed_live(self.clock.now()).await {
            Ok(None) => Output::pass(whole),
            Ok(Some(_)) => refuse_message(id, refusal),
            Err(refusal) => refuse_message(id, refusal),
        }
    }
}
