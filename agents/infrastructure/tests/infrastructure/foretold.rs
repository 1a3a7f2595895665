//! What a run says that it wrote is, place by place, what its preview said, and where a play does otherwise in check mode it is not.

use std::os::unix::fs::PermissionsExt as _;

use chiffon_protocol::message::{Outcome, Written};
use serde_json::json;

use crate::playbooks::{Fleet, Playbooks};

/// What the preview foretold for `nas`, and what the run then wrote there.
async fn previewed_and_run(fleet: &Fleet, action: &str, parameters: serde_json::Value) -> (Vec<Written>, Vec<Written>) {
    let preview = fleet.check(action, parameters.clone(), &["nas"]).await;
    assert_eq!(preview.outcome, Some(Outcome::Succeeded), "{preview:?}");
    let foretold = preview.preview.expect("a preview").changes.into_iter().flat_map(|change| change.written).collect();
    let ran = fleet.apply(action, parameters, &["nas"]).await;
    assert_eq!(ran.outcome, Some(Outcome::Succeeded), "{ran:?}");
    (foretold, ran.hosts.into_iter().flat_map(|host| host.written).collect())
}

fn places(written: &[Written]) -> Vec<(&str, String)> {
    let name = |place: &str| place.rsplit('/').next().unwrap_or_default().to_owned();
    written.iter().map(|written| (written.name.as_str(), name(&written.place))).collect()
}

const AS_FORETOLD: &str = "    - name: Make the folder
      ansible.builtin.file: {path: \"@DIR@/made\", state: directory, mode: '0700'}
    - name: Write with the time
      ansible.builtin.copy: {content: \"# at {{ now().isoformat() }} and {{ now().timestamp() }}\\nport={{ port }}\\n\", dest: \"@DIR@/timed\", mode: '0600'}
    - name: Change a line
      ansible.builtin.lineinfile: {path: \"@DIR@/there\", regexp: '^colour=', line: colour=blue}
    - name: Add lines
      ansible.builtin.lineinfile: {path: \"@DIR@/there\", line: \"{{ item }}\"}
      loop: [one, two]
    - name: Add a block
      ansible.builtin.blockinfile: {path: \"@DIR@/there\", block: three}
    - name: Fill in
      ansible.builtin.template: {src: page.j2, dest: \"@DIR@/page\"}
      notify: Say it
    - name: Write quietly
      ansible.builtin.copy: {content: quiet, dest: \"@DIR@/quiet\"}
      no_log: true
    - name: Write without a diff
      ansible.builtin.copy: {content: plain, dest: \"@DIR@/plain\"}
      diff: false
  handlers:
    - name: Say it
      ansible.builtin.copy: {content: said, dest: \"@DIR@/said\"}
";

#[tokio::test]
async fn a_run_that_did_what_was_foretold_says_the_same_whatever_the_time_and_whatever_stood_around() {
    let books = Playbooks::new();
    books.action("same", "", AS_FORETOLD);
    books.write("books/same/templates/page.j2", "{% for n in range(3) %}line {{ n }}\n{% endfor %}");
    books.write("there", "colour=red\nsize=1\n");
    let fleet = books.start().await;
    let (foretold, ran) = previewed_and_run(&fleet, "same", json!({"host": "nas"})).await;
    let named = places(&ran);
    assert_eq!(named, places(&foretold));
    let expected = ["made", "timed", "there", "there", "there", "there", "page", "said"];
    assert_eq!(named.iter().map(|(_, place)| place.as_str()).collect::<Vec<_>>(), expected);
    for (foretold, ran) in foretold.iter().zip(&ran) {
        let told = |written: &Written| (written.added.clone(), written.removed.clone(), written.attributes.clone());
        assert_eq!(told(foretold), told(ran), "{}", ran.name);
        assert!(ran.added.is_some() || ran.attributes.is_some(), "{ran:?}");
    }
}

#[tokio::test]
async fn a_play_that_writes_otherwise_in_check_mode_is_told_by_content_and_by_place() {
    let books = Playbooks::new();
    let tasks = "    - name: Write the banner
      ansible.builtin.copy: {content: \"{{ 'kind' if ansible_check_mode else 'rude' }}\\n\", dest: \"@DIR@/motd\"}
    - name: Write elsewhere
      ansible.builtin.copy: {content: x, dest: \"@DIR@/{{ 'a' if ansible_check_mode else 'b' }}\"}
    - name: Write items
      ansible.builtin.copy: {content: x, dest: \"@DIR@/{{ item }}\"}
      loop: \"{{ ['c', 'd'] if ansible_check_mode else ['c', 'e'] }}\"
";
    books.action("other", "", tasks);
    let fleet = books.start().await;
    let (foretold, ran) = previewed_and_run(&fleet, "other", json!({"host": "nas"})).await;
    let expected = |second: &str, fourth: &str| {
        [("Write the banner", "motd"), ("Write elsewhere", second), ("Write items", "c"), ("Write items", fourth)]
            .map(|(name, place)| (name, place.to_owned()))
    };
    assert_eq!(places(&foretold), expected("a", "d"));
    assert_eq!(places(&ran), expected("b", "e"));
    assert_ne!(foretold[0].added, ran[0].added);
    assert_eq!(foretold[2], ran[2]);
}

#[tokio::test]
async fn of_contents_with_a_secret_a_preview_tells_the_places_only() {
    let books = Playbooks::new();
    books.action(
        "secret",
        "",
        "    - name: Write it\n      ansible.builtin.copy: {content: \"{{ password | b64encode }}\", dest: \"@DIR@/x\"}\n",
    );
    books.write("agent/secrets.toml", "db = \"hunter2-and-more\"\n");
    std::fs::set_permissions(books.path("agent/secrets.toml"), std::fs::Permissions::from_mode(0o600)).expect("set");
    let fleet = books.start().await;
    let (foretold, ran) = previewed_and_run(&fleet, "secret", json!({"host": "nas", "password": "secret://db"})).await;
    assert_eq!((foretold.len(), foretold[0].added.as_ref(), foretold[0].after.as_ref()), (1, None, None));
    assert_eq!(foretold[0].place, ran[0].place);
}
