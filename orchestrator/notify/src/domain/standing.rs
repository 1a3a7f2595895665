//! What is told of how things stand. An occurrence has a name, so that a channel tells it once however often it is seen.

use chiffon_kernel::domain::short_id::short;
use chiffon_protocol::Shown;
use chiffon_protocol::money::MicroDollars;
use chrono::{DateTime, Months, TimeDelta, Utc};
use uuid::Uuid;

use super::kind::Kind;
use super::notice::Told;

/// The most characters of somebody's words.
const WORDS_CHARS: usize = 300;
/// What soon counts no more is told once more so long before.
const LAST_CALL: TimeDelta = TimeDelta::days(1);
/// Of a month's budget, these percentages are told.
const PERCENT: [i64; 2] = [100, 80];

/// A request that waits for somebody or something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The request.
    pub id: Uuid,
    /// Who asked.
    pub asked_by: String,
    /// The words.
    pub text: String,
    /// What it waits for, in words.
    pub waits_for: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// An agent that should work and is not heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its id.
    pub id: String,
    /// Its machine.
    pub hostname: String,
    /// When it was last heard.
    pub last_seen_at: DateTime<Utc>,
    /// How many tasks it has begun and not ended.
    pub tasks: i64,
}

/// A token that soon counts no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub principal_id: Uuid,
    /// By name.
    pub principal: String,
    /// What it is called.
    pub label: String,
    /// Until when it counts.
    pub expires_at: DateTime<Utc>,
}

/// The certificate of this Chiffon's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of it, in hex.
    pub sha256: String,
    /// Until when it counts.
    pub not_after: DateTime<Utc>,
}

fn line(text: &str) -> String {
    Shown::line(text).at_most(WORDS_CHARS).to_string()
}

/// Of a request that waits for long.
pub fn of_waiting(waiting: &Waiting, now: DateTime<Utc>) -> Told {
    let (words, who, what) = (line(&waiting.text), line(&waiting.asked_by), line(&waiting.waits_for));
    Told {
        kind: Kind::Waiting,
        dedup_key: format!("waiting/{}/{}", waiting.id, waiting.since.timestamp()),
        title: format!("Waits for {}: {words}", lasts(now - waiting.since)),
        body: format!("{who} asked ({}). {what}.", short(waiting.id)),
        path: format!("/ui/requests/{}", waiting.id),
        expires_at: None,
    }
}

/// Of an agent that is not heard.
pub fn of_lost(lost: &Lost, now: DateTime<Utc>) -> Told {
    let work = match lost.tasks {
        0 => "It runs nothing.".to_owned(),
        1 => "It had begun a task that has not ended.".to_owned(),
        more => format!("It had begun {more} tasks that have not ended."),
    };
    Told {
        kind: Kind::AgentLost,
        dedup_key: format!("agent_lost/{}/{}", line(&lost.id), lost.last_seen_at.timestamp()),
        title: format!("Agent {} is not heard", line(&lost.id)),
        body: format!("Its machine {} has said nothing for {}. {work}", line(&lost.hostname), lasts(now - lost.last_seen_at)),
        path: "/ui/fleet".to_owned(),
        expires_at: None,
    }
}

/// Of a provider of models that has spent so much of what it may in this month, if that is told.
pub fn of_budget(provider: &str, spent: MicroDollars, most: MicroDollars, now: DateTime<Utc>) -> Option<Told> {
    let reached = |percent: &i64| i128::from(spent.count()) * 100 >= i128::from(most.count()) * i128::from(*percent);
    let percent = PERCENT.into_iter().filter(|_| most > MicroDollars::ZERO).find(reached)?;
    let then = if percent == 100 { "It is asked no more until the month is over" } else { "At 100 % it is asked no more in this month" };
    let name = line(provider);
    Some(Told {
        kind: Kind::Budget,
        dedup_key: format!("budget/{name}/{}/{percent}", now.format("%Y-%m")),
        title: format!("{percent} % of the month's budget of {name} is spent"),
        body: format!("{spent} of {most} USD. {then}; the others of the chain, and the offline planner, go on."),
        path: "/ui/costs".to_owned(),
        expires_at: now.date_naive().checked_add_months(Months::new(1)).map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc()),
    })
}

/// Of a token that soon counts no more.
pub fn of_token(token: &Token, now: DateTime<Utc>) -> Told {
    let (whose, label) = (line(&token.principal), line(&token.label));
    Told {
        kind: Kind::Expiring,
        dedup_key: format!("expiring/token/{}/{}", token.id, stage(token.expires_at, now)),
        title: format!("A token of {whose} counts for {} more", lasts(token.expires_at - now)),
        body: format!("It is called `{label}`. `chiffon token create {whose}` makes another one; whoever uses this one is refused then."),
        path: "/ui/access".to_owned(),
        expires_at: Some(token.expires_at),
    }
}

/// Of the certificate of this Chiffon's address.
pub fn of_certificate(address: &str, certificate: &Certificate, now: DateTime<Utc>) -> Told {
    let address = line(address);
    let (title, body) = if certificate.not_after <= now {
        (format!("The certificate of {address} has expired"), "Browsers and programs refuse it. Renew it where it is kept.")
    } else {
        let left = lasts(certificate.not_after - now);
        (format!("The certificate of {address} counts for {left} more"), "Renew it where it is kept; browsers and programs refuse it then.")
    };
    Told {
        kind: Kind::Expiring,
        dedup_key: format!("expiring/certificate/{}/{}", certificate.sha256, stage(certificate.not_after, now)),
        title,
        body: body.to_owned(),
        path: "/ui/operations".to_owned(),
        expires_at: None,
    }
}

/// Which of the times it is told.
fn stage(end: DateTime<Utc>, now: DateTime<Utc>) -> &'static str {
    if end <= now {
        "over"
    } else if end - now <= LAST_CALL {
        "last"
    } else {
        "soon"
    }
}

/// In the largest unit of which there are two, or one.
fn lasts(time: TimeDelta) -> String {
    let (days, hours, minutes) = (time.num_days(), time.num_hours(), time.num_minutes().max(0));
    let (count, unit) = match (days, hours) {
        (2.., _) => (days, "day"),
        (_, 2..) => (hours, "hour"),
        _ => (minutes, "minute"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-03-10T12:00:00Z".parse().expect("a moment")
    }

    #[test]
    fn a_budget_is_told_at_eighty_and_at_a_hundred_percent_once_a_month() {
        let at = |spent| of_budget("claude", MicroDollars::new(spent), MicroDollars::new(10_000_000), now());
        assert_eq!(at(7_999_999), None);
        assert_eq!(at(8_000_000).map(|told| told.dedup_key).as_deref(), Some("budget/claude/2026-03/80"));
        assert_eq!(at(9_999_999).map(|told| told.dedup_key).as_deref(), Some("budget/claude/2026-03/80"));
        assert_eq!(at(10_000_000).map(|told| told.dedup_key).as_deref(), Some("budget/claude/2026-03/100"));
        assert_eq!(of_budget("free", MicroDollars::ZERO, MicroDollars::ZERO, now()), None, "what may cost nothing is never half spent");
    }

    #[test]
    fn what_expires_is_told_soon_and_once_more_a_day_before() {
        let token = |hours| Token {
            id: Uuid::nil(),
            principal_id: Uuid::nil(),
            principal: "ci".to_owned(),
            label: "build\nBcc: x".to_owned(),
            expires_at: now() + TimeDelta::hours(hours),
        };
        let soon = of_token(&token(100), now());
        assert_eq!((soon.title.as_str(), soon.dedup_key.ends_with("/soon")), ("A token of ci counts for 4 days more", true));
        assert!(!soon.body.contains('\n'), "{}", soon.body);
        let last = of_token(&token(24), now());
        assert_eq!((last.title.as_str(), last.dedup_key.ends_with("/last")), ("A token of ci counts for 24 hours more", true));
        let certificate = Certificate { sha256: "ab".to_owned(), not_after: now() };
        let over = of_certificate("https://chiffon.lan", &certificate, now());
        assert_eq!(
            (over.title.as_str(), over.dedup_key.as_str()),
            ("The certificate of https://chiffon.lan has expired", "expiring/certificate/ab/over")
        );
    }

    #[test]
    fn how_long_it_lasts_is_said_in_a_unit_that_people_count() {
        for (minutes, words) in
            [(0, "0 minutes"), (1, "1 minute"), (119, "119 minutes"), (120, "2 hours"), (2_879, "47 hours"), (2_880, "2 days")]
        {
            assert_eq!(lasts(TimeDelta::minutes(minutes)), words);
        }
        assert_eq!(lasts(TimeDelta::minutes(-5)), "0 minutes");
    }
}
