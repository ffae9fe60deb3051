//! What the tests of functions share.

#[path = "../../../../shared/tests/it/support/browser.rs"]
pub(crate) mod browser;
#[path = "../../../../shared/tests/it/support/idp.rs"]
pub(crate) mod idp;
#[path = "../../../../shared/tests/it/support/keys.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
pub(crate) mod keys;
#[path = "../../../../shared/tests/it/support/server.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
pub(crate) mod server;
#[path = "../../../../shared/tests/it/support/store.rs"]
pub(crate) mod store;
#[path = "../../../../shared/tests/it/support/target.rs"]
pub(crate) mod target;
#[path = "../../../../shared/tests/it/support/tls.rs"]
pub(crate) mod tls;
