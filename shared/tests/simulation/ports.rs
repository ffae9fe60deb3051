//! The ports of a worker: each call is two points, on the way there and on the way back, and what it
//! does between them goes into the book.

use crate::authorization_server::{Fault, Reply};
use crate::book::Told;
use crate::executor::pause;
use crate::mutation::Mutation;
use crate::reading::read;
use crate::world::Shared;
use broker::clock::Clock;
use broker::oauth::token::TokenError;
use broker::refresh::TokenRequests;
use broker::target::Target;
use broker::tokens::Granted;
use oauth2::{ClientSecret, RefreshToken};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A worker's watch, which may be off.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) world: Shared,
    pub(crate) worker: usize,
}

impl Clock for Watch {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.world.with(|world| world.local(self.worker)))
    }
}

/// The token endpoint.
pub(crate) struct Requests {
    pub(crate) world: Shared,
    pub(crate) worker: usize,
    pub(crate) mutation: Option<Mutation>,
}

impl TokenRequests for Requests {
    async fn refresh(
        &self,
        _: &Target,
        _: Option<ClientSecret>,
        refresh: &RefreshToken,
        now: SystemTime,
    ) -> Result<Granted, TokenError> {
        let refresh = refresh.clone().into_secret();
        let mut reply = self.ask(&refresh).await;
        if self.mutation == Some(Mutation::RetryOnAmbiguous) && reply == Reply::Silence {
            reply = self.ask(&refresh).await;
        }
        let reply = match (self.mutation, reply) {
            (
                Some(Mutation::EndOnAny4xx),
                Reply::InvalidClient | Reply::TooManyRequests(_) | Reply::EmptyBadRequest,
            )
            | (Some(Mutation::EndOn5xx), Reply::ServerError | Reply::Html) => Reply::InvalidGrant,
            (_, reply) => reply,
        };
        read(reply, now)
    }
}

impl Requests {
    async fn ask(&self, refresh: &str) -> Reply {
        let Self { world, worker, .. } = self;
        let worker = *worker;
        let (fault, is_late) = world.with(|world| {
            world.rouse();
            let (grant, local) = (world.server.grant_of(refresh), world.local(worker));
            world.book.request_leaves(worker, refresh, grant, local, world.punished);
            (world.fault(), world.faults && world.chance.once_in(20))
        });
        let there = world.with(|world| world.chance.below(1900));
        let reply = if is_late {
            // It takes longer than anybody waits.
            world.with(|world| {
                let ms = 4000 + world.chance.below(20_000);
                world.arrives_late(refresh, ms);
            });
            Reply::Silence
        } else {
            pause(world, there).await;
            world.with(|world| {
                let now = world.seconds();
                let reply = world.server.ask(refresh, fault, now);
                world.book.note(world.now, || format!("{worker} asks with {refresh}: {reply:?}"));
                reply
            })
        };
        let back = match fault {
            _ if is_late => 4000,
            Some(Fault::LostBefore | Fault::LostAfter) => 4000 - there,
            _ => world.with(|world| world.chance.below(1900)),
        };
        pause(world, back).await;
        world.with(|world| {
            let told = match &reply {
                Reply::Granted { refresh: won, .. } => {
                    Told::Won(won.clone().unwrap_or_else(|| refresh.to_owned()))
                }
                Reply::InvalidGrant => Told::InvalidGrant,
                Reply::TooManyRequests(retry_after) => Told::Answered { retry_after: *retry_after },
                Reply::Silence => Told::Unanswered,
                _ => Told::Answered { retry_after: None },
            };
            let local = world.local(worker);
            world.book.request_ends(worker, &told, local);
            world.book.note(world.now, || format!("{worker} is told {told:?}"));
        });
        reply
    }
}
