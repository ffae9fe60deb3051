//! One situation in which variants are compared.

use crate::Failure;
use crate::cloud::Cloud;
use crate::event::Event;
use crate::process::Process;
use crate::processors::Place;
use crate::quota::Quota;
use crate::variant::Variant;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What is sent, and what must come back.
pub(crate) struct Scene<'a> {
    pub(crate) cloud: &'a Cloud,
    /// Successive calls take one after the other, and begin anew at the end.
    pub(crate) calls: Vec<Call>,
    /// How many warm calls follow the first.
    pub(crate) warm: usize,
    /// How long the process rests between two calls.
    pub(crate) pause: Duration,
    /// The share of a processor that is left from the first event on.
    pub(crate) quota: Option<Quota>,
}

/// One event, and what must come back for its cost to count.
pub(crate) struct Call {
    pub(crate) event: Event,
    pub(crate) expects: Expected,
}

/// What an answer must hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    /// This token, which is the caller's own.
    Forward(String),
    /// No token.
    Pass,
    /// A link to connect at.
    Challenge,
    /// The MCP server's own answer.
    Answer,
}

impl Expected {
    /// Whether `answer` is that, and as long as the `body` that it must hold: to drop one is cheap.
    fn is(&self, answer: &str, body: usize) -> bool {
        let is_whole = *self == Self::Challenge || answer.len() > body;
        is_whole
            && match self {
                Self::Forward(token) => answer.contains(&format!("Bearer {token}\"")),
                Self::Pass => {
                    answer.contains("transformedGatewayRequest") && !answer.contains("Bearer ")
                }
                Self::Challenge => {
                    answer.contains("transformedGatewayResponse") && answer.contains("/authorize/")
                }
                Self::Answer => {
                    answer.contains("transformedGatewayResponse") && !answer.contains("/authorize/")
                }
            }
    }
}

/// What one process cost, from its start to its last warm call.
pub(crate) struct Run {
    pub(crate) init: Cost,
    pub(crate) first: Cost,
    /// One warm call: the median of their times, and their mean processor time.
    pub(crate) warm: Cost,
    /// The most memory held, in bytes.
    pub(crate) peak: u64,
}

/// Time by the clock on the wall and by the process's own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

impl Scene<'_> {
    /// Plays it once.
    pub(crate) fn play(&self, variant: &Variant, folder: &Path) -> Result<Run, Failure> {
        let log = folder.join("process.log");
        let mut process = Process::start(variant, Place::Alone, self.cloud, log, PATIENCE)?;
        let ready = process.ready()?;
        let started = process.started();
        let init = Cost { wall: ready - started, cpu: process.cpu()? };
        let held = self.quota.map(|quota| quota.hold(process.id())).transpose()?;
        let mut calls = self.calls.iter().cycle();
        let mut first = Cost::default();
        for call in calls.by_ref().take(1) {
            first.wall = call.make(&mut process, variant)?;
        }
        let after_first = process.cpu()?;
        first.cpu = after_first.saturating_sub(init.cpu);
        let mut walls = Vec::with_capacity(self.warm);
        for call in calls.take(self.warm) {
            thread::sleep(self.pause);
            walls.push(call.make(&mut process, variant)?);
        }
        walls.sort_unstable();
        let spent = process.cpu()?.saturating_sub(after_first);
        let calls = u32::try_from(self.warm.max(1)).unwrap_or(u32::MAX);
        let warm = Cost {
            wall: walls.get(walls.len() / 2).copied().unwrap_or_default(),
            cpu: spent / calls,
        };
        let peak = process.peak()?;
        drop(process);
        drop(held);
        Ok(Run { init, first, warm, peak })
    }
}

impl Call {
    /// Makes it, and waits until the process is ready for another: how long the answer took, which is as
    /// it must be.
    pub(crate) fn make(
        &self,
        process: &mut Process,
        variant: &Variant,
    ) -> Result<Duration, Failure> {
        let (time, answer) = process.call(&self.event.bytes)?;
        let answer = String::from_utf8_lossy(&answer);
        if !variant.only_echoes && !self.expects.is(&answer, self.event.body) {
            let answer = answer.get(..400).unwrap_or(&answer);
            return Err(process.failure(&format!("answered {answer}")));
        }
        process.ready()?;
        Ok(time)
    }
}

const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_answer_than_the_expected_one_is_noticed() {
        let request = |headers: &str| {
            format!(r#"{{"mcp":{{"transformedGatewayRequest":{{{headers}"body":{{}}}}}}}}"#)
        };
        let with = |token| request(&format!(r#""headers":{{"Authorization":"Bearer {token}"}},"#));
        let answer = r#"{"mcp":{"transformedGatewayResponse":{"statusCode":200,"body":{}}}}"#;
        let challenge = answer.replace("{}", r#"{"text":"https://b.example/authorize/github"}"#);
        let (own, longer, pass) = (with("gho_1"), with("gho_12"), request(""));
        let is = |expected: Expected| {
            [&own, &longer, &pass, &challenge, answer].map(|answer| expected.is(answer, 2))
        };
        assert_eq!(is(Expected::Forward("gho_1".to_owned())), [true, false, false, false, false]);
        assert_eq!(is(Expected::Pass), [false, false, true, false, false]);
        assert_eq!(is(Expected::Challenge), [false, false, false, true, false]);
        assert_eq!(is(Expected::Answer), [false, false, false, false, true]);
    }

    #[test]
    fn an_answer_without_what_was_to_be_passed_on_is_noticed() {
        let body = format!(r#"{{"content":"{}"}}"#, "x".repeat(600));
        let request = |body: &str| {
            format!(
                r#"{{"mcp":{{"transformedGatewayRequest":{{"headers":{{"Authorization":"Bearer t"}},"body":{body}}}}}}}"#
            )
        };
        let response = |body: &str| {
            format!(
                r#"{{"mcp":{{"transformedGatewayResponse":{{"statusCode":200,"body":{body}}}}}}}"#
            )
        };
        let forward = Expected::Forward("t".to_owned());
        for (expected, whole, emptied) in [
            (forward, request(&body), request("{}")),
            (
                Expected::Pass,
                request(&body).replace("Bearer t", ""),
                r#"{"transformedGatewayRequest":{}}"#.to_owned(),
            ),
            (Expected::Answer, response(&body), response("{}")),
        ] {
            assert!(expected.is(&whole, body.len()), "{expected:?}");
            assert!(!expected.is(&emptied, body.len()), "{expected:?}");
        }
        // A link takes the place of what was asked.
        let link = response(r#"{"text":"https://b.example/authorize/github"}"#);
        assert!(Expected::Challenge.is(&link, body.len()));
    }
}
