//! From words to a draft: the planner that works from the catalogue alone, and the chain that asks models before it. It proposes; what it proposes
//! is checked by `chiffon-plans`, and decided about by people.

pub mod planner;
