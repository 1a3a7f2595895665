//! What is stored of sign-ins by a provider. One file per noun.

pub mod identities;
pub mod sessions;
pub mod sign_ins;

pub use chiffon_kernel::store::Error;
