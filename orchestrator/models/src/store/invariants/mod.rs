//! What must hold of the records of this part, each rule with the statement that looks for what breaks it.

pub mod spending;
