//! The least that an interceptor can do, written by hand: one thread that blocks, no Lambda runtime
//! library, no SDK, no logging, no renewal and no challenge. It makes every check of a forward that
//! costs anything: the JWT's signature and claims, one signed and consistent read, one opening.
//!
//! It is a measure, not a function to deploy: whatever it does not expect ends it.

mod connection;
mod event;
mod jwt;
mod keys;
mod memory;
mod runtime;
mod settings;
mod sigv4;
mod table;

use memory::Memory;
use runtime::Runtime;
use settings::Settings;

/// Whatever went wrong: the process ends with it.
type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let settings = Settings::from_env()?;
    let mut runtime = Runtime::connect(&settings.runtime)?;
    let mut memory = Memory::prepare(&settings)?;
    loop {
        let invocation = runtime.next()?;
        let answer = memory.forward(&invocation.event)?;
        runtime.answer(&invocation.id, &answer)?;
    }
}
