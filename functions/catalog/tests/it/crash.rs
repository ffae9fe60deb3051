//! A process that dies before or after any of its steps leaves nothing that the next one cannot end.

use crate::control_plane::{Verdict, kind};
use crate::mcp_server::tool;
use crate::world::{MINUTE, World};
use broker::catalog::UnderWay;
use broker::gateway::{Settings, ToolSchema};
use catalog::Report;

/// Crashes at each step in turn, until there is no such step, and lets the next look go on.
async fn at_every_step(make: impl AsyncFn() -> World, check: impl AsyncFn(&World, usize)) -> usize {
    for step in 1.. {
        let world = make().await;
        if !world.dies_at(step).await {
            return step;
        }
        // Whoever died holds the notes until it cannot be alive any more.
        assert_eq!(world.look().await.created + world.look().await.updated, 0, "step {step}");
        check(&world, step).await;
    }
    unreachable!("there is a last step")
}

/// Looks until nothing is left to do.
async fn comes_to_rest(world: &World) -> Report {
    world.watch.forward(10 * MINUTE);
    world.consented("alice").await;
    world.look().await
}

#[tokio::test]
async fn a_creation_ends_as_if_nobody_had_died() {
    let steps = at_every_step(World::new, async |world, step| {
        let report = comes_to_rest(world).await;
        assert_eq!(report, Report { kept: 1, ..Report::default() }, "step {step}");
        let [(_, settings, "READY")] = &world.gateway.targets()[..] else { panic!("step {step}") };
        assert_eq!(kind(settings), "static");
        let noted = world.noted().await;
        assert_eq!((noted.under_way, noted.refused.len()), (None, 0), "step {step}");
        assert!(noted.created && noted.steward.is_some(), "step {step}");
    })
    .await;
    assert!(steps > 10, "{steps} steps");
}

#[tokio::test]
async fn a_creation_that_is_not_listed_yet_is_repeated_under_its_own_token() {
    at_every_step(World::new, async |world, step| {
        world.watch.forward(10 * MINUTE);
        world.gateway.is_forgetful(1);
        let (_, report) = world.consented("alice").await;
        assert_eq!((report.returned, report.failed), (0, 0), "step {step}");
        assert_eq!(world.gateway.targets().len(), 1, "step {step}");
    })
    .await;
}

#[tokio::test]
async fn a_recipe_that_fails_leaves_no_target_behind() {
    let make = async || {
        let mut world = World::new().await;
        world.keeper.providers.placeholder = Some("arn:aws:key".into());
        world.gateway.judges(|settings| match kind(settings) {
            "placeholder" => Verdict::Good,
            _ => Verdict::Bad,
        });
        world
    };
    let steps = at_every_step(make, async |world, step| {
        let report = comes_to_rest(world).await;
        assert_eq!(report, Report { kept: 1, ..Report::default() }, "step {step}");
        let [(_, settings, "READY")] = &world.gateway.targets()[..] else { panic!("step {step}") };
        assert_eq!(kind(settings), "placeholder", "step {step}");
        assert_eq!(world.noted().await.recipe.unwrap().name(), "placeholder");
    })
    .await;
    assert!(steps > 20, "{steps} steps");
}

/// With a target that is good, and a list that the gateway may not take.
async fn with_poison(verdict: Verdict) -> (World, Settings) {
    let world = World::new().await;
    world.consented("alice").await;
    let former = world.gateway.targets()[0].1.clone();
    // A recipe without a schema would be taken: it must not be tried.
    world.server.tell(|mood| {
        mood.accepts = None;
        mood.tools.push(tool("poison"));
    });
    world.gateway.judges(move |settings| match settings.schema() {
        Some(ToolSchema::Inline(schema)) if schema.contains("poison") => verdict,
        _ => Verdict::Good,
    });
    world.gateway.writes();
    // Until a consent is a reason to look again.
    world.watch.forward(5 * MINUTE);
    (world, former)
}

#[tokio::test]
async fn a_former_configuration_is_never_lost() {
    for verdict in [Verdict::Bad, Verdict::Refused, Verdict::Good] {
        let make = async || with_poison(verdict).await.0;
        let steps = at_every_step(make, async |world, step| {
            let former = with_poison(verdict).await.1;
            let mut former = former;
            former.set_endpoint(&world.server.url().parse().unwrap());
            // It is at the gateway, or it is noted, or the gateway has taken what came after it.
            let [(_, settings, status)] = &world.gateway.targets()[..] else { panic!() };
            let noted = match world.noted().await.under_way {
                Some(UnderWay::Updating { former, .. } | UnderWay::Restoring { former, .. }) => {
                    Some(former)
                }
                _ => None,
            };
            let taken = verdict == Verdict::Good && *status == "READY";
            assert!(*settings == former || noted == Some(former.clone()) || taken, "step {step}");

            comes_to_rest(world).await;

            let [(_, settings, "READY")] = &world.gateway.targets()[..] else {
                panic!("step {step} {verdict:?}")
            };
            assert_eq!(*settings == former, verdict != Verdict::Good, "step {step} {verdict:?}");
            assert_eq!(world.noted().await.under_way, None, "step {step} {verdict:?}");
        })
        .await;
        assert!(steps > 8, "{steps} steps");
    }
}
