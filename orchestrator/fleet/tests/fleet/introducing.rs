//! Hellos and heartbeats: who counts as an agent, and what it announces (RELIABILITY 4, 9, 10).

use chiffon_bus::Verdict;
use chiffon_fleet::store::catalogue;
use chiffon_fleet::store::read::agents;
use chiffon_harness::site::{Site, action_sha256};
use chiffon_harness::wire::WireAgent;
use chiffon_protocol::key::KeyPair;
use chiffon_protocol::message::{AgentHello, Command, NotOffered};
use chiffon_protocol::topology::CLAIMS;
use chiffon_protocol::{ErrorCode, Message};

async fn agents(site: &Site) -> Vec<(String, i64)> {
    sqlx::query_as("SELECT id, incarnation FROM agents ORDER BY id").fetch_all(site.app.pool()).await.expect("the agents read")
}

async fn system_events(site: &Site, event: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE chain = 'system' AND event = $1")
        .bind(event)
        .fetch_one(site.app.pool())
        .await
        .expect("reads")
}

#[tokio::test]
async fn what_an_agent_leaves_out_is_seen_where_people_look_until_it_is_mended() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let left_out = "/srv/inventory/cloud.sh: the token has expired\u{0}".to_owned();
    agent.say(CLAIMS, AgentHello { problems: vec![left_out], ..agent.hello.clone() }).await;
    site.turn().await;
    let pool = site.app.pool();
    let shown = agents::list(pool, &site.app.context.settings.kinds, Some("infra-1")).await.expect("it reads").remove(0).problems;
    assert_eq!(shown, serde_json::json!(["/srv/inventory/cloud.sh: the token has expired\u{fffd}"]));
    assert_eq!(agents::count_with_problems(pool).await.expect("it reads"), 1);
    let wrong = NotOffered { name: "open_dome".to_owned(), code: 5508, reason: "no playbook.yml".to_owned() };
    agent.say(CLAIMS, AgentHello { not_offered: vec![wrong], ..agent.hello.clone() }).await;
    site.turn().await;
    assert_eq!(agents::count_with_problems(pool).await.expect("it reads"), 1, "an action that is left out counts as well");
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    assert_eq!(agents::count_with_problems(pool).await.expect("it reads"), 0);
}

#[tokio::test]
async fn what_an_agent_announces_can_be_planned() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    agent.say(CLAIMS, agent.hello.clone()).await;
    site.turn().await;
    let mut connection = site.app.context.store.acquire().await.expect("the database answers");
    let (actions, fleet) = catalogue::load(&mut connection).await.expect("the catalogue loads");
    assert_eq!(actions.get("set_up").map(|action| action.sha256.clone()), Some(action_sha256()));
    assert_eq!(fleet.hosts().iter().collect::<Vec<_>>(), ["nas", "web"]);
    assert_eq!(
        (system_events(&site, "agent.connected").await, system_events(&site, "action.announced").await),
        (1, 1),
        "said twice, noted once"
    );
}

#[tokio::test]
async fn a_second_agent_of_one_machine_is_refused_and_told_why() {
    let site = Site::start().await;
    WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut second = WireAgent::silent(&site, "infra-2", "infra-1", &site.keys[1], 1).await;
    second.say(CLAIMS, second.hello.clone()).await;
    site.turn().await;
    let Message::ErrorReport(refused) = second.hear().await else { panic!("not a refusal") };
    assert_eq!(refused.code, ErrorCode::HostnameTaken.number());
    assert!(refused.message.starts_with("infra-1 is the infrastructure agent of infra-1 already"), "{}", refused.message);
    assert_eq!(agents(&site).await, [("infra-1".to_owned(), 1)]);
    site.let_leases_expire().await;
    second.say(CLAIMS, second.hello.clone()).await;
    site.turn().await;
    assert_eq!(agents(&site).await.len(), 2, "once the first is gone, the second may take its place");
}

#[tokio::test]
async fn an_older_start_of_an_agent_changes_nothing() {
    let site = Site::start().await;
    let newer = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 7).await;
    newer.say(CLAIMS, newer.hello.clone()).await;
    let mut older = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 6).await;
    older.say(CLAIMS, older.hello.clone()).await;
    site.turn().await;
    let Message::ErrorReport(refused) = older.hear().await else { panic!("not a refusal") };
    assert_eq!(refused.code, ErrorCode::IncarnationSuperseded.number());
    assert_eq!(agents(&site).await, [("infra-1".to_owned(), 7)]);
}

#[tokio::test]
async fn an_agent_keeps_its_key() {
    let mut site = Site::start().await;
    site.app.leave_behind();
    WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut impostor = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[1], 9).await;
    impostor.say(CLAIMS, impostor.hello.clone()).await;
    let verdicts = site.turn().await;
    assert!(matches!(&verdicts[..], [Verdict::Reject { code: 5401, .. }]), "{verdicts:?}");
    let Message::ErrorReport(refused) = impostor.hear().await else { panic!("not a refusal") };
    assert_eq!(refused.code, ErrorCode::AgentNotEnrolled.number(), "it is told why");
    assert_eq!(agents(&site).await, [("infra-1".to_owned(), 1)]);
}

#[tokio::test]
async fn an_agent_whose_key_is_not_enrolled_is_told_and_shown_once_with_what_enrols_it() {
    let site = Site::start().await;
    let mut stranger = WireAgent::silent(&site, "infra-9", "garage", &KeyPair::generate(), 3).await;
    stranger.beat(1, &[]).await;
    site.turn().await;
    let Message::Control(asked) = stranger.hear().await else { panic!("not asked for a hello") };
    assert_eq!(asked.command, Command::Hello);
    let body = stranger.body(stranger.hello.clone());
    stranger.publish_with_key(CLAIMS, body).await;
    for seq in 2..5 {
        stranger.beat(seq, &[]).await;
    }
    assert!(site.turn().await.iter().all(|verdict| *verdict == Verdict::Ack), "nothing is dead-lettered");
    let Message::ErrorReport(refused) = stranger.hear().await else { panic!("not a refusal") };
    assert_eq!(refused.code, ErrorCode::AgentNotEnrolled.number());
    let shown = agents::refused(site.app.pool()).await.expect("reads");
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((shown[0].agent_id.as_str(), shown[0].hostname.as_str(), shown[0].code), ("infra-9", "garage", 5401));
    assert!(shown[0].times > 1, "counted: {shown:?}");
    let enrols = format!("add \"{}\" to `agents.trusted`", stranger.key.public());
    assert!(shown[0].message.contains(&enrols) && refused.message == shown[0].message, "{shown:?}");
    assert_eq!((agents::count_refused(site.app.pool()).await.expect("reads"), system_events(&site, "agent.refused").await), (1, 1));
    assert_eq!((agents(&site).await, site.dead_letters().await), (Vec::new(), 0));
}

#[tokio::test]
async fn what_an_agent_does_not_offer_is_what_its_newest_hello_says() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let left_out = |names: &[&str]| {
        let one = |name: &&str| NotOffered { name: (*name).to_owned(), code: 5508, reason: "wrong\0".to_owned() };
        AgentHello { not_offered: names.iter().map(one).collect(), ..agent.hello.clone() }
    };
    for names in [vec!["a", "b"], vec!["b"], vec![]] {
        agent.say(CLAIMS, left_out(&names)).await;
        site.turn().await;
        let found = catalogue::not_offered(site.app.pool()).await.expect("reads");
        assert_eq!(found.iter().map(|action| action.name.as_str()).collect::<Vec<_>>(), names);
    }
}

#[tokio::test]
async fn a_flood_of_made_up_keys_fills_nothing() {
    let site = Site::start().await;
    sqlx::query(
        "INSERT INTO refused_hellos (agent_id, key_id, code, agent_type, hostname, version, message, first_at, last_at)
        SELECT 'made-up-' || n, n::text, 5401, 'desktop', 'nowhere', '1', 'not enrolled', now(), now()
        FROM generate_series(1, 100) n",
    )
    .execute(site.app.pool())
    .await
    .expect("they are noted");
    let stranger = WireAgent::silent(&site, "infra-9", "garage", &KeyPair::generate(), 3).await;
    stranger.say(CLAIMS, stranger.hello.clone()).await;
    site.turn().await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM refused_hellos").fetch_one(site.app.pool()).await.expect("reads");
    assert_eq!((count, site.dead_letters().await), (100, 0));
}

#[tokio::test]
async fn who_is_refused_is_shown_until_it_is_not_any_more_and_audited_once() {
    let site = Site::start().await;
    WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    let mut second = WireAgent::silent(&site, "infra-2", "infra-1", &site.keys[1], 1).await;
    for _ in 0..2 {
        second.say(CLAIMS, second.hello.clone()).await;
        site.turn().await;
    }
    let refused = || async { agents::refused(site.app.pool()).await.expect("reads") };
    let shown = refused().await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((shown[0].agent_id.as_str(), shown[0].code, shown[0].times), ("infra-2", 5406, 2));
    assert_eq!(shown[0].key_id, site.keys[1].id());
    assert_eq!(system_events(&site, "agent.refused").await, 1);
    let newer = AgentHello { protocol: vec![2, 3], hostname: "other".to_owned(), ..second.hello.clone() };
    second.say(CLAIMS, newer.clone()).await;
    site.turn().await;
    let reports = second.hear_all().await;
    let Some(Message::ErrorReport(told)) = reports.last() else { panic!("not a refusal: {reports:?}") };
    assert_eq!(told.code, ErrorCode::ProtocolUnsupported.number());
    assert_eq!(refused().await.len(), 2, "each reason is shown");
    second.say(CLAIMS, AgentHello { protocol: vec![1, 2, 3], ..newer }).await;
    site.turn().await;
    assert_eq!((refused().await.len(), agents(&site).await.len()), (0, 2));
}

#[tokio::test]
async fn a_heartbeat_of_a_stranger_is_answered_with_a_wish_for_a_hello_but_not_each_time() {
    let site = Site::start().await;
    let mut agent = WireAgent::silent(&site, "infra-1", "infra-1", &site.keys[0], 3).await;
    agent.beat(1, &[]).await;
    site.turn().await;
    agent.beat(2, &[]).await;
    site.turn().await;
    let heard = agent.hear_all().await;
    assert!(matches!(&heard[..], [Message::Control(control)] if control.command == Command::Hello), "{heard:?}");
}

#[tokio::test]
async fn heartbeats_are_kept_once_and_renew_the_lease() {
    let site = Site::start().await;
    let agent = WireAgent::start(&site, "infra-1", &site.keys[0]).await;
    site.let_leases_expire().await;
    agent.beat(1, &[]).await;
    agent.beat(1, &[]).await;
    agent.beat(2, &[]).await;
    site.turn().await;
    agent.beat(2, &[]).await;
    site.turn().await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM resource_metrics").fetch_one(site.app.pool()).await.expect("reads");
    assert_eq!(kept, 1, "of those that came together the newest, and a repeated one not again");
    let alive: bool = sqlx::query_scalar("SELECT lease_expires_at > now() FROM agents").fetch_one(site.app.pool()).await.expect("reads");
    assert!(alive);
}
