//! What calls cost, as a document tells it: the formula, what goes into it, and what comes out.

use crate::comparison::Comparison;
use crate::cost::{
    Asked, FIRST_ANSWER, LOG, MILLION, MIXES, PROCESSOR, PYTHON, Plan, ROW, TABLE, TOKEN_ENDPOINT,
};
use crate::variant::LATCHKEY;
use crate::{Failure, ahead, marks, prices};
use std::fmt::Write;
use std::path::Path;

/// Writes it into the document at `path`.
pub fn write(path: &Path, comparisons: &[Comparison]) -> Result<(), Failure> {
    marks::write(path, "cost", &text(comparisons)?)
}

fn text(comparisons: &[Comparison]) -> Result<String, Failure> {
    let head = PLANS.map(|plan| format!("{}, {} MB: $|of that for time", title(plan), plan.memory));
    let head = head.join("|");
    let dashes = ["--:"; 2 * PLANS.len()].join("|");
    let mut costs = format!("|A million calls, each|{head}|\n|---|{dashes}|\n");
    let mut inputs = "|One such call|Latchkey|Python|\n|---|---|---|\n".to_owned();
    for mix in MIXES {
        let [small, large, peer] = PLANS.map(|plan| mix.cost(plan, comparisons));
        let (small, large, peer) = (small?, large?, peer?);
        let dollars = [small, large, peer].map(|c| format!("{:.2}|{:.3}", c.dollars, c.time));
        // Writing to a string does not fail.
        let _ = writeln!(costs, "|{}|{}|", mix.name, dollars.join("|"));
        let ours =
            asked(mix.ours, small.processor, &format!("{} or {}", small.billed, large.billed));
        let theirs = asked(mix.theirs, peer.processor, &peer.billed.to_string());
        let _ = writeln!(inputs, "|{}|{ours}|{theirs}|", mix.name);
    }
    Ok(format!("{costs}\n{}\n\n{inputs}\n{}\n", formula(), million(comparisons)?))
}

fn title(plan: Plan) -> &'static str {
    if plan.variant == LATCHKEY { "Latchkey" } else { "Python, boto3" }
}

fn formula() -> String {
    format!(
        "Billed milliseconds = processor time × {PROCESSOR} MB ÷ memory + waits, rounded up, and the same for what \
         comes back. An instance's start has a whole processor. Processor times are measured by \
         [`bench`](bench/README.md), on x86-64; waits are stated: {TABLE} ms for the table, {TOKEN_ENDPOINT} ms for a \
         token endpoint, {FIRST_ANSWER} ms for the first answer of a server.\n\n\
         Dollars = 2 invocations × ${:.2} a million + billed time × memory × ${} a GB-second (arm64; ${} on \
         x86-64) + reads × ${} + writes × ${} + secrets × ${:.2} a million each + log × ${:.2} a GB \
         ({LOG} bytes: Lambda's own lines of both invocations, and one line of an interceptor's). \
         Prices: {}. AgentCore Gateway's own ${:.2} a million comes on top, whoever intercepts.",
        prices::LAMBDA_REQUEST * MILLION,
        prices::LAMBDA_ARM64,
        prices::LAMBDA_X86,
        prices::DYNAMODB_READ * MILLION,
        prices::DYNAMODB_WRITE * MILLION,
        prices::SECRET_READ * MILLION,
        prices::LOGS,
        prices::LIST,
        prices::GATEWAY_CALL * MILLION,
    )
}

fn asked(asked: Asked, processor: f64, billed: &str) -> String {
    let Asked { reads, writes, secrets, waits } = asked;
    let amounts = [(reads, "read units"), (writes, "write units"), (secrets, "secrets")];
    let amounts = amounts.into_iter().filter(|(amount, _)| *amount > 0.0);
    let amounts: Vec<_> = amounts.map(|(amount, what)| format!("; {what}: {amount}")).collect();
    let amounts = amounts.concat();
    format!("processor {processor:.2} ms, waits {waits} ms, billed {billed} ms{amounts}")
}

/// A million people with ten connections each.
fn million(comparisons: &[Comparison]) -> Result<String, Failure> {
    let [_, deployed, _] = PLANS;
    let [read, _, first, _, renewal, _] = MIXES.map(|mix| mix.cost(deployed, comparisons));
    let (read, first, renewal) = (read?, first?.dollars, renewal?.dollars);
    // Who calls once a day is noted each time, renewed or not.
    let renewal = renewal + first - read.dollars;
    let gateway = prices::GATEWAY_CALL * MILLION;
    let rows = 10.0;
    let gigabytes = rows * ROW;
    let rest = gigabytes * prices::DYNAMODB_STORAGE;
    let backup = gigabytes * prices::DYNAMODB_BACKUP;
    let calls = rows * DAYS;
    let ahead_a_million = ahead::dollars() * MILLION;
    Ok(format!(
        "**A renewal ahead of need** is {} write units (the sweep puts the row off, then lease, journal and tokens), a \
         read, a tenth of a batch of the queue, and {} ms of waiting, {} at once, in a function of 256 MB: \
         ${ahead_a_million:.2} a million.\n\n\
         **A million people with ten connections each**: {rows} million rows of {ROW} KB are {gigabytes} GB. Idle, \
         that is ${rest:.0} a month at rest and ${backup:.0} for point-in-time recovery. Busy, with one call a day over \
         each connection, which is the first of its day and so noted, {calls} million calls a month are ${:.0} of ours, \
         with {} MB, and ${:.0} of the gateway's. If every one of \
         these calls renews its token in line, ours are ${:.0}; if tokens that live an hour are renewed ahead of need \
         around the clock, up to {} million renewals a day are about ${:.0} a day: set `RefreshUsedWithinDays` to 0 there.\n\n\
         The first AWS limit to be met is the gateway's {GATEWAY_RATE} calls a second: {:.1} million a day, if they \
         come evenly. They keep {:.1} instances busy, of 1,000 in a new account.",
        ahead::WRITES,
        ahead::WAITS,
        ahead::AT_ONCE,
        calls * first,
        deployed.memory,
        calls * gateway,
        calls * renewal,
        rows * 24.0,
        rows * 24.0 * ahead_a_million,
        GATEWAY_RATE * 86_400.0 / MILLION,
        GATEWAY_RATE * read.billed / 1e3,
    ))
}

const PLANS: [Plan; 3] = [
    Plan { variant: LATCHKEY, memory: 128.0, gb_second: prices::LAMBDA_ARM64 },
    Plan { variant: LATCHKEY, memory: 256.0, gb_second: prices::LAMBDA_ARM64 },
    // With less it is throttled in every call.
    Plan { variant: PYTHON, memory: 512.0, gb_second: prices::LAMBDA_ARM64 },
];
/// Days of a month.
const DAYS: f64 = 30.0;
/// Calls a second that the gateway takes, for an account that has not asked for more.
const GATEWAY_RATE: f64 = 200.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::{FIRST_CPU, INIT_CPU, Row, WARM_CPU};
    use crate::mode::Mode;
    use crate::modes;
    use crate::statistics::Figure;

    #[test]
    fn the_whole_bill_follows_from_what_was_measured() {
        let row = |variant: &str, micros| {
            let figure = Figure { median: micros, low: micros, high: micros };
            let names = [WARM_CPU, FIRST_CPU, INIT_CPU].map(|name| (name.to_owned(), figure));
            Row { variant: variant.to_owned(), figures: names.into() }
        };
        let scenes = [
            (Mode::Warm, modes::READS),
            (Mode::Warm, modes::FROM_MEMORY),
            (Mode::Mixes, modes::FIRST_OF_DAY),
            (Mode::Mixes, modes::CHALLENGE),
            (Mode::Mixes, modes::REFRESH),
            (Mode::Mixes, modes::ANSWER),
            (Mode::Cold, modes::OVER_TLS),
        ];
        let found = scenes.map(|(mode, scene)| Comparison {
            mode,
            scene: scene.to_owned(),
            rows: vec![row(LATCHKEY, 200.0), row(PYTHON, 2_000.0)],
        });
        let text = text(&found).unwrap();
        // 0.2 ms are 2.8 ms of 128 / 1769; a call waits for the table, what comes back does not.
        let costs = "|forwarded after a read|1.44|0.015|1.45|0.023|1.54|0.113|";
        assert!(text.contains(costs), "{text}");
        let inputs = "|forwarded after a read|processor 0.20 ms, waits 3 ms, billed 9 or 7 ms; \
                      read units: 1|processor 2.00 ms, waits 3 ms, billed 17 ms; read units: 1|";
        assert!(text.contains(inputs), "{text}");
        assert!(text.contains("$5 a month at rest and $4 for"), "{text}");
        // Two requests 0.40, 10 ms of 256 MB 0.03, a read 0.125, two writes 1.25, the log 0.90: 2.71.
        let noted =
            "so noted, 300 million calls a month are $813 of ours, with 256 MB, and $1500 of";
        assert!(text.contains(noted), "{text}");
        assert!(text.contains("240 million renewals a day are about $1942 a day"), "{text}");
        assert!(text.contains("17.3 million a day"), "{text}");
    }
}
