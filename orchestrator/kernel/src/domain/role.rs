//! Roles, and who calls. What a role may do is a set of permissions: see `permission`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::scope::Scope;

/// A named set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See.
    Viewer,
    /// Ask, answer, and cancel, pause and resolve what they asked for.
    Requester,
    /// Cancel, pause and resolve anybody's.
    Operator,
    /// Decide about plans.
    Approver,
    /// Everything, tokens included.
    Admin,
}

impl Role {
    /// All of them, least first.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Requester, Self::Operator, Self::Approver, Self::Admin];

    /// It and those that have all that it has.
    pub const fn and_above(self) -> &'static [Self] {
        const ALL: &[Role] = &Role::ALL;
        ALL.split_at(self as usize).1
    }

    /// The word in the database and over HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Requester => "requester",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// The role that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Their id.
    pub id: Uuid,
    /// Their name, as records show it.
    pub name: String,
    /// What they may do everywhere.
    pub role: Role,
    /// What they may do beside, for some hosts, actions and risks.
    pub grants: Vec<Grant>,
    /// A program may never approve.
    pub is_program: bool,
}

/// A role that somebody was given for a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Grant {
    /// Names it for `DELETE /people/{name}/grants/{id}`.
    pub id: Uuid,
    /// What they may do.
    pub role: Role,
    /// For what.
    #[serde(flatten)]
    pub scope: Scope,
}
