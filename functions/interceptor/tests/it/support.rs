//! What the tests of functions share.

#[path = "../../../../shared/tests/it/support/idp.rs"]
pub(crate) mod idp;
#[path = "../../../../shared/tests/it/support/keys.rs"]
pub(crate) mod keys;
#[path = "../../../../shared/tests/it/support/server.rs"]
pub(crate) mod server;
#[path = "../../../../shared/tests/it/support/store.rs"]
pub(crate) mod store;
