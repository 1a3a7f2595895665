//! Links that come with a notification.

pub mod open;
