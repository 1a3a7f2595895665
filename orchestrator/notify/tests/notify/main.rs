//! Notifications on a real database and to a real receiver.

mod delivering;
mod digesting;
mod linking;
mod looking;
mod media;
mod over_tls;
mod receiver;
