//! The kinds of measurement, and which figures matter in each.

use crate::callgrind;
use crate::comparison::{
    COLD_CPU, COLD_WALL, FIRST_BY_WARM, FIRST_CPU, FIRST_WALL, INIT_CPU, PEAK, REQUESTS, WARM_CPU,
    WARM_WALL,
};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A kind of measurement.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A start and its first call, over TLS.
    Cold,
    /// A call of a process that has answered before.
    Warm,
    /// A message that needs no token.
    Pass,
    /// What else a call may come to.
    Mixes,
    /// A table that takes 3 ms.
    Delay,
    /// Events from 4 KB to 6 MB.
    Size,
    /// What a body costs, beside a tree of it.
    Body,
    /// The share of a processor that small functions get.
    Quota,
    /// More targets, more connections, more callers, and sweeps of more rows.
    Growth,
    /// Instructions.
    Callgrind,
}

impl Mode {
    /// Every kind, in the order in which they are measured.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }

    /// The names of the figures that matter, the most telling first. Not every scene has all of them.
    pub fn figures(self) -> &'static [&'static str] {
        match self {
            Self::Cold => {
                &[COLD_CPU, INIT_CPU, FIRST_CPU, COLD_WALL, FIRST_WALL, FIRST_BY_WARM, PEAK]
            }
            Self::Warm | Self::Pass | Self::Mixes | Self::Size => &[WARM_CPU, WARM_WALL, PEAK],
            Self::Delay => &[WARM_WALL, WARM_CPU],
            Self::Body => &[WARM_CPU, callgrind::WARM, WARM_WALL, PEAK],
            Self::Quota => &[FIRST_WALL, COLD_WALL, WARM_WALL],
            Self::Growth => {
                &[WARM_CPU, WARM_WALL, REQUESTS, callgrind::WARM, COLD_CPU, callgrind::COLD, PEAK]
            }
            Self::Callgrind => {
                &[callgrind::COLD, callgrind::INIT, callgrind::FIRST, callgrind::WARM]
            }
        }
    }
}
