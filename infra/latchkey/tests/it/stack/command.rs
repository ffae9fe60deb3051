//! The command itself, as an operator types it.

use super::world::World;
use serde_json::Value;
use std::process::Output;
use tokio::process::Command;

/// Runs it with an account of the test's own, and nothing else of the machine's.
async fn run(world: &World, words: &str, usual: &[(&str, &str)]) -> (i32, String, String) {
    let nowhere = std::env::temp_dir().join("latchkey-nowhere");
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.args(words.split(' ')).env_clear().envs(usual.iter().copied());
    command.env("AWS_ENDPOINT_URL", &world.aws.url).env("HOME", nowhere);
    if !usual.iter().any(|(name, _)| *name == "AWS_REGION") {
        command.env("AWS_REGION", "us-east-1");
    }
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "secret");
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[tokio::test]
async fn it_finds_the_deployment_that_is_named_and_answers_in_json() {
    let world = World::new().await;
    world.connect(&world.servers.wish()).await.unwrap();

    let (code, out, error) = run(&world, "targets --stack broker --json", &[]).await;
    assert_eq!((code, error.as_str()), (0, ""));
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed["targets"][0]["name"], "notes");
    assert_eq!(listed["targets"][0]["endpoint"], world.servers.mcp);

    // Named once for all; a folder that is named comes first.
    let usual = [("LATCHKEY_STACK", "broker")];
    let (code, out, _) = run(&world, "targets", &usual).await;
    assert_eq!(code, 0);
    assert!(out.contains("nobody has consented yet"), "{out}");
    let (code, out, _) = run(&world, "targets --data /nonexistent/folder", &usual).await;
    assert_eq!(code, 0);
    assert!(out.contains("There is no target yet"), "{out}");

    let (code, ..) = run(&world, "targets look notes", &usual).await;
    assert_eq!((code, world.aws.account().sent.len()), (0, 1));
    let (code, out, _) = run(&world, "attach --json", &usual).await;
    let attached: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &attached["done"]), (0, &Value::Bool(false)));
}

#[tokio::test]
async fn what_is_wrong_with_a_command_is_said_on_stderr_and_by_its_exit_code() {
    let world = World::new().await;
    for (words, due) in [
        ("targets --stack broker --data folder", "cannot be used with"),
        ("doctor", "nothing is named"),
        ("attach", "--stack"),
        ("targets look notes", "--stack"),
        ("disconnect --target notes --stack broker", "--subject"),
        ("disconnect --target notes --subject short --stack broker", "begins so"),
        ("disconnect --target notes --everyone --stack broker", "--yes"),
        ("targets --stack other", "region us-east-1"),
        ("targets --stack other --region eu-west-3", "region eu-west-3"),
        ("targets look notes --stack broker", "no target"),
    ] {
        let (code, out, error) = run(&world, words, &[]).await;
        assert_eq!((code, out.as_str()), (2, ""), "{words}: {error}");
        assert!(error.contains(due), "{words}: {error}");
    }
    let (code, out, _) = run(&world, "targets --stack other --json", &[]).await;
    let refused: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &refused["error"]["kind"]), (2, &Value::from("unknown_stack")));
    // Nothing at 127.0.0.1 is public.
    let (code, out, error) = run(&world, "doctor --stack broker", &[]).await;
    assert_eq!(code, 1, "{error}");
    assert!(out.contains("not_served") && out.contains("is not as it has to be"), "{out}");
    let usual = [("AWS_REGION", "")];
    let (code, _, error) = run(&world, "targets --stack broker", &usual).await;
    assert_eq!(code, 2);
    assert!(error.contains("no region"), "{error}");
}
