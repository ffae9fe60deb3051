//! The key ring for browsers, which is read when it is first needed: when somebody must be asked, or says
//! that they were. A start does without it, and so do the calls of those who are connected.

use crate::refusal::Refusal;
use broker::seal::KeyRing;
use std::convert::Infallible;
use std::error::Error;
use std::future::ready;
use std::pin::Pin;
use tokio::sync::OnceCell;

/// The ring, or how to read it.
pub struct BrowserKeys {
    ring: OnceCell<KeyRing>,
    read: Box<dyn Fn() -> Reading + Send + Sync>,
}

type Reading = Pin<Box<dyn Future<Output = Result<KeyRing, Box<dyn Error + Send + Sync>>> + Send>>;

impl BrowserKeys {
    /// What `read` reads. Where it fails, it is called again by whoever needs the ring next.
    pub fn read_by<F, E>(read: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<KeyRing, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let read = move || {
            let ring = read();
            Box::pin(async { ring.await.map_err(Into::into) }) as Reading
        };
        Self { ring: OnceCell::new(), read: Box::new(read) }
    }

    /// The ring, or that it must be asked for again.
    pub(crate) async fn ring(&self) -> Result<&KeyRing, Refusal> {
        self.ring.get_or_try_init(&self.read).await.map_err(|error| {
            tracing::error!(error, "the key ring for browsers cannot be read");
            Refusal::TryAgain
        })
    }
}

/// One that is there already.
impl From<KeyRing> for BrowserKeys {
    fn from(ring: KeyRing) -> Self {
        Self::read_by(move || ready(Ok::<_, Infallible>(ring.clone())))
    }
}
