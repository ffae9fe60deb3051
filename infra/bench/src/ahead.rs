//! What a renewal ahead of need costs. It is reckoned and not measured: nearly all of it are writes.

use crate::cost::{MOVE_UNITS, Plan, RENEWAL_UNITS, ROW_UNITS, TABLE, TOKEN_ENDPOINT};
use crate::prices;
use crate::variant::LATCHKEY;

/// Write units: the sweep puts the row off when it has queued it, and the renewal is like any other.
pub(crate) const WRITES: f64 = ROW_UNITS + MOVE_UNITS + RENEWAL_UNITS;
/// Milliseconds of waiting: the sweep's write, the look at the row, the renewal's three writes, and the
/// token endpoint.
pub(crate) const WAITS: f64 = 5.0 * TABLE + TOKEN_ENDPOINT;
/// How many are under way at once in one instance.
pub(crate) const AT_ONCE: f64 = 5.0;
/// How many messages a batch holds.
pub(crate) const BATCH: f64 = 10.0;
/// Bytes of log: our line, and a tenth of what Lambda and we write about a batch.
pub(crate) const LOG: f64 = 500.0;

/// What one costs, in dollars.
pub(crate) fn dollars() -> f64 {
    let time = WAITS / AT_ONCE / 1e3 * PLAN.memory / 1024.0 * PLAN.gb_second;
    // A batch is sent, received and deleted, and is one invocation.
    let batch = 3.0 * prices::QUEUE_REQUEST + prices::LAMBDA_REQUEST;
    time + WRITES * prices::DYNAMODB_WRITE
        + prices::DYNAMODB_READ
        + batch / BATCH
        + LOG / 1e9 * prices::LOGS
}

/// The function that renews, as the template has it.
const PLAN: Plan = Plan { variant: LATCHKEY, memory: 256.0, gb_second: prices::LAMBDA_ARM64 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_ahead_of_need_costs_twelve_writes_and_little_else() {
        // 12 units at 0.625, 0.125 for a read, 0.14 for a tenth of a batch, 0.25 for the log,
        // and 115 ms of 256 MB, shared by five.
        let time = 0.115 / 5.0 * 0.25 * 13.333_4;
        let million = 7.5 + 0.125 + 0.14 + 0.25 + time;
        assert!((dollars() * 1e6 - million).abs() < 1e-9, "{}", dollars() * 1e6);
    }
}
