//! What stands in a question, what the foot says, and looking for words in the log.

use super::*;

#[test]
fn a_question_names_each_host_once_and_only_what_is_still_to_run() {
    let mut asked = request("low", "aa");
    let mut steps = asked["plan"]["steps"].clone();
    let step = steps[0].clone();
    let (mut looked, mut named) = (step.clone(), step);
    (looked["phase"], looked["title"]) = (json!("discover"), json!("Find portals on nas"));
    (named["phase"], named["title"]) = (json!("apply"), json!("Add portals on nas"));
    steps = json!([looked, steps[0], named]);
    asked["plan"]["steps"] = steps;
    let mut seat = Seat::with_it_open(asked);
    seat.press(KeyCode::Char('a'));
    seat.settle();
    let about = seat.state.question.as_ref().expect("it stands").about.clone();
    assert_eq!(about[1..], ["- Deploy Kuma on nas", "- Add portals on nas"]);
}

#[test]
fn what_is_said_at_the_foot_is_whole_at_eighty_columns() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.state.hear(News::Request(Box::new(request("low", "bb"))), seat.now);
    seat.press(KeyCode::Char('a'));
    let screen = seat.screen();
    let words: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Look again, and press Enter when you have; nothing was decided."), "{screen}");
    for request in [request("low", "aa"), json!({"request_id": ID, "status": "running", "next": ["cancel"]})] {
        let mut seat = Seat::with_it_open(request);
        let screen = seat.screen();
        let foot = screen.lines().last().unwrap_or_default();
        assert!(foot.contains("? keys") && foot.contains("q leave") && !foot.contains('…'), "{foot}");
    }
    seat.press(KeyCode::Enter);
    seat.press(KeyCode::Char('?'));
    let screen = seat.screen();
    assert!(keys::ALL.iter().all(|(_, does)| screen.contains(does)), "{screen}");
}

#[test]
fn words_are_found_in_the_log_and_the_lines_with_them_are_gone_through() {
    let mut seat = Seat::with_it_open(request("low", "aa"));
    let lines = (0..300).map(|number| format!("{number} {}", if number % 100 == 50 { "FAILED here" } else { "fine" })).collect();
    seat.state.hear(News::Log { id: ID.to_owned(), lines }, seat.now);
    seat.press(KeyCode::Char('/'));
    seat.type_all("failed");
    assert!(seat.screen().contains("/failed▏"), "letters of the words are no keys");
    seat.press(KeyCode::Enter);
    let first = seat.screen();
    assert!(first.contains("50 FAILED here") && first.contains("1 of 3 lines with “failed”"), "{first}");
    seat.press(KeyCode::Char('n'));
    let next = seat.screen();
    assert!(next.contains("150 FAILED here") && next.contains("2 of 3 lines"), "{next}");
    for _ in 0..2 {
        seat.press(KeyCode::Char('N'));
        seat.screen();
    }
    let around = seat.screen();
    assert!(around.contains("250 FAILED here") && around.contains("3 of 3 lines"), "{around}");
}

#[test]
fn a_task_that_was_cut_off_is_decided_about_with_a_word_and_how_one_knows() {
    let mut cut_off = request("low", "aa");
    (cut_off["status"], cut_off["next"]) = (json!("needs_attention"), json!(["resolve", "cancel"]));
    cut_off["tasks"] = json!([{"task_id": "7d2b8c15", "purpose": "apply", "status": "unknown", "title": "Deploy Kuma", "hosts": ["nas"],
        "attempt": 2, "cancel_requested_at": null}]);
    let mut seat = Seat::with_it_open(cut_off.clone());
    seat.press(KeyCode::Char('R'));
    let screen = seat.settle();
    assert!(screen.contains("By deciding you say that nothing of it runs on nas any more."), "{screen}");
    for lacking in ["donegal it answers", "done", "retry"] {
        seat.type_all(lacking);
        assert_eq!(seat.press(KeyCode::Enter), None, "{lacking}");
        lacking.chars().for_each(|_| drop(seat.press(KeyCode::Backspace)));
    }
    seat.type_all("give up: it is off");
    let Some(Effect::Do(deed)) = seat.press(KeyCode::Enter) else { panic!("it is decided") };
    let body = json!({"decision": "give_up", "attempt": 2, "not_running": true, "comment": "it is off"});
    assert_eq!(deed.what, What::Resolve { task_id: "7d2b8c15".to_owned(), body });

    cut_off["tasks"][0]["status"] = json!("interrupted");
    let mut seat = Seat::with_it_open(cut_off);
    seat.press(KeyCode::Char('R'));
    seat.settle();
    seat.type_all("retry");
    let Some(Effect::Do(deed)) = seat.press(KeyCode::Enter) else { panic!("it is decided") };
    assert!(matches!(deed.what, What::Resolve { body, .. } if body == json!({"decision": "retry", "attempt": 2, "not_running": false})));

    let mut seat = Seat::with_it_open(request("low", "aa"));
    seat.press(KeyCode::Char('R'));
    assert!(seat.state.question.is_none() && seat.state.told.is_some());
}
