//! What calls cost: measured processor time, stated waits, and the price list.
//!
//! The loopback interface has none of AWS's latency, so that is stated, not measured: a millisecond of
//! waiting is billed like one of work.

use crate::Failure;
use crate::comparison::{Comparison, FIRST_CPU, INIT_CPU, WARM_CPU};
use crate::mode::Mode;
use crate::modes;
use crate::prices;

/// How somebody's interceptor runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Whose, by the variant's name.
    pub(crate) variant: &'static str,
    /// The function's memory, in MB.
    pub(crate) memory: f64,
    /// What a GB-second costs.
    pub(crate) gb_second: f64,
}

/// One kind of call, and what it asks of others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    /// What it is called.
    pub(crate) name: &'static str,
    mode: Mode,
    scene: &'static str,
    /// Whether an instance starts for it.
    starts: bool,
    /// What we ask of others, and what the Python peer asks.
    pub(crate) ours: Asked,
    pub(crate) theirs: Asked,
}

/// What one call asks of others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Read units of the table.
    pub(crate) reads: f64,
    /// Write units of the table and its index.
    pub(crate) writes: f64,
    /// Secrets that are read.
    pub(crate) secrets: f64,
    /// Milliseconds of waiting for others.
    pub(crate) waits: f64,
}

/// A million calls of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// The processor time of one, in milliseconds.
    pub(crate) processor: f64,
    /// The milliseconds that are billed for one.
    pub(crate) billed: f64,
    /// What the million costs, in dollars, without the gateway's own price.
    pub(crate) dollars: f64,
    /// How much of that is for the time of the function.
    pub(crate) time: f64,
}

impl Mix {
    /// What a million of these cost under `plan`. The gateway has the interceptor called twice: with the
    /// request, and with what came back.
    pub(crate) fn cost(&self, plan: Plan, comparisons: &[Comparison]) -> Result<Cost, Failure> {
        let of = |figure| measured(comparisons, self.mode, self.scene, plan.variant, figure);
        let (start, call) =
            if self.starts { (of(INIT_CPU)?, of(FIRST_CPU)?) } else { (0.0, of(WARM_CPU)?) };
        let answer = measured(comparisons, Mode::Mixes, modes::ANSWER, plan.variant, WARM_CPU)?;
        let asked = if plan.variant == PYTHON { self.theirs } else { self.ours };
        // Whatever its memory, a start has a whole processor.
        let billed = plan.billed(call, start + asked.waits) + plan.billed(answer, 0.0);
        let time = billed / 1e3 * plan.memory / 1024.0 * plan.gb_second;
        let one = time
            + 2.0 * prices::LAMBDA_REQUEST
            + asked.reads * prices::DYNAMODB_READ
            + asked.writes * prices::DYNAMODB_WRITE
            + asked.secrets * prices::SECRET_READ
            + LOG / 1e9 * prices::LOGS;
        Ok(Cost { processor: start + call, billed, dollars: one * MILLION, time: time * MILLION })
    }
}

impl Plan {
    /// What is billed of one invocation, in milliseconds: it waits as long with little memory.
    fn billed(self, processor: f64, waits: f64) -> f64 {
        (processor * (PROCESSOR / self.memory).max(1.0) + waits).ceil()
    }
}

/// Milliseconds.
fn measured(
    comparisons: &[Comparison],
    mode: Mode,
    scene: &str,
    variant: &str,
    figure: &str,
) -> Result<f64, Failure> {
    let mut found = comparisons.iter().filter(|found| found.mode == mode && found.scene == scene);
    let row = found.next().and_then(|found| found.rows.iter().find(|row| row.variant == variant));
    row.and_then(|row| row.median(figure)).map(|micros| micros / 1e3).ok_or_else(|| {
        let what = format!("{variant} was not measured: {mode:?}, {scene}");
        Failure::Tool { tool: "cost", what }
    })
}

pub(crate) const MILLION: f64 = 1e6;
/// As many MB are one processor.
pub(crate) const PROCESSOR: f64 = 1769.0;
pub(crate) const PYTHON: &str = "python";
/// Milliseconds that a read or write of the table takes, at the median.
pub(crate) const TABLE: f64 = 3.0;
/// Milliseconds that a token endpoint takes.
pub(crate) const TOKEN_ENDPOINT: f64 = 100.0;
/// Milliseconds until a server that nobody is connected to yet has answered.
pub(crate) const FIRST_ANSWER: f64 = 10.0;
/// Bytes of log: Lambda's own lines of both invocations, and one of ours. The peer is reckoned one as well.
pub(crate) const LOG: f64 = 1_800.0;

/// KB of a row.
pub(crate) const ROW: f64 = 2.0;
/// Write units of a row: one for each KB.
pub(crate) const ROW_UNITS: f64 = ROW;
/// Write units of the index of what is due, when that changes: the old entry goes, a new one comes. It
/// holds keys only, so that no other write of a row costs any.
pub(crate) const MOVE_UNITS: f64 = 2.0;
/// Write units of a renewal: the lease, the journal, and the tokens, with when they are due.
pub(crate) const RENEWAL_UNITS: f64 = 3.0 * ROW_UNITS + MOVE_UNITS;

const READ: Asked = Asked { reads: 1.0, writes: 0.0, secrets: 0.0, waits: TABLE };
/// In the order in which they are told.
pub(crate) const MIXES: [Mix; 6] = [
    Mix {
        name: "forwarded after a read",
        mode: Mode::Warm,
        scene: modes::READS,
        starts: false,
        ours: READ,
        theirs: READ,
    },
    Mix {
        name: "forwarded from memory",
        mode: Mode::Warm,
        scene: modes::FROM_MEMORY,
        starts: false,
        ours: Asked { reads: 0.0, waits: 0.0, ..READ },
        // It remembers nobody.
        theirs: READ,
    },
    Mix {
        name: "the first of a day over a connection",
        mode: Mode::Mixes,
        scene: modes::FIRST_OF_DAY,
        starts: false,
        // Its use is noted: one write of the row.
        ours: Asked { writes: ROW_UNITS, waits: 2.0 * TABLE, ..READ },
        // It notes nothing.
        theirs: READ,
    },
    Mix {
        name: "asked to connect",
        mode: Mode::Mixes,
        scene: modes::CHALLENGE,
        starts: false,
        ours: READ,
        theirs: READ,
    },
    Mix {
        name: "renewed in line",
        mode: Mode::Mixes,
        scene: modes::REFRESH,
        starts: false,
        ours: Asked { writes: RENEWAL_UNITS, waits: 4.0 * TABLE + TOKEN_ENDPOINT, ..READ },
        // It leaves alone when the row is due.
        theirs: Asked { writes: ROW_UNITS, waits: 2.0 * TABLE + TOKEN_ENDPOINT, ..READ },
    },
    Mix {
        name: "the first of a new instance",
        mode: Mode::Cold,
        scene: modes::OVER_TLS,
        starts: true,
        // What the provider publishes, 4 KB at most, and then the targets, while the rings are read one after
        // the other.
        ours: Asked { reads: 3.0, secrets: 2.0, waits: 2.0 * FIRST_ANSWER + TABLE, ..READ },
        // One after the other, and a connection for each.
        theirs: Asked { reads: 2.0, secrets: 1.0, waits: 3.0 * FIRST_ANSWER + TABLE, ..READ },
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Row;
    use crate::statistics::Figure;

    fn found(mode: Mode, scene: &str, figure: &str, micros: f64) -> Comparison {
        let row = |variant: &str, median| Row {
            variant: variant.to_owned(),
            figures: [(figure.to_owned(), Figure { median, low: median, high: median })].into(),
        };
        let rows = vec![row("latchkey", micros), row(PYTHON, 10.0 * micros)];
        Comparison { mode, scene: scene.to_owned(), rows }
    }

    const PLAN: Plan = Plan { variant: "latchkey", memory: 128.0, gb_second: prices::LAMBDA_ARM64 };

    #[test]
    fn a_call_is_billed_by_the_millisecond_for_its_share_of_a_processor_and_for_its_waits() {
        let measured = [
            found(Mode::Warm, modes::READS, WARM_CPU, 200.0),
            found(Mode::Mixes, modes::ANSWER, WARM_CPU, 30.0),
        ];
        let cost = MIXES[0].cost(PLAN, &measured).unwrap();
        // 0.2 ms at 128 / 1769 of a processor is 2.8 ms, and 3 ms of waiting; and 0.03 ms is 0.4 ms.
        assert!((cost.billed - 7.0).abs() < 1e-9, "{cost:?}");
        // 0.40 for two requests, 0.0117 for 7 ms of 128 MB, 0.125 for a read, 0.90 for 1.8 KB of log.
        assert!((cost.dollars - 1.436_67).abs() < 1e-4, "{cost:?}");
        let larger = Plan { memory: 3538.0, ..PLAN };
        let cost = MIXES[0].cost(larger, &measured).unwrap();
        assert!(
            (cost.billed - 5.0).abs() < 1e-9,
            "more than one processor helps no thread: {cost:?}"
        );
        let peer = Plan { variant: PYTHON, memory: 512.0, ..PLAN };
        let cost = MIXES[0].cost(peer, &measured).unwrap();
        assert!((cost.billed - 12.0).abs() < 1e-9, "{cost:?}");
    }

    #[test]
    fn a_write_costs_the_row_and_only_a_change_of_when_it_is_due_costs_the_index() {
        let writes = |name: &str| {
            let mix = MIXES.iter().find(|mix| mix.name.contains(name)).unwrap();
            (mix.ours.writes, mix.theirs.writes)
        };
        // A row of 2 KB each time; and the entry of the index is taken out and put in once.
        assert_eq!(writes("renewed in line"), (2.0 + 2.0 + (2.0 + 2.0), 2.0));
        assert_eq!(writes("first of a day"), (2.0, 0.0));
        assert_eq!(writes("after a read"), (0.0, 0.0));
    }

    #[test]
    fn what_was_not_measured_costs_nothing_that_could_be_said() {
        let measured = [found(Mode::Warm, modes::READS, WARM_CPU, 200.0)];
        assert!(MIXES[0].cost(PLAN, &measured).is_err());
    }
}
