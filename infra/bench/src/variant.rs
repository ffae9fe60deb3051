//! What is compared.

use crate::arguments::Arguments;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A program and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
    pub(crate) given: Given,
    /// Whether it gives back what it gets, and no token.
    pub(crate) only_echoes: bool,
}

/// What a variant need not ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given {
    /// The provider's keys, the ring and the targets.
    All,
    /// The provider's keys.
    Keys,
    Nothing,
}

impl Variant {
    fn program(name: &'static str, program: impl Into<PathBuf>) -> Self {
        Self {
            name,
            program: program.into(),
            arguments: vec![],
            environment: vec![],
            given: Given::Nothing,
            only_echoes: false,
        }
    }
}

/// The floor of `performance`: one connection, to the table, and the least instructions.
pub(crate) fn floor(arguments: &Arguments) -> Variant {
    Variant { given: Given::All, ..Variant::program("floor", arguments.built("floor")) }
}

/// The floor that also reads before its first event: one ring of the interceptor's two, and the targets.
/// The provider's documents, which the interceptor finds in the table, are given to both floors.
pub(crate) fn reading_floor(arguments: &Arguments) -> Variant {
    Variant { given: Given::Keys, ..Variant::program(READING_FLOOR, arguments.built("floor")) }
}

/// The Lambda runtime by itself.
pub(crate) fn echo(arguments: &Arguments) -> Variant {
    Variant { only_echoes: true, ..Variant::program("echo", arguments.built("echo")) }
}

/// A body as a tree of values, and nothing else. It puts on the token that [`TREE_TOKEN`] says.
pub(crate) fn tree(arguments: &Arguments) -> Variant {
    Variant::program(TREE, arguments.built(TREE))
}

/// The release binary.
pub(crate) fn latchkey(arguments: &Arguments) -> Variant {
    Variant::program(LATCHKEY, &arguments.interceptor)
}

/// The same, where the operating system believes `roots`.
pub(crate) fn believing(arguments: &Arguments, roots: &Path) -> Variant {
    let environment = vec![("SSL_CERT_FILE", roots.into())];
    Variant { name: TOO_MANY_ROOTS, environment, ..latchkey(arguments) }
}

/// The same as [`believing`], with what AWS shows left to the roots that are compiled in, as in production.
pub(crate) fn bundled(arguments: &Arguments, roots: &Path) -> Variant {
    let believing = believing(arguments, roots);
    // Empty is not set.
    Variant { name: OWN_ROOTS, ..believing.told("AWS_CA_BUNDLE", "") }
}

/// The release binary that renews what is due.
pub(crate) fn refresh(arguments: &Arguments) -> Variant {
    Variant::program("refresh", arguments.built("refresh"))
}

/// The same as [`latchkey`] without preparation.
pub(crate) fn unprepared(arguments: &Arguments) -> Variant {
    Variant::program("unprepared", arguments.built("unprepared"))
}

/// The same with nobody's settings: the SDK and the compiler as they come.
pub(crate) fn stock(arguments: &Arguments) -> Variant {
    Variant::program("stock", arguments.stocked())
}

/// The same work in Python, as the public samples do it.
pub(crate) fn python(arguments: &Arguments) -> Variant {
    Variant {
        arguments: ["-m", "awslambdaric", "interceptor.handler"].map(OsString::from).to_vec(),
        environment: vec![("PYTHONPATH", "infra/bench/python".into())],
        ..Variant::program("python", arguments.peers.join("python/bin/python"))
    }
}

/// The same work in Node.js.
pub(crate) fn node(arguments: &Arguments) -> Variant {
    let home = arguments.peers.join("node");
    let runtime = home.join("runtime.mjs").into();
    Variant { arguments: vec![runtime], ..Variant::program("node", home.join("node")) }
}

impl Variant {
    /// The same, with another setting.
    pub(crate) fn told(&self, name: &'static str, value: &str) -> Self {
        let mut told = self.clone();
        told.environment.push((name, value.into()));
        told
    }

    /// The same under valgrind, which writes its counts to `out`.
    pub(crate) fn counted(&self, out: &Path) -> Self {
        let tool = ["--tool=callgrind".into(), "--fair-sched=yes".into()];
        let file = OsString::from(format!("--callgrind-out-file={}", out.display()));
        let program = self.program.clone().into_os_string();
        let arguments = tool.into_iter().chain([file, program]).chain(self.arguments.clone());
        Self { program: "valgrind".into(), arguments: arguments.collect(), ..self.clone() }
    }
}

/// The names that others look for.
pub(crate) const LATCHKEY: &str = "latchkey";
pub(crate) const TOO_MANY_ROOTS: &str = "latchkey, too many roots";
pub(crate) const OWN_ROOTS: &str = "latchkey, its own roots";
pub(crate) const READING_FLOOR: &str = "floor that reads";
pub(crate) const TREE: &str = "tree";
/// What is built of this workspace, but for the interceptor.
pub(crate) const PROGRAMS: [&str; 5] = ["echo", "floor", "refresh", TREE, "unprepared"];
/// What the tree is told its token by.
pub(crate) const TREE_TOKEN: &str = "TREE_TOKEN";
