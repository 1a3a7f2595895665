//! Requests: asking, looking, talking, deciding, taking back, following.

pub(super) mod cancel;
pub(super) mod decide;
pub(super) mod events;
pub(super) mod get;
pub(super) mod hold;
pub(super) mod list;
pub(super) mod plans;
pub(super) mod say;
pub(super) mod short;
pub(super) mod submit;

mod follow;
mod id;
