//! The whole orchestrator on a real PostgreSQL: HTTP, and what looks at all parts at once. Each test has a database of its own.

mod http;
mod pooling;
mod retaining;
mod third_kind;
mod watching;
