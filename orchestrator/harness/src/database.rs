//! A database of a test's own with today's schema: a copy of one that was migrated once per server.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chiffon_kernel::store::{Store, StoreOptions};
use chiffon_protocol::canonical;
use chiffon_testkit::TemporaryDatabase;

const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");

/// A migrated one with nothing in it.
pub async fn migrated() -> TemporaryDatabase {
    TemporaryDatabase::like(&template(), async |url| {
        let patience = Duration::from_secs(10);
        let options = StoreOptions { url, max_connections: 1, acquire_timeout: patience, statement_timeout: patience };
        let store = Store::new(&options).expect("the test database's address reads");
        store.migrate().await.expect("the schema applies");
        // A database that somebody is connected to can't be copied.
        store.close().await;
    })
    .await
}

/// Named for the migrations, because a server may outlive an edit of them.
fn template() -> String {
    let mut files: Vec<_> = fs::read_dir(Path::new(MIGRATIONS)).expect("migrations").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).expect("SQL")).collect();
    let sha256 = canonical::sha256_hex(&texts);
    format!("chiffon_schema_{}", sha256.get(..16).expect("hex digits"))
}
