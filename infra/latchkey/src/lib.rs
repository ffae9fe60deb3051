//! What `latchkey local` runs beside the broker: a gateway to try the interceptor against, and three
//! demo servers, so that nothing has to be configured to see it work.

pub mod demo;
pub mod gateway;
pub mod local;
pub mod story;
