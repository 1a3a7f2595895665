//! `chiffon backup` and `chiffon restore`: all that an installation can't be made again from, in one file.

mod archive;
mod check;
pub mod make;
mod manifest;
mod programs;
pub mod restore;
mod source;
