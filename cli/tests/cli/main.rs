//! The binary as a person at a terminal and a program in a pipe see it, against a server that says what a test has it say.

mod asking;
mod away;
mod completing;
mod doctor;
mod hostile;
mod listing;
mod notifying;
mod passwords;
mod readme;
mod releasing;
mod resolving;
mod server;
mod standing;
mod terminal;
mod watching;
mod webhooks;
