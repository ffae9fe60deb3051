//! What the tests of several functions share.

#[path = "../../../../shared/tests/it/support/server.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
pub(crate) mod server;
#[path = "../../../../shared/tests/it/support/store.rs"]
pub(crate) mod store;
#[path = "../../../../shared/tests/it/support/target.rs"]
pub(crate) mod target;
