//! How costs grow. Here it is sizes that take turns: every ratio is to the same variant at the smallest.

use super::{Bench, FEW, Measured};
use crate::Failure;
use crate::callgrind;
use crate::certificates::Certificates;
use crate::cloud::{Cloud, Scheme, Setting};
use crate::comparison::{Comparison, Figures, Row, figures, take_turns};
use crate::crowd::{self, When};
use crate::due_queue::DueQueue;
use crate::engine::{CONNECTIONS, Engine, TARGETS};
use crate::load::{self, Load};
use crate::mode::Mode;
use crate::scene::Scene;
use crate::sweep::Sweep;
use crate::variant::{self, Variant};
use serde_json::Value;
use std::io;
use std::time::SystemTime;

/// A table and those who call over it.
struct Filled<'a> {
    rows: usize,
    engine: Engine,
    cloud: &'a Cloud,
}

impl Filled<'_> {
    fn called_by(&self, instances: usize) -> Load<'_> {
        let Self { cloud, engine, .. } = self;
        Load { cloud, engine, calls: cloud.reads(0).calls, instances }
    }
}

impl Bench<'_> {
    pub(super) fn growth(
        &self,
        certificates: &Certificates,
        plain: Setting,
        measured: &mut Measured,
        now: SystemTime,
    ) -> Result<(), Failure> {
        if !callgrind::is_there() {
            let why = "growth: no instructions, for valgrind is not installed";
            measured.left_out.push(why.to_owned());
        }
        measured.keep(self.targets(certificates, plain, now))?;
        // Whoever calls has a row in the smallest table too, beside those who do not.
        let callers = plain.callers.min(ROWS[0] / 2);
        let cloud = Cloud::start(certificates, Setting { callers, ..plain }, now)?;
        let mut tables = vec![];
        for rows in ROWS.into_iter().filter(|rows| *rows <= self.arguments.most_rows) {
            tables.push(self.filled(&cloud, rows)?);
        }
        measured.keep(self.connections(&tables))?;
        let Some(largest) = tables.last() else { return Ok(()) };
        measured.keep(self.callers(largest))?;
        let queue = DueQueue::start()?;
        let by_rows: Vec<_> = tables.iter().map(|table| (table.rows, (table, DUE))).collect();
        measured.keep(self.sweeps(BY_ROWS, &queue, &by_rows))?;
        let Some(middle) = tables.iter().find(|table| table.rows == MIDDLE) else { return Ok(()) };
        let by_due = DUES.map(|due| (due, (middle, due)));
        measured.keep(self.sweeps(BY_DUE, &queue, &by_due))
    }

    /// Starts, over TLS, with more and more targets to read.
    fn targets(
        &self,
        certificates: &Certificates,
        plain: Setting,
        now: SystemTime,
    ) -> Result<Comparison, Failure> {
        let clouds = [1, 10, 100].map(|targets| {
            let callers = 1 + FEW.max(callgrind::CALLS);
            let setting = Setting { scheme: Scheme::Https, targets, callers, ..plain };
            let cloud = Cloud::start(certificates, setting, now);
            cloud.map(|cloud| (targets, cloud))
        });
        let clouds = clouds.into_iter().collect::<Result<Vec<_>, _>>()?;
        let clouds: Vec<_> = clouds.iter().map(|(targets, cloud)| (*targets, cloud)).collect();
        let grown = self.grow("targets", &self.compared(), &clouds, |variant, cloud| {
            Ok(figures(&cloud.reads(FEW).play(variant, self.folder)?))
        })?;
        self.counted_too(grown, &clouds, |variant, cloud| (variant, cloud.reads(0)))
    }

    /// Calls over tables with more and more rows.
    fn connections(&self, tables: &[Filled]) -> Result<Comparison, Failure> {
        let tables: Vec<_> = tables.iter().map(|table| (table.rows, table)).collect();
        let grown = self.grow("connections", &self.compared(), &tables, |variant, table| {
            table.called_by(1).play(variant, self.folder)
        })?;
        self.counted_too(grown, &tables, |variant, Filled { cloud, engine, .. }| {
            (load::over(engine, &variant), cloud.reads(0))
        })
    }

    /// More and more instances that are called at the same time.
    fn callers(&self, table: &Filled) -> Result<Comparison, Failure> {
        let callers = [1, 2, 4, 8, 16].map(|callers| (callers, callers));
        self.grow("callers", &self.compared(), &callers, |variant, callers| {
            table.called_by(callers).play(variant, self.folder)
        })
    }

    fn sweeps(
        &self,
        scene: &str,
        queue: &DueQueue,
        sizes: &[(usize, (&Filled, usize))],
    ) -> Result<Comparison, Failure> {
        let swept = [variant::refresh(self.arguments)];
        self.grow(scene, &swept, sizes, |variant, (Filled { cloud, engine, .. }, due)| {
            Sweep { cloud, engine, queue, due }.play(variant, self.folder)
        })
    }

    fn compared(&self) -> Vec<Variant> {
        self.wanted([variant::latchkey, variant::reading_floor])
    }

    /// Lets every variant play at every size, in turns.
    fn grow<S: Copy>(
        &self,
        scene: &str,
        variants: &[Variant],
        sizes: &[(usize, S)],
        play: impl Fn(&Variant, S) -> Result<Figures, Failure>,
    ) -> Result<Comparison, Failure> {
        eprintln!("{:?}: {scene}", Mode::Growth);
        let players: Vec<_> =
            variants.iter().flat_map(|v| sizes.iter().map(move |size| (v, *size))).collect();
        let found = take_turns(players.len(), self.arguments.rounds, |number| {
            let (variant, (_, situation)) = players[number];
            play(variant, situation)
        })?;
        let rows = players.iter().zip(&found).map(|((variant, (size, _)), rounds)| {
            Row::of(&format!("{}{AT}{size}", variant.name), rounds)
        });
        Ok(Comparison { mode: Mode::Growth, scene: scene.to_owned(), rows: rows.collect() })
    }

    /// What grew, and what valgrind counts of Latchkey at every size: that does not depend on what else
    /// the machine does.
    fn counted_too<'s, S: Copy>(
        &self,
        mut grown: Comparison,
        sizes: &[(usize, S)],
        scene: impl Fn(Variant, S) -> (Variant, Scene<'s>),
    ) -> Result<Comparison, Failure> {
        if !callgrind::is_there() {
            return Ok(grown);
        }
        for (size, situation) in sizes {
            let (variant, scene) = scene(variant::latchkey(self.arguments), *situation);
            let name = format!("{}{AT}{size}", variant.name);
            let Some(row) = grown.rows.iter_mut().find(|row| row.variant == name) else { continue };
            eprintln!("{:?}: instructions of {name} {}", Mode::Growth, grown.scene);
            let file = self.folder.join(format!("callgrind-growth-{}-{size}", grown.scene));
            let counted = callgrind::figures(&scene, &variant, &file)?;
            row.figures.extend(Row::of(&name, &[counted]).figures);
        }
        Ok(grown)
    }

    /// A table of `rows` connections, among them those of the callers.
    fn filled<'c>(&self, cloud: &'c Cloud, rows: usize) -> Result<Filled<'c>, Failure> {
        eprintln!("{:?}: filling a table with {rows} rows", Mode::Growth);
        let engine = Engine::start(&self.folder.join(format!("table-{rows}")))?;
        let [targets, connections] = cloud.table.rows()?;
        let read = |rows: Vec<Value>| serde_json::from_value(rows.into()).map_err(io::Error::other);
        let others = rows.saturating_sub(connections.len());
        engine.write(TARGETS, read(targets)?)?;
        engine.write(CONNECTIONS, read(connections)?)?;
        engine.fill(CONNECTIONS, crowd::rows(others, When::Later)?)?;
        let there = engine.rows(CONNECTIONS)?;
        if u64::try_from(rows) != Ok(there) {
            let what = format!("there are {there} rows and not {rows}");
            return Err(Failure::Tool { tool: "dynoxide", what });
        }
        Ok(Filled { rows, engine, cloud })
    }
}

/// Between a variant and a size, in a row's name.
pub(crate) const AT: &str = " at ";
/// The scenes' names.
pub(crate) const BY_ROWS: &str = "sweep, 100 due, by rows";
pub(crate) const BY_DUE: &str = "sweep, 100000 rows, by due";
const ROWS: [usize; 3] = [1_000, 100_000, 1_000_000];
const MIDDLE: usize = 100_000;
const DUE: usize = 100;
const DUES: [usize; 3] = [10, 100, 1_000];
