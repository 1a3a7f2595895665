//! A request with several wishes, taken apart: "deploy … and then restart …". What only adds to the wish before stays with it.

use chiffon_plans::domain::fleet::Fleet;
use chiffon_protocol::Problem;

use super::index::{Entry, Index};
use super::judge::{self, Sentence};
use super::tokens::Token;
use super::{budget, hosts, slots, verbs, words};

/// One wish.
#[derive(Debug, Clone)]
pub struct Clause {
    /// Its words.
    pub tokens: Vec<Token>,
    /// Whether it must come after the one before.
    pub after: bool,
}

/// The wishes of a text, in order.
pub fn clauses(tokens: &[Token], index: &Index, fleet: &Fleet) -> Result<Vec<Clause>, Problem> {
    budget::words(tokens.len())?;
    let whole = Sentence::new(tokens.to_vec(), index, fleet);
    if !judge::said_exactly(index, &whole).is_empty() {
        return Ok(vec![Clause { tokens: tokens.to_vec(), after: false }]);
    }
    let pieces = pieces(tokens, index);
    budget::parts(pieces.len())?;
    let pieces = pieces.into_iter().enumerate().map(|(part, mut piece)| {
        piece.tokens.iter_mut().for_each(|token| token.part = part);
        piece
    });
    let mut clauses: Vec<Clause> = Vec::new();
    for piece in pieces {
        match clauses.last_mut() {
            Some(last) if belongs(last, &piece, index, fleet) => last.tokens.extend(piece.tokens),
            _ => clauses.push(piece),
        }
    }
    Ok(clauses)
}

/// The text cut wherever a new wish could begin.
fn pieces(tokens: &[Token], index: &Index) -> Vec<Clause> {
    let mut pieces = Vec::new();
    let mut current = Clause { tokens: Vec::new(), after: false };
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let (connectors, after) = connectors(tokens, at);
        let begins_wish = tokens.get(at + connectors).is_some_and(|next| is_verb(tokens, at + connectors, next, index));
        let boundary = !current.tokens.is_empty()
            && ((connectors > 0 && (after || begins_wish)) || (current.tokens.last().is_some_and(|last| last.comma) && begins_wish));
        if boundary {
            pieces.push(std::mem::replace(&mut current, Clause { tokens: Vec::new(), after }));
            at += connectors;
            continue;
        }
        if connectors > 0 && current.tokens.is_empty() {
            current.after |= after;
            at += connectors;
            continue;
        }
        current.tokens.push(token.clone());
        at += 1;
        if token.stop && at < tokens.len() {
            pieces.push(std::mem::replace(&mut current, Clause { tokens: Vec::new(), after: false }));
        }
    }
    if !current.tokens.is_empty() {
        pieces.push(current);
    }
    pieces
}

/// How many joining words stand here, and whether they put one thing after another.
fn connectors(tokens: &[Token], at: usize) -> (usize, bool) {
    let (mut taken, mut after) = (0, false);
    let mut joined = false;
    while let Some(token) = tokens.get(at + taken).filter(|token| token.is_spoken()) {
        match token.lower.as_str() {
            "then" | "afterwards" | "finally" | "afterward" => after = true,
            "after" if tokens.get(at + taken + 1).is_some_and(|next| next.lower == "that") => {
                after = true;
                taken += 1;
            }
            "and" | "&" | "+" | "plus" => joined = true,
            "also" | "please" | "additionally" if joined || after => {}
            _ => break,
        }
        taken += 1;
    }
    (taken, after)
}

fn is_verb(tokens: &[Token], at: usize, token: &Token, index: &Index) -> bool {
    token.is_spoken()
        && (!verbs::wishes_at(tokens, at).0.is_empty() || index.is_verb(&token.stem) || token.lower == "use" || token.lower == "with")
}

/// Whether a piece adds to the wish before instead of being one of its own.
fn belongs(last: &Clause, piece: &Clause, index: &Index, fleet: &Fleet) -> bool {
    if says_nothing_alone(last, fleet) {
        return true;
    }
    let own = Sentence::new(piece.tokens.clone(), index, fleet);
    let alone = judge::candidates(index, &own, fleet).first().is_some_and(|best| best.accepted);
    if piece.after && alone {
        return false;
    }
    let before = Sentence::new(last.tokens.clone(), index, fleet);
    let candidates = judge::candidates(index, &before, fleet);
    let Some(best) = candidates.first().filter(|best| best.accepted) else { return true };
    let elsewhere = hosts::mentions(&piece.tokens, fleet).iter().any(|mention| !best.slots.hosts.contains(&mention.name));
    if elsewhere && alone {
        return false;
    }
    covers(best.entry, &own, fleet) || !alone
}

/// A verb without anything to do it to ("stop and remove …"), or a host without a verb ("on gate, register …").
fn says_nothing_alone(clause: &Clause, fleet: &Fleet) -> bool {
    let (_, verbs) = verbs::wishes(&clause.tokens);
    let mentions = hosts::mentions(&clause.tokens, fleet);
    let is_host = |at: usize| mentions.iter().any(|mention| (mention.at..mention.at + mention.taken).contains(&at));
    let content = clause.tokens.iter().enumerate().any(|(at, token)| !words::is_silent(token) && !verbs[at] && !is_host(at));
    !content && (mentions.is_empty() || !verbs.contains(&true))
}

/// Whether an action's parameters explain all that a piece says.
fn covers(entry: &Entry, piece: &Sentence, fleet: &Fleet) -> bool {
    let slots = slots::named(entry, &piece.tokens, &piece.verbs);
    let hosts = hosts::mentions(&piece.tokens, fleet);
    let explained = piece.tokens.iter().enumerate().all(|(at, token)| {
        slots.used[at]
            || words::is_silent(token)
            || words::is_generic(token)
            || piece.verbs[at]
            || hosts.iter().any(|mention| mention.at == at)
            || entry.core.contains(&token.stem)
    });
    explained && slots.used.iter().any(|used| *used)
}
