//! What tests stand on. The functions' tests use it as well.

pub(crate) mod idp;
pub(crate) mod keys;
pub(crate) mod server;
pub(crate) mod store;
pub(crate) mod target;
#[expect(dead_code, reason = "the functions' tests use more of it")]
pub(crate) mod tls;
