//! Standing approvals: giving one, looking at them, withdrawing one.

pub(super) mod get;
pub(super) mod give;
pub(super) mod list;
pub(super) mod withdraw;
