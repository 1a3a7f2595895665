//! What a plan is: the document that people approve, how a draft becomes one, references to what steps find out, the policy, and the catalogue of
//! actions. Pure: no clock, no SQL, no async.

pub mod domain;
