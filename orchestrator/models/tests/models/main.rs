//! The ledger of model calls on a real database.

mod spending;
