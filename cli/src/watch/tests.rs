//! The model, the keys and what is drawn, without a terminal and without a server.

mod finding;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};

use super::draw::{self, Theme};
use super::keys;
use super::model::{Effect, Lists, News, State, Tab};
use super::question::{SETTLES, What};

const ID: &str = "01a1fc30-250d-74fd-94ec-ca5bbc6173fd";

fn request(risk: &str, sha256: &str) -> Value {
    json!({
        "request_id": ID, "status": "awaiting_approval", "text": "Deploy Kuma to nas", "requested_by": "ada", "created_at": null,
        "next": ["approve", "reject", "revise", "cancel"], "messages": [], "tasks": [], "commits": [],
        "plan": {"revision": 1, "summary": "Deploy Kuma to nas", "risk": risk, "sha256": sha256, "planned_by": {"provider": "offline"},
            "steps": [{"step_id": "deploy", "title": "Deploy Kuma", "action": "deploy_kuma", "risk": risk, "hosts": ["nas"],
                "parameters": {"port": 3001}, "preview": {"status": "done", "coverage": 1.0,
                "changes": [{"name": "Write it", "hosts": ["nas"], "diff": "+port: 3001\n-port: 3000"}]}}]},
    })
}

/// A screen at which one presses keys, with a clock that is moved.
struct Seat {
    state: State,
    now: Instant,
    size: (u16, u16),
}

impl Seat {
    fn at_the_inbox(request: &Value) -> Self {
        let mut state = State::new();
        let now = Instant::now();
        let row = json!({"request_id": ID, "status": request["status"], "text": request["text"], "requested_by": request["requested_by"]});
        let lists = Lists { waiting: vec![row.clone()], requests: vec![row.clone()], queue: vec![row], ..Lists::default() };
        state.hear(News::Lists(Box::new(lists)), now);
        Self { state, now, size: (80, 24) }
    }

    fn with_it_open(request: Value) -> Self {
        let mut seat = Self::at_the_inbox(&request);
        assert_eq!(seat.press(KeyCode::Enter), Some(Effect::Open(ID.to_owned())));
        seat.state.hear(News::Request(Box::new(request)), seat.now);
        seat
    }

    fn press(&mut self, key: KeyCode) -> Option<Effect> {
        keys::press(&mut self.state, KeyEvent::new(key, KeyModifiers::NONE), self.now)
    }

    fn type_all(&mut self, words: &str) {
        for c in words.chars() {
            assert_eq!(self.press(KeyCode::Char(c)), None);
        }
    }

    /// Draws, as the program does before it reads a key.
    fn screen(&mut self) -> String {
        let mut terminal = Terminal::new(TestBackend::new(self.size.0, self.size.1)).expect("a buffer");
        let theme = Theme { coloured: false, place: "http://nas:8080" };
        terminal.draw(|frame| draw::draw(frame, &mut self.state, self.now, &theme)).expect("drawn");
        if let Some(question) = &mut self.state.question {
            question.stands(self.now);
        }
        let buffer = terminal.backend().buffer();
        let row = |y| (0..self.size.0).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..self.size.1).map(row).collect::<Vec<_>>().join("\n")
    }

    /// The question stands long enough to say its keys.
    fn settle(&mut self) -> String {
        self.screen();
        self.now += SETTLES;
        self.screen()
    }
}

#[test]
fn a_key_that_was_pressed_before_the_question_said_its_keys_answers_nothing() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    assert_eq!(seat.press(KeyCode::Char('a')), None);
    assert_eq!(seat.press(KeyCode::Char('y')), None, "typed ahead");
    assert!(!seat.screen().contains("y approves"));
    assert_eq!(seat.press(KeyCode::Char('y')), None, "on the screen, but too soon");
    assert!(seat.settle().contains("y approves, n leaves it"));
    let before = seat.now;
    seat.now -= Duration::from_millis(1);
    assert_eq!(seat.press(KeyCode::Char('y')), None, "pressed before, read after");
    seat.now = before;
    let Some(Effect::Do(deed)) = seat.press(KeyCode::Char('y')) else { panic!("it is answered") };
    assert_eq!(deed.what, What::Decide { sha256: "aa".to_owned(), decision: "approve", comment: None });
    assert_eq!(seat.press(KeyCode::Char('y')), None, "once");
}

#[test]
fn what_is_grave_begins_only_when_the_host_is_named() {
    let mut seat = Seat::with_it_open(request("high", "aa"));
    seat.press(KeyCode::Char('a'));
    assert!(seat.settle().contains("Type nas, the name of the host"));
    for wrong in ["y", "pi"] {
        seat.type_all(wrong);
        assert_eq!(seat.press(KeyCode::Enter), None, "{wrong}");
        wrong.chars().for_each(|_| drop(seat.press(KeyCode::Backspace)));
    }
    seat.type_all("nas");
    assert!(matches!(seat.press(KeyCode::Enter), Some(Effect::Do(_))));
}

#[test]
fn a_plan_that_changes_under_the_reader_takes_no_key_until_it_was_looked_at() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.press(KeyCode::Char('a'));
    seat.settle();
    seat.state.hear(News::Request(Box::new(request("low", "bb"))), seat.now);
    assert!(seat.state.question.is_none());
    assert_eq!(seat.press(KeyCode::Char('y')), None);
    let screen = seat.screen();
    assert!(screen.contains("Nothing was decided about it.") && screen.contains("Look again, and press Enter"), "{screen}");
    for key in ['a', 'x', 'r'] {
        assert_eq!(seat.press(KeyCode::Char(key)), None);
        assert!(seat.state.question.is_none(), "{key}");
    }
    seat.press(KeyCode::Enter);
    seat.press(KeyCode::Char('a'));
    seat.settle();
    let Some(Effect::Do(deed)) = seat.press(KeyCode::Char('y')) else { panic!("it is answered") };
    assert_eq!(deed.what, What::Decide { sha256: "bb".to_owned(), decision: "approve", comment: None });
}

#[test]
fn a_deed_that_was_not_heard_of_is_tried_again_under_the_same_key() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.press(KeyCode::Char('a'));
    seat.settle();
    let Some(Effect::Do(first)) = seat.press(KeyCode::Char('y')) else { panic!("it is answered") };
    seat.state.hear(News::Done(Err("nothing answers".to_owned())), seat.now);
    assert_eq!(seat.press(KeyCode::Char('y')), None, "the question begins anew");
    assert!(seat.settle().contains("nothing answers"));
    let Some(Effect::Do(second)) = seat.press(KeyCode::Char('y')) else { panic!("it is answered") };
    assert_eq!(first, second);
}

#[test]
fn reasons_and_answers_are_typed_and_pasted_and_cancelling_is_asked_about() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.press(KeyCode::Char('x'));
    seat.settle();
    seat.type_all("not ");
    let now = seat.now;
    seat.state.question.as_mut().expect("it stands").paste("today\n", now);
    let Some(Effect::Do(deed)) = seat.press(KeyCode::Enter) else { panic!("it is answered") };
    assert_eq!(deed.what, What::Decide { sha256: "aa".to_owned(), decision: "reject", comment: Some("not today".to_owned()) });

    let mut asked = request("low", "aa");
    (asked["status"], asked["next"]) = (json!("needs_input"), json!(["answer", "cancel"]));
    asked["messages"] = json!([{"from": "ada", "text": "Deploy"}, {"from": "chiffon", "text": "Which host?"}]);
    let mut seat = Seat::with_it_open(asked);
    seat.press(KeyCode::Char('r'));
    assert!(seat.settle().contains("Which host?"));
    assert_eq!(seat.press(KeyCode::Enter), None, "no words");
    seat.type_all("nas");
    assert!(matches!(seat.press(KeyCode::Enter), Some(Effect::Do(deed)) if deed.what == What::Say("nas".to_owned())));

    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.press(KeyCode::Char('C'));
    seat.settle();
    assert_eq!(seat.press(KeyCode::Char('n')), None);
    assert!(seat.state.question.is_none());
    seat.press(KeyCode::Char('C'));
    seat.settle();
    assert!(matches!(seat.press(KeyCode::Char('y')), Some(Effect::Do(deed)) if deed.what == What::Cancel));
}

#[test]
fn who_may_not_decide_is_told_so_and_asked_nothing() {
    let mut others = request("low", "aa");
    others["next"] = json!([]);
    let mut seat = Seat::with_it_open(others);
    for key in ['a', 'x', 'r', 'C'] {
        seat.press(KeyCode::Char(key));
        assert!(seat.state.question.is_none() && seat.state.told.take().is_some(), "{key}");
    }
}

#[test]
fn a_choice_stays_with_its_row_when_others_come_and_go() {
    let mut seat = Seat::at_the_inbox(&request("low", "aa"));
    let row = |id: &str| json!({"request_id": id, "status": "awaiting_approval", "text": id});
    let hear = |seat: &mut Seat, ids: &[&str]| {
        let lists = Lists { waiting: ids.iter().map(|id| row(id)).collect(), ..Lists::default() };
        seat.state.hear(News::Lists(Box::new(lists)), seat.now);
    };
    hear(&mut seat, &["one", "two", "three"]);
    seat.press(KeyCode::Char('j'));
    assert_eq!(seat.state.at(), 1);
    hear(&mut seat, &["zero", "one", "two", "three"]);
    assert_eq!(seat.state.at(), 2, "two is still chosen");
    assert_eq!(seat.press(KeyCode::Enter), Some(Effect::Open("two".to_owned())));
}

#[test]
fn the_keys_are_those_of_the_page() {
    let mut seat = Seat::at_the_inbox(&request("low", "aa"));
    for (key, tab) in [('r', Tab::Requests), ('f', Tab::Fleet), ('q', Tab::Queue), ('i', Tab::Inbox)] {
        assert_eq!((seat.press(KeyCode::Char('g')), seat.press(KeyCode::Char(key))), (None, None));
        assert_eq!(seat.state.tab, tab);
    }
    seat.press(KeyCode::Char('g'));
    seat.now += Duration::from_secs(2);
    assert_eq!(seat.press(KeyCode::Char('q')), Some(Effect::Quit), "the first key is long ago");
    seat.press(KeyCode::Char('?'));
    let screen = seat.screen();
    assert!(keys::ALL.iter().take(10).all(|(_, does)| screen.contains(does.split(';').next().unwrap_or_default())), "{screen}");
}

#[test]
fn a_lost_connection_is_said_with_its_time_and_that_it_is_tried_again() {
    let mut seat = Seat::at_the_inbox(&request("low", "aa"));
    seat.state.hear(News::Lost("refused".to_owned()), seat.now);
    seat.now += Duration::from_secs(12);
    seat.state.hear(News::Lost("refused".to_owned()), seat.now);
    let screen = seat.screen();
    assert!(screen.contains("Connection to http://nas:8080 lost, trying again (12 s): refused"), "{screen}");
    assert!(screen.contains("Deploy Kuma to nas"), "what was known stays");
}

#[test]
fn hostile_words_stay_in_their_cells_at_every_size() {
    const TEXT: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}evil\u{9b}31m\r\n设置设置设置 e\u{301}\u{301}\u{301}\u{301}\u{301} 👩\u{200d}💻 \0";
    let mut hostile = request("high", "aa");
    for name in ["text", "requested_by"] {
        hostile[name] = json!(TEXT);
    }
    hostile["plan"]["summary"] = json!(TEXT);
    hostile["plan"]["steps"][0]["title"] = json!(TEXT);
    hostile["plan"]["steps"][0]["hosts"] = json!([TEXT]);
    hostile["plan"]["steps"][0]["preview"]["changes"][0]["diff"] = json!(TEXT);
    hostile["tasks"] = json!([{"purpose": "apply", "status": "running", "title": TEXT, "hosts": [TEXT], "progress": 40, "message": TEXT}]);
    for width in (1..120).step_by(7) {
        for height in [1, 9, 10, 24] {
            let mut seat = Seat::at_the_inbox(&hostile);
            seat.size = (width, height);
            let mut screens = vec![seat.screen()];
            seat.press(KeyCode::Enter);
            seat.state.hear(News::Request(Box::new(hostile.clone())), seat.now);
            for key in ['1', '2', '3', '1', 'a'] {
                seat.press(KeyCode::Char(key));
                screens.push(seat.settle());
            }
            for screen in screens {
                assert!(screen.chars().all(|c| c == '\n' || !chiffon_protocol::shown::is_deceptive(c)), "{screen:?}");
            }
        }
    }
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_takes_no_answer() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.press(KeyCode::Char('a'));
    seat.settle();
    seat.size = (30, 6);
    assert!(seat.screen().contains("too small"));
    assert_eq!(seat.press(KeyCode::Char('y')), None);
}

#[test]
fn the_inbox_looks_like_this() {
    let mut seat = Seat::at_the_inbox(&request("low", "aa"));
    seat.size = (80, 10);
    let shown = [
        " Inbox 1 (g i)  Requests (g r)  Fleet (g f)  Queue (g q)",
        "",
        "  ID       STATE             SINCE      WORDS",
        "▸ bc6173fd awaiting_approval            Deploy Kuma to nas · asked by ada",
        "",
        "",
        "",
        "",
        "",
        "j k choose  Enter opens  Tab next list  ? keys  q leave",
    ];
    assert_eq!(seat.screen().lines().collect::<Vec<_>>(), shown);
}

#[test]
fn diffs_are_folded_to_their_length_and_unfolded_again() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.size = (80, 40);
    let unfolded = seat.screen();
    assert!(unfolded.contains("         +port: 3001\n         -port: 3000"), "{unfolded}");
    seat.press(KeyCode::Char('d'));
    let folded = seat.screen();
    assert!(folded.contains("2 lines of diff") && !folded.contains("port: 3000"), "{folded}");
    for told in ["[1 Change]", "Plan 1: Deploy Kuma to nas", "port = 3001", "~ Write it (nas)", "a approve"] {
        assert!(folded.contains(told), "{told}: {folded}");
    }
    seat.press(KeyCode::Char('d'));
    assert_eq!(seat.screen(), unfolded);
}
