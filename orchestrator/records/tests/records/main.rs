//! What is written to the audit repository, and whether it is whole.

mod scribing;
mod verifying;
