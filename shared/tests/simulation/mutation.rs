//! Ports that break one promise each. A simulation that does not notice proves nothing.

/// What is broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mutation {
    /// A lease is granted though another holds it.
    NoLease,
    /// A lease is over before its request can be.
    ShortLease,
    /// The lease returns the row as the worker saw it before.
    NoReRead,
    /// The journal keeps nothing.
    NoJournal,
    /// A holder settles, whoever wrote meanwhile.
    NoFence,
    /// Tokens won late are written over whatever is there.
    UnconditionalAmend,
    /// Tokens won late are thrown away.
    NoAmend,
    /// A failed try writes back what it read.
    ReleaseWritesBack,
    /// A failed try leaves nothing in the journal.
    ReleaseClearsJournal,
    /// Every 4xx is taken for `invalid_grant`.
    EndOnAny4xx,
    /// A server in trouble is taken for `invalid_grant`.
    EndOn5xx,
    /// A request without an answer is sent once more at once.
    RetryOnAmbiguous,
    /// Nobody says that a replay is punished.
    NoQuirk,
    /// Every request goes through, however often the server asked to be left alone.
    NoBreaker,
}

pub(crate) const ALL: [Mutation; 14] = [
    Mutation::NoLease,
    Mutation::ShortLease,
    Mutation::NoReRead,
    Mutation::NoJournal,
    Mutation::NoFence,
    Mutation::UnconditionalAmend,
    Mutation::NoAmend,
    Mutation::ReleaseWritesBack,
    Mutation::ReleaseClearsJournal,
    Mutation::EndOnAny4xx,
    Mutation::EndOn5xx,
    Mutation::RetryOnAmbiguous,
    Mutation::NoQuirk,
    Mutation::NoBreaker,
];
