//! Which key does what: the page's keys.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Effect, State, Tab, View};
use super::question::{Answer, Asked, Question};
use super::search::Step;

/// The second key of a sequence must come within this.
const SEQUENCE_WITHIN: Duration = Duration::from_millis(1_200);

/// All keys, in words.
pub const ALL: [(&str, &str); 18] = [
    ("g i r", "go to Inbox (g i), Requests (g r)"),
    ("g f q", "go to Fleet (g f), Queue (g q)"),
    ("Tab", "go to the next list"),
    ("j k", "next row or line, the one before (arrows do, too)"),
    ("Enter", "open the request; with a changed plan: you have looked at it"),
    ("1 2 3", "show Change, Run or Log of the request"),
    ("d", "fold and unfold diffs"),
    ("F", "go to the end of the log and follow it"),
    ("/", "look for words in the log"),
    ("n N", "the next line with these words, the one before"),
    ("a", "approve the plan"),
    ("r", "ask for a change of the plan, or answer"),
    ("x", "reject the plan"),
    ("R", "decide about a task that was cut off"),
    ("C", "cancel the request"),
    ("Esc", "back"),
    ("?", "show all keys"),
    ("q", "leave; nothing ends by that (Ctrl-Z stops for a while)"),
];

/// A key that was pressed at this moment.
pub fn press(state: &mut State, key: KeyEvent, at: Instant) -> Option<Effect> {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Effect::Interrupt),
            KeyCode::Char('z') => Some(Effect::Suspend),
            _ => None,
        };
    }
    if let Some(question) = &mut state.question {
        return match question.press(key, at) {
            Answer::Nothing => None,
            Answer::Left => {
                state.question = None;
                None
            }
            Answer::Given(deed) => Some(Effect::Do(deed)),
        };
    }
    if state.help {
        state.help = false;
        return None;
    }
    if let Some(detail) = state.detail.as_mut().filter(|detail| detail.search.is_typed()) {
        detail.search.press(key.code);
        return None;
    }
    let first = state.first.take().filter(|(_, before)| at.duration_since(*before) < SEQUENCE_WITHIN);
    if let (Some(('g', _)), KeyCode::Char(c)) = (first, key.code)
        && let Some(tab) = Tab::ALL.into_iter().find(|tab| tab.name().1 == c)
    {
        return go(state, tab);
    }
    match key.code {
        KeyCode::Char('g') => state.first = Some(('g', at)),
        KeyCode::Char('?') => state.help = true,
        KeyCode::Char('q') => return Some(Effect::Quit),
        KeyCode::Tab => {
            let next = (state.tab as usize + 1) % Tab::ALL.len();
            return go(state, Tab::ALL[next]);
        }
        KeyCode::BackTab => {
            let before = (state.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len();
            return go(state, Tab::ALL[before]);
        }
        _ if state.detail.is_some() => return in_detail(state, key.code, at),
        KeyCode::Char('j') | KeyCode::Down => state.go(1),
        KeyCode::Char('k') | KeyCode::Up => state.go(-1),
        KeyCode::PageDown => state.go(10),
        KeyCode::PageUp => state.go(-10),
        KeyCode::Home => state.go(isize::MIN),
        KeyCode::End => state.go(isize::MAX),
        KeyCode::Enter | KeyCode::Char('o') => return state.open(),
        KeyCode::Esc => state.told = None,
        _ => {}
    }
    None
}

fn go(state: &mut State, tab: Tab) -> Option<Effect> {
    state.tab = tab;
    state.told = None;
    state.detail.take().map(|_| Effect::Close)
}

fn in_detail(state: &mut State, key: KeyCode, at: Instant) -> Option<Effect> {
    let detail = state.detail.as_mut()?;
    let page = 10;
    let scroll = match key {
        KeyCode::Char('j') | KeyCode::Down => detail.scroll.saturating_add(1),
        KeyCode::Char('k') | KeyCode::Up => detail.scroll.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => detail.scroll.saturating_add(page),
        KeyCode::PageUp => detail.scroll.saturating_sub(page),
        KeyCode::Home => 0,
        KeyCode::End => usize::MAX,
        KeyCode::Esc => {
            state.detail = None;
            state.told = None;
            return Some(Effect::Close);
        }
        _ => return decide(state, key, at),
    };
    detail.scroll = scroll.min(detail.most);
    detail.follows = detail.scroll == detail.most;
    None
}

fn decide(state: &mut State, key: KeyCode, at: Instant) -> Option<Effect> {
    let detail = state.detail.as_mut()?;
    let view = match key {
        KeyCode::Char('1') => Some(View::Change),
        KeyCode::Char('2') => Some(View::Run),
        KeyCode::Char('3') => Some(View::Log),
        _ => None,
    };
    if view.is_some() {
        (detail.view, detail.scroll, detail.follows) = (view, 0, true);
        return None;
    }
    match key {
        KeyCode::Char('d') => detail.diffs = !detail.diffs,
        KeyCode::Char('F') => (detail.view, detail.follows) = (Some(View::Log), true),
        KeyCode::Char('/') => {
            detail.view = Some(View::Log);
            detail.search.open();
            state.told = None;
        }
        KeyCode::Char(c @ ('n' | 'N')) if detail.shown() == View::Log => {
            detail.search.go(if c == 'n' { Step::Next } else { Step::Before });
            state.told = None;
        }
        KeyCode::Enter if detail.has_changed() => {
            detail.look();
            state.told = None;
        }
        KeyCode::Char(c @ ('a' | 'r' | 'x' | 'C' | 'R')) => match ask(state, c, at) {
            Ok(question) => (state.question, state.told) = (Some(question), None),
            Err(why) => state.told = Some(why.to_owned()),
        },
        _ => {}
    }
    None
}

/// The question that a key asks for; why there is none.
fn ask(state: &State, key: char, at: Instant) -> Result<Question, &'static str> {
    let detail = state.detail.as_ref().ok_or("open a request first")?;
    let request = detail.request.as_ref().ok_or("the request is not read yet")?;
    let is_about_the_plan = matches!(key, 'a' | 'x') || (key == 'r' && request["status"] != "needs_input");
    if is_about_the_plan && detail.has_changed() {
        return Err("The plan has changed since you looked. Look again, and press Enter when you have; nothing was decided.");
    }
    if is_about_the_plan && detail.shown() != View::Change {
        return Err("Look at the plan first: 1 shows it.");
    }
    let sha256 = || detail.seen.clone().ok_or("There is no plan yet.");
    match key {
        'a' if !detail.may("approve") => {
            Err("You may not approve this now: it does not wait for an approval, or for another's than yours.")
        }
        'a' => Question::approval(request, at).ok_or("There is no plan yet."),
        'x' if !detail.may("reject") => Err("There is no plan here that you may reject now."),
        'x' => Ok(Question::new(request, Asked::Reject { sha256: sha256()? }, at)),
        'r' if request["status"] == "needs_input" => Ok(Question::new(request, Asked::Answer, at)),
        'r' if !detail.may("revise") => Err("There is no plan here that you may change now."),
        'r' => Ok(Question::new(request, Asked::Revise { sha256: sha256()? }, at)),
        'R' if !detail.may("resolve") => Err("No task here waits for your decision."),
        'R' => Question::resolution(request, at).ok_or("No task here waits for a decision."),
        _ if !detail.may("cancel") => Err("You may not cancel this, or it is over."),
        _ => Ok(Question::new(request, Asked::Cancel, at)),
    }
}
