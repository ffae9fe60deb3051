//! The `DynamoDB`-compatible engine under the adapter that is deployed: what a newcomer runs is what
//! runs in production.

use broker::aws::{DynamoStore, Tables, sdk_config_at};
use dynoxide::Database;
use std::net::Ipv4Addr;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The engine, listening on a port of its own on the loopback interface. Several processes may have
/// one at the same file: each write is a transaction of the file's own.
pub(crate) struct Engine {
    store: DynamoStore,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), String>>,
}

impl Engine {
    /// Opens the database in `data`, making it and its tables if need be.
    pub(crate) async fn start(data: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let file = data.join("dynamodb.sqlite");
        let database = Database::new(&file.to_string_lossy())
            .map_err(|error| format!("{} cannot be opened: {error:?}", file.display()))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let server =
            tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
                let _ = stopped.await;
            }));
        let config = sdk_config_at(&endpoint).await;
        let tables = Tables::named("latchkey");
        tables.create(&config).await?;
        Ok(Self { store: DynamoStore::new(&config, tables), stop, server })
    }

    /// What it keeps.
    pub(crate) fn store(&self) -> DynamoStore {
        self.store.clone()
    }

    /// Lets it finish what it is writing.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.server.await;
    }
}
