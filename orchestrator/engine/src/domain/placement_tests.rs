//! Every reason to wait, in its exact words.

use chiffon_fleet::domain::agent_order::Desired;
use chiffon_protocol::kind::INFRASTRUCTURE;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a time")
}

fn wanted() -> Wanted {
    Wanted {
        agent_type: INFRASTRUCTURE.name.clone(),
        action: "deploy_kuma".to_owned(),
        action_sha256: "aa".to_owned(),
        hosts: vec!["nas".to_owned()],
        exclusive: true,
        resources: Resources { memory_gb: 8.0, ..Resources::default() },
        excluded: BTreeSet::new(),
        last_decline: String::new(),
        only_verified: false,
    }
}

fn agent(id: &str) -> AgentView {
    AgentView {
        id: id.to_owned(),
        agent_type: INFRASTRUCTURE.name.clone(),
        hostname: "server".to_owned(),
        hosts: BTreeSet::from(["nas".to_owned()]),
        actions: BTreeMap::from([("deploy_kuma".to_owned(), "aa".to_owned())]),
        availability: Availability::Available,
        order: None,
        alive: true,
        last_seen_at: now(),
        free: Free { memory_gb: Some(16.0), cpu_cores: Some(4.0), gpu_memory_gb: Some(0.0), has_gpu: Some(false) },
        reserved: Resources::default(),
        unreadable: None,
    }
}

fn reason(wanted: &Wanted, agents: &[AgentView]) -> String {
    match place(wanted, agents, &BTreeMap::new(), now()) {
        Placement::Wait { why, .. } => why.text,
        Placement::Fit { agent_id, .. } => panic!("it fits {agent_id}"),
    }
}

#[test]
fn it_goes_where_most_is_free() {
    let smaller = AgentView { reserved: Resources { memory_gb: 4.0, ..Resources::default() }, ..agent("a") };
    let placed = place(&wanted(), &[smaller, agent("b")], &BTreeMap::new(), now());
    assert_eq!(placed, Placement::Fit { agent_id: "b".to_owned(), hostname: "server".to_owned() });
}

#[test]
fn without_an_agent_it_says_when_one_was_last_seen() {
    assert_eq!(
        reason(&wanted(), &[]),
        "no infrastructure agent is connected, and none ever was; start one with `chiffon agent infrastructure`"
    );
    let gone = AgentView { alive: false, last_seen_at: now() - TimeDelta::hours(3), ..agent("a") };
    assert_eq!(reason(&wanted(), &[gone]), "no infrastructure agent is connected; the last was seen 3 h ago");
}

#[test]
fn each_thing_that_is_missing_has_its_words() {
    let elsewhere = AgentView { hosts: BTreeSet::new(), ..agent("a") };
    assert_eq!(reason(&wanted(), &[elsewhere]), "no connected infrastructure agent has host nas in its inventory");
    let ignorant = AgentView { actions: BTreeMap::new(), ..agent("a") };
    assert_eq!(reason(&wanted(), &[ignorant]), "no connected agent that reaches host nas has the action deploy_kuma");
    let older = AgentView { actions: BTreeMap::from([("deploy_kuma".to_owned(), "bb".to_owned())]), ..agent("a") };
    assert!(reason(&wanted(), &[older]).starts_with("a has another version of the action deploy_kuma"));
    let paused = AgentView { availability: Availability::Paused, ..agent("a") };
    assert_eq!(reason(&wanted(), &[paused]), "a is paused");
    let wish = Order { desired: Desired::Paused, at: now(), by: "ann".to_owned(), reason: "new disk".to_owned(), is_for_this_start: true };
    let ordered = AgentView { order: Some(wish.clone()), ..agent("a") };
    assert_eq!(reason(&wanted(), &[ordered]), "a is paused by ann since 2023-11-14 22:13 UTC (new disk)");
    let resumed = AgentView { order: Some(Order { desired: Desired::Active, ..wish }), ..agent("a") };
    assert_eq!(refusal(&resumed, &Resources::default()), None);
    let unsigned = agent("unverified:agent.desktop.a");
    assert_eq!(
        reason(&Wanted { only_verified: true, ..wanted() }, &[unsigned]),
        "only agents that do not sign could take it, and those get nothing but a first attempt: unverified:agent.desktop.a"
    );
    let small = AgentView { reserved: Resources { memory_gb: 14.0, ..Resources::default() }, ..agent("nas-agent") };
    assert_eq!(reason(&wanted(), &[small]), "memory: needs 8 GiB, nas-agent has 2 GiB free");
    let gpu = Wanted { resources: Resources { gpu: true, ..Resources::default() }, ..wanted() };
    assert_eq!(reason(&gpu, &[agent("a")]), "gpu: a has none");
}

#[test]
fn all_that_declined_are_named_with_the_reason() {
    let declined = Wanted { excluded: BTreeSet::from(["a".to_owned()]), last_decline: "a: no such host".to_owned(), ..wanted() };
    assert_eq!(reason(&declined, &[agent("a")]), "every connected agent that could take it has declined: a: no such host");
}

#[test]
fn a_host_under_change_is_waited_for_only_by_who_would_change_it() {
    let lock = HostLock { task_id: Uuid::nil(), title: "Deploy Kuma to nas".to_owned(), kept: None };
    let locks = BTreeMap::from([("nas".to_owned(), lock.clone())]);
    let Placement::Wait { why: wait, key } = place(&wanted(), &[agent("a")], &locks, now()) else { panic!("it must wait") };
    assert_eq!(wait.text, format!("host nas is being changed by task {} (Deploy Kuma to nas)", Uuid::nil()));
    assert_eq!(key, "host:nas");
    let reader = Wanted { exclusive: false, ..wanted() };
    assert!(matches!(place(&reader, &[agent("a")], &locks, now()), Placement::Fit { .. }));

    let kept = Kept { since: now(), what: vec!["\"Back up\" in the background as job j1.2".to_owned()] };
    let locks = BTreeMap::from([("nas".to_owned(), HostLock { kept: Some(kept), ..lock })]);
    let Placement::Wait { why: wait, key } = place(&wanted(), &[agent("a")], &locks, now()) else { panic!("it must wait") };
    assert_eq!(key, "kept:nas");
    for part in [
        "reserved since 2023-11-14 22:13:20 UTC",
        "(Deploy Kuma to nas), which was stopped",
        "as job j1.2",
        "chiffon release nas --comment",
    ] {
        assert!(wait.text.contains(part), "{}", wait.text);
    }
}

#[test]
fn a_machine_in_use_takes_what_needs_no_gpu() {
    let busy = AgentView { availability: Availability::Busy, free: Free::default(), ..agent("desk") };
    assert!(matches!(place(&wanted(), std::slice::from_ref(&busy), &BTreeMap::new(), now()), Placement::Fit { .. }));
    let gpu = Wanted { resources: Resources { gpu: true, ..Resources::default() }, ..wanted() };
    assert_eq!(reason(&gpu, &[busy]), "desk is in use by its owner");
}
