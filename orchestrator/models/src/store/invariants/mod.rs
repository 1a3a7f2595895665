//! The statements that look for what must never be: reads only, each bounded by what is open and what is recent, so that a

pub mod spending;
