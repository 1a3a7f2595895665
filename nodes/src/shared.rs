//! The nodes of a whole test run: started once by `chiffon-nodes run`, found by each test through the environment.
//!
//! The runner gives every test a process of its own, so nothing can be shared inside one. Isolation is the test's:
//! a database (or schema) and a virtual host each.

use crate::{Management, NodeError};

/// The variable with the URL of the run's database `chiffon`, whose user may create others.
pub const DATABASE_URL: &str = "CHIFFON_TEST_DATABASE_URL";
/// The variable with the URL of the run's broker, virtual host `/`.
pub const AMQP_URL: &str = "CHIFFON_TEST_AMQP_URL";
/// The variable with the URL of the broker's management API.
pub const AMQP_MANAGEMENT_URL: &str = "CHIFFON_TEST_AMQP_MANAGEMENT_URL";

/// The variable with the file in which tests say that they could not run here.
pub const NOT_RUN: &str = "CHIFFON_TEST_NOT_RUN";

/// Says that a test can't do its work on this machine (no root, say). `make test` lists it at the end.
///
/// # Panics
/// Under `CI=true`, where every test must run.
pub fn not_run(test: &str, why: &str) {
    use std::io::Write as _;
    assert!(variable("CI").map_or(true, |ci| ci != "true"), "`{test}` can't run here, and under CI every test must: {why}");
    eprintln!("not run: {test}: {why}");
    if let Ok(path) = variable(NOT_RUN) {
        let file = std::fs::File::options().append(true).create(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(format!("{test}: {why}\n").as_bytes()));
        written.unwrap_or_else(|error| panic!("{path} can't be written: {error}"));
    }
}

/// The URL of the run's database. Its last part, the database's name, may be replaced by that of another.
pub fn database_url() -> Result<String, NodeError> {
    variable(DATABASE_URL)
}

/// The URL of a virtual host of the run's broker.
pub fn amqp_url(vhost: &str) -> Result<String, NodeError> {
    let url = variable(AMQP_URL)?;
    let server = url.rsplit_once('/').map_or(url.as_str(), |(server, _)| server);
    Ok(format!("{server}/{}", vhost.replace('%', "%25").replace('/', "%2f")))
}

/// The management API of the run's broker.
pub fn management() -> Result<Management, NodeError> {
    Management::at(&variable(AMQP_MANAGEMENT_URL)?)
}

#[expect(clippy::disallowed_methods, reason = "set by the test runner, which is no layer of any configuration")]
fn variable(name: &'static str) -> Result<String, NodeError> {
    std::env::var(name).map_err(|_| NodeError::NoTestRun { variable: name })
}
