//! The messages, one file per group of types that belong together. Field names are the contract; see each type.

mod agent;
mod claim;
mod request;
mod result;
mod status;
mod variables;
mod words;
mod work;
mod written;

pub use agent::*;
pub use claim::*;
pub use request::*;
pub use result::*;
pub use status::*;
pub use variables::*;
pub use work::*;
pub use written::*;

pub use crate::kind::AgentType;

use serde_json::Value;

use crate::envelope::ParseError;

macro_rules! messages {
    ($($name:literal $variant:ident;)*) => {
        /// What a message says: one variant per `message_type`.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Message {
            $(#[doc = concat!("`", $name, "`")] $variant($variant),)*
        }

        impl Message {
            /// Every `message_type` there is.
            pub const TYPES: &'static [&'static str] = &[$($name,)*];

            /// The `message_type`.
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)* }
            }

            pub(crate) fn to_wire(&self) -> (&'static str, Value) {
                match self {
                    $(Self::$variant(payload) => ($name, serde_json::to_value(payload).expect("wire types always serialize")),)*
                }
            }

            pub(crate) fn from_wire(message_type: &str, payload: Value) -> Result<Self, ParseError> {
                match message_type {
                    $($name => serde_json::from_value(payload)
                        .map(Self::$variant)
                        .map_err(|source| ParseError::Payload { message_type: message_type.to_owned(), source }),)*
                    unknown => Err(ParseError::UnknownType(unknown.to_owned())),
                }
            }

            /// The JSON Schema of each payload, by `message_type`.
            pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($name, schemars::schema_for!($variant)),)*]
            }
        }

        $(impl From<$variant> for Message {
            fn from(payload: $variant) -> Self { Self::$variant(payload) }
        })*
    };
}

messages! {
    "work_request" WorkRequest;
    "work_status" WorkStatus;
    "work_result" WorkResult;
    "error" ErrorReport;
    "work_claim" WorkClaim;
    "work_grant" WorkGrant;
    "work_decline" WorkDecline;
    "result_ack" ResultAck;
    "heartbeat" Heartbeat;
    "agent_hello" AgentHello;
    "control" Control;
    "plan_wanted" PlanWanted;
    "user_request" UserRequest;
}
