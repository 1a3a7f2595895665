//! What is told: titles and texts, made of what people wrote, on lines of their own and within bounds.

use chiffon_kernel::domain::short_id::short;
use chiffon_protocol::Shown;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::kind::Kind;

/// The most characters of somebody's words.
const WORDS_CHARS: usize = 300;

/// A request, as much of it as is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: Uuid,
    /// Who asked.
    pub asked_by: String,
    /// The words.
    pub text: String,
    /// Where it stands.
    pub status: String,
    /// Whether it waits for somebody or something.
    pub waits: bool,
    /// Why it failed.
    pub error: Option<String>,
    /// Its current plan.
    pub plan: Option<Plan>,
}

/// The plan of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its hash.
    pub sha256: String,
    /// For people.
    pub summary: String,
    /// One word.
    pub risk: String,
    /// When it can't be approved any more.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether who asked may approve.
    pub self_approval: bool,
    /// Those who have said a word in its conversation.
    pub authors: Vec<Uuid>,
    /// Those who have approved it.
    pub approved_by: Vec<Uuid>,
}

/// Something to be told, before it is known to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is about.
    pub kind: Kind,
    /// Names the occurrence.
    pub dedup_key: String,
    /// On one line.
    pub title: String,
    /// More of it.
    pub body: String,
    /// Where its link leads.
    pub path: String,
    /// From then on nobody has a use for it.
    pub expires_at: Option<DateTime<Utc>>,
}

fn line(text: &str) -> String {
    Shown::line(text).at_most(WORDS_CHARS).to_string()
}

/// What an event that leaves a request in this state tells, if anything.
pub fn of(request: &Request, seq: i64) -> Option<Told> {
    let path = format!("/ui/requests/{}", request.id);
    let (id, words, who) = (short(request.id), line(&request.text), line(&request.asked_by));
    match (request.status.as_str(), &request.plan) {
        ("awaiting_approval", Some(plan)) => Some(Told {
            kind: Kind::ApprovalNeeded,
            dedup_key: format!("approval_needed/{}", plan.sha256),
            title: format!("Approval needed: {words}"),
            body: format!("{who} asked ({id}). The plan, risk {}: {}", plan.risk, line(&plan.summary)),
            path,
            expires_at: plan.expires_at,
        }),
        ("failed", _) => {
            let why = request.error.as_deref().map_or_else(String::new, |why| format!("\n{}", line(why)));
            Some(Told {
                kind: Kind::Failed,
                dedup_key: format!("failed/{}/{seq}", request.id),
                title: format!("Failed: {words}"),
                body: format!("{who} asked ({id}).{why}"),
                path,
                expires_at: None,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_on_its_line() {
        let request = Request {
            id: Uuid::nil(),
            asked_by: "eve\r\nBcc: all@example.org".to_owned(),
            text: "x\nY: z \u{1b}[2J\u{202e}".to_owned() + &"a".repeat(10_000),
            status: "failed".to_owned(),
            waits: false,
            error: Some("no\nway".to_owned()),
            plan: None,
        };
        let told = of(&request, 7).expect("it failed");
        assert!(!told.title.contains(['\n', '\r', '\u{1b}', '\u{202e}']) && told.title.chars().count() < 400, "{}", told.title);
        assert_eq!(told.body.lines().count(), 2, "{}", told.body);
        assert_eq!(told.dedup_key, "failed/00000000-0000-0000-0000-000000000000/7");
    }
}
