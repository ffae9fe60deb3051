//! The `DynamoDB`-compatible engine under the adapter that is deployed: what a newcomer runs is what
//! runs in production.

use super::folder::Folder;
use broker::aws::{Aws, DynamoStore, Tables};
use dynoxide::Database;
use std::net::Ipv4Addr;
use std::path::PathBuf;
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
    /// Opens the database in `folder`, making it and its tables if need be.
    pub(crate) async fn at(folder: &Folder) -> Result<Self, Box<dyn std::error::Error>> {
        std::fs::create_dir_all(folder.path())?;
        let file = file(folder);
        let database = Database::new(&file.to_string_lossy())
            .map_err(|error| format!("{} cannot be opened: {error:?}", file.display()))?;
        Self::serve(database).await
    }

    /// The same, for whoever only looks: where there is no database, none is made.
    pub(crate) async fn to_look_at(folder: &Folder) -> Result<Self, Box<dyn std::error::Error>> {
        if file(folder).exists() {
            return Self::at(folder).await;
        }
        let database =
            Database::memory().map_err(|error| format!("there is no memory: {error:?}"))?;
        Self::serve(database).await
    }

    async fn serve(database: Database) -> Result<Self, Box<dyn std::error::Error>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let server =
            tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, async {
                let _ = stopped.await;
            }));
        let aws = Aws::at(&endpoint).await;
        let tables = Tables::named("latchkey");
        tables.create(&aws).await?;
        Ok(Self { store: DynamoStore::new(&aws, tables), stop, server })
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

fn file(folder: &Folder) -> PathBuf {
    folder.path().join("dynamodb.sqlite")
}
