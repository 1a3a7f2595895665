//! The HTTP interface, over real sockets and a real database.

pub mod app;
mod asks;
mod bad_input;
mod connections;
mod dead_letters;
mod deciding;
mod direct;
mod document;
mod feeding;
mod following;
mod hanging_up;
mod health;
mod hostile;
mod idempotency;
mod joining;
mod limits;
mod listing;
mod live;
mod metrics_page;
mod oidc;
mod orders;
mod page;
mod panicking;
mod passwords;
mod questions;
mod releasing;
mod resolving;
mod roles;
mod sessions;
mod short;
mod standing;
mod tags;
mod tokens;
mod watching;
mod webhooks;

use app::{Answer, App};
