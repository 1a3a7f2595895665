//! Every error code, once: number, HTTP status, whether trying again can help, title, and its page.
//!
//! The page is compiled in, so a code without `docs/errors/<code>.md` does not build.
//! Codes 5001 to 5999 are fixed by the contract; a code is never given a second meaning.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

macro_rules! error_codes {
    ($($number:literal $name:ident, $http:literal, $retryable:literal, $title:literal;)*) => {
        /// A reason for which something did not happen, as a number from 5001 to 5999.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum ErrorCode {
            $(#[doc = $title] $name = $number,)*
        }

        impl ErrorCode {
            /// All codes, in order.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$name,)*];

            /// The code with this number, if there is one.
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// The HTTP status that goes with it.
            pub fn http_status(self) -> u16 {
                match self { $(Self::$name => $http,)* }
            }

            /// Whether the same call can succeed later without a change.
            pub fn is_retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            /// A few words, the same for every occurrence (RFC 9457 `title`).
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The page that says what it means and what to do, in Markdown.
            pub fn page(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../../docs/errors/", $number, ".md")),)* }
            }
        }
    };
}

error_codes! {
    5001 Timeout, 504, true, "Timeout";
    5002 AgentUnavailable, 503, true, "Agent unavailable";
    5003 InvalidMessage, 400, false, "Invalid message";
    5004 NotAuthenticated, 401, false, "Not authenticated";
    5005 ResourcesExhausted, 503, true, "Resources exhausted";
    5006 UnknownAction, 422, false, "Unknown action";
    5010 BrokerUnavailable, 503, true, "Broker unavailable";
    5011 UnknownMessageType, 400, false, "Unknown message type";
    5012 SignatureInvalid, 401, false, "Signature invalid";
    5013 MessageTooLarge, 413, false, "Message too large";
    5014 TopologyMismatch, 500, false, "Topology mismatch";
    5015 Unroutable, 503, true, "Unroutable";
    5016 DeadLetterNotFound, 404, false, "Dead letter not found";
    5017 DeadLetterSettled, 409, false, "Dead letter settled already";
    5018 NotReplayable, 409, false, "Can't be replayed";
    5019 BrokerGaveUp, 503, true, "The broker gave up on a message";
    5020 KeyNotFound, 404, false, "Key not found";
    5021 TextRefused, 422, false, "Text that can't be stored";
    5022 TooManyCalls, 429, true, "Too many calls";
    5023 TooManyFailedTokens, 429, true, "Too many failed tokens or passwords";
    5024 TooManyOpenRequests, 429, true, "Too many open requests";
    5025 TooManyOpen, 429, true, "Too many live views or waits";
    5026 HostNotAllowed, 421, false, "Host not allowed";
    5027 HostMissing, 400, false, "Host header missing";
    5028 ToolInvalid, 422, false, "Not the address of a tool";
    5029 ToolSchemeUnknown, 422, false, "Nobody serves this tool";
    5030 LoginLinkInvalid, 401, false, "Sign-in link not valid";
    5031 CrossOrigin, 403, false, "Call from another page";
    5032 NarrowSession, 403, false, "Signed in for one plan only";
    5033 ApprovalLinkInvalid, 403, false, "Approval link not valid";
    5034 PasswordRefused, 403, false, "Name or password wrong";
    5035 PasswordUnsuitable, 422, false, "Password not suitable";
    5036 PasswordToReplace, 403, false, "Password to be replaced";
    5037 OidcUnavailable, 503, true, "Identity provider unavailable";
    5038 OidcRefused, 403, false, "Not signed in by the identity provider";
    5039 OidcNotConfigured, 404, false, "No identity provider";
    5040 GrantNotFound, 404, false, "Grant not found";
    5041 PersonNotFound, 404, false, "Nobody of this name";
    5042 LastAdmin, 409, false, "The last administrator";
    5043 RoleFollowsGroups, 409, false, "The role follows groups";
    5101 InvalidJson, 400, false, "Invalid JSON";
    5102 EmptyText, 422, false, "Empty text";
    5103 TextTooLong, 413, false, "Text too long";
    5104 UnknownField, 422, false, "Unknown field";
    5105 RequestNotFound, 404, false, "Request not found";
    5106 MalformedId, 400, false, "Malformed id";
    5107 StalePlan, 409, false, "Stale plan";
    5108 AlreadyDecided, 409, false, "Already decided";
    5109 AlreadyFinished, 409, false, "Already finished";
    5110 NoPlanYet, 409, true, "No plan yet";
    5111 InvalidParameters, 422, false, "Invalid parameters";
    5112 HostNotInInventory, 422, false, "Host not in the inventory";
    5113 InvalidPlan, 422, false, "Invalid plan";
    5114 PlanExpired, 409, false, "Plan expired";
    5115 InvalidTransition, 409, false, "Not possible in this state";
    5116 CannotPlan, 422, false, "Can't plan this";
    5117 BodyTooLarge, 413, false, "Body too large";
    5118 IdempotencyMismatch, 409, false, "Idempotency key used before";
    5119 UnsupportedMediaType, 415, false, "Unsupported media type";
    5120 TaskNotFound, 404, false, "Task not found";
    5121 NoSuchEndpoint, 404, false, "No such endpoint";
    5122 MethodNotAllowed, 405, false, "Method not allowed";
    5123 InvalidQuery, 400, false, "Invalid query parameter";
    5124 ActionNotFound, 404, false, "Action not found";
    5125 AgentNotFound, 404, false, "Agent not found";
    5126 TokenNotFound, 404, false, "Token not found";
    5127 CallUnderWay, 409, true, "The same call is under way";
    5128 DeadlinePassed, 409, false, "Deadline passed";
    5129 WaitedTooLong, 409, false, "Waited too long";
    5130 NothingToDecide, 409, false, "Nothing to decide";
    5131 StaleAttempt, 409, false, "Another attempt by now";
    5132 MayStillRun, 409, false, "It may still run";
    5133 CommentMissing, 422, false, "Comment missing";
    5134 GivenUp, 409, false, "Given up by a person";
    5135 SetAside, 500, false, "Set aside after two deaths";
    5136 FieldMissing, 422, false, "Field missing";
    5137 InvalidField, 422, false, "Field can't be used";
    5138 PasswordInText, 422, false, "Password in the text";
    5139 SecretInPlain, 422, false, "Secret in plain words";
    5140 TooMuchAtOnce, 422, false, "Too much at once";
    5141 PlanningTookTooLong, 422, false, "Planning took too long";
    5142 HarmNotAskedFor, 422, false, "Harm that nobody asked for";
    5143 SessionNotFound, 404, false, "Session not found";
    5144 ChannelNotFound, 404, false, "Channel not found";
    5145 NoticeNotFound, 404, false, "Notification not found";
    5146 NoticeNotGivenUp, 409, false, "Notification not given up";
    5147 ActionCallInvalid, 422, false, "Action can't be asked for like this";
    5148 NotToBeLeftOut, 422, false, "Step can't be left out";
    5149 OtherPartApproved, 409, false, "Approved in another part";
    5150 QuestionNotFound, 404, false, "Question not found";
    5151 QuestionTooLong, 422, false, "The question takes too long";
    5160 WebhookNotFound, 404, false, "Webhook not found";
    5161 WebhookRefused, 401, false, "Webhook call does not count";
    5162 WebhookUnfit, 422, false, "Webhook call does not fit";
    5163 WebhookNotReady, 503, true, "Webhook not ready";
    5201 ProviderUnavailable, 502, true, "Model provider unavailable";
    5202 ProviderRateLimited, 502, true, "Model provider rate limited";
    5203 BudgetSpent, 402, false, "Budget spent";
    5204 ModelAnswerInvalid, 502, false, "Model answer invalid";
    5205 NoProviderLeft, 502, true, "No provider left";
    5206 ProviderTimeout, 504, true, "Model provider timeout";
    5207 ProviderRefused, 502, false, "Model provider refused";
    5208 AnswerTooLong, 502, false, "Model answer too long";
    5209 ModelDeclined, 502, false, "Model declined";
    5210 UsageNotBelieved, 502, false, "Usage not believed";
    5301 Unclaimed, 503, true, "Not claimed in time";
    5302 LeaseExpired, 500, false, "Agent fell silent";
    5303 OfferSuperseded, 409, false, "Offer superseded";
    5304 HostBusy, 503, true, "Host busy";
    5305 CancelledByPerson, 409, false, "Cancelled";
    5306 DependencyFailed, 424, false, "Earlier step failed";
    5307 RunTooLong, 500, false, "Ran past its time limit";
    5401 AgentNotEnrolled, 403, false, "Agent not enrolled";
    5402 JournalUnavailable, 503, true, "Journal unavailable";
    5403 ActionChanged, 409, false, "Action changed";
    5404 Interrupted, 500, false, "Interrupted";
    5405 IncarnationSuperseded, 409, false, "Older incarnation";
    5406 HostnameTaken, 409, false, "Hostname taken";
    5407 ProtocolUnsupported, 409, false, "Protocol version not spoken";
    5410 ActionNotOffered, 404, false, "Action not offered";
    5411 HostNotReserved, 404, false, "Host not reserved";
    5501 AnsibleNotFound, 500, false, "Ansible not found";
    5502 PlaybookSyntax, 500, false, "Playbook syntax error";
    5503 HostUnreachable, 502, false, "Host unreachable";
    5504 PlayFailed, 500, false, "Play failed";
    5505 NoHostsMatched, 422, false, "No host matched";
    5506 HostsExceedGrant, 403, false, "More hosts than granted";
    5507 PlayTimeout, 504, false, "Play took too long";
    5508 ActionInvalid, 500, false, "Action definition invalid";
    5509 OutputsInvalid, 500, false, "Outputs invalid";
    5510 InventoryUnreadable, 500, false, "Inventory unreadable";
    5513 InventorySealed, 500, false, "Inventory file can't be opened";
    5514 VariablesChanged, 409, false, "Host variables have changed since the preview";
    5518 SecretUnusable, 422, false, "Secret can't be used";
    5519 ReadOnlyChanged, 500, false, "Declared read-only and changed something";
    5520 NotDelivered, 502, true, "Notification not delivered";
    5601 DesktopBusy, 503, true, "Desktop busy";
    5602 DesktopPaused, 503, true, "Desktop paused";
    5701 Forbidden, 403, false, "Forbidden";
    5702 SelfApproval, 403, false, "Own plan";
    5801 DatabaseUnavailable, 503, true, "Database unavailable";
    5802 AuditRepositoryFailed, 500, true, "Audit repository can't be written";
    5803 AuditBroken, 500, false, "Audit chain broken";
    5804 MigrationFailed, 500, false, "Migration failed";
    5805 DatabaseUrlInvalid, 500, false, "Database URL invalid";
    5806 SqlRefused, 400, false, "SQL refused";
    5807 RestoredFromBackup, 500, false, "Restored from a backup";
    5808 BackupFailed, 500, true, "Backup failed";
    5809 BackupDamaged, 500, false, "Backup damaged";
    5810 RestoreRefused, 409, false, "Restore refused";
    5811 DatabaseDoesNotFit, 500, false, "Database of another version";
    5812 NotStandable, 409, false, "Nobody stands for this";
    5813 NotApprovedByYou, 409, false, "Not approved by you";
    5814 StandingNotFound, 404, false, "Standing approval not found";
    5900 Internal, 500, false, "Internal error";
    5901 ConfigInvalid, 500, false, "Configuration invalid";
    5902 PortBusy, 500, false, "Port busy";
    5903 DataDirUnusable, 500, false, "Data directory unusable";
    5904 ProgramMissing, 500, false, "Program missing";
    5905 AlreadyRunning, 500, false, "Already running";
    5906 StoredDataUnreadable, 500, false, "Stored data unreadable";
}

impl ErrorCode {
    /// The number, 5001 to 5999.
    pub fn number(self) -> u16 {
        self as u16
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.number())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    /// An unknown number (a newer sender's) reads as [`ErrorCode::Internal`]; its message still tells the story.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u16::deserialize(deserializer)?;
        Ok(Self::from_number(number).unwrap_or(Self::Internal))
    }
}

/// An error as it travels, over the bus and over HTTP, and as it is stored with what it stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of error it is.
    pub code: ErrorCode,
    /// For people: which thing, where, and what to do next.
    pub message: String,
    /// For machines.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl Problem {
    /// A problem without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Value::Null }
    }

    /// The same with details for machines.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_opens_with_its_code_and_says_what_to_do() {
        for code in ErrorCode::ALL {
            let page = code.page();
            assert!(page.starts_with(&format!("# {code}: {}", code.title())), "docs/errors/{code}.md has another heading");
            assert!(page.contains("**What to do.**"), "docs/errors/{code}.md does not say what to do");
            assert!(page.contains(&format!("HTTP status {}", code.http_status())), "docs/errors/{code}.md has another status");
        }
    }

    #[test]
    fn codes_are_in_order_and_in_range() {
        assert!(ErrorCode::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ErrorCode::ALL.iter().all(|code| (5001..=5999).contains(&code.number())));
    }

    #[test]
    fn a_newer_code_is_read_as_internal() {
        let problem: Problem = serde_json::from_str(r#"{"code": 5998, "message": "new"}"#).expect("reads");
        assert_eq!(problem.code, ErrorCode::Internal);
    }
}
