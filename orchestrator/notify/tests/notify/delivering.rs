//! From an event to a receiver: what is told, to whom, how often, and what becomes of what nobody takes.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chiffon_harness::app::TestApp;
use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::domain::role::{Principal, Role};
use chiffon_kernel::verbs::tokens::{self, NewToken};
use chiffon_notify::chores::notifier::Notifier;
use chiffon_notify::chores::postman::Postman;
use chiffon_notify::domain::settings::Notifications;
use chiffon_notify::store::counts;
use chiffon_notify::store::notices::{self, Listed};
use chiffon_notify::verbs::{Context, retry, test};
use chiffon_plans::domain::policy::Policy;
use chiffon_process::{Clock as _, Spawner, telemetry};
use chiffon_protocol::ErrorCode;
use chiffon_requests::verbs::{decide, submit};
use chiffon_testkit::until;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;
use uuid::Uuid;

use crate::receiver::Receiver;

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub struct World {
    pub app: TestApp,
    pub receiver: Receiver,
    pub context: Context,
    pub ann: Principal,
    folder: TempDir,
}

impl World {
    /// With one channel, of which this is different; what is null is left out.
    pub async fn start(policy: Policy, different: Value) -> Self {
        Self::start_with(policy, different, json!({})).await
    }

    /// The same with a server for e-mail.
    pub async fn start_with(policy: Policy, different: Value, smtp: Value) -> Self {
        telemetry::install_tls_provider();
        let app = TestApp::with_policy(policy).await;
        let receiver = Receiver::start(&Spawner::new(app.context.shutdown.clone())).await;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        std::fs::write(&file, SECRET).expect("written");
        let mut channel = json!({"name": "ops", "kind": "webhook", "url": receiver.url, "secret_file": file});
        for (key, value) in different.as_object().expect("an object") {
            channel[key] = value.clone();
        }
        channel.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let settings: Notifications = serde_json::from_value(json!({"channels": [channel], "smtp": smtp})).expect("a channel");
        let context = Context::new(app.context.engine.kernel.clone(), settings, "https://chiffon.test/").expect("a client");
        app.announce_actions().await;
        let ann = app.person("ann", Role::Approver).await;
        let world = Self { app, receiver, context, ann, folder };
        world.follow().await;
        world
    }

    /// Reads on to the end of the feed. Other tests' transactions in the same server hold it up, too.
    pub async fn follow(&self) {
        until("everything was read", Duration::from_secs(20), || async {
            Notifier::new(self.context.clone()).tick().await.expect("the database answers");
            let unread: i64 = sqlx::query_scalar(
                "SELECT count(*)
                FROM request_events e, notice_feed f
                WHERE (e.feed_position, e.request_id, e.seq) > (f.position, f.stream_id, f.seq)",
            )
            .fetch_one(self.app.pool())
            .await
            .expect("it is counted");
            if unread == 0 { Ok(()) } else { Err(unread) }
        })
        .await;
    }

    pub async fn deliver(&self) {
        Postman::new(self.context.clone()).tick().await.expect("the database answers");
    }

    /// Gives this person a token, by which they can sign in.
    pub async fn give_a_way_in(&self, name: &str) {
        let new = NewToken { principal: name.to_owned(), role: Role::Approver, program: false, label: "test".to_owned(), valid_for: None };
        tokens::create(&self.context, "test", &new).await.expect("a token");
    }

    /// From now on this is the channel's secret.
    pub fn secret(&self, text: &str) {
        std::fs::write(self.folder.path().join("secret"), text).expect("written");
    }

    /// Asks for what can be approved at once.
    pub async fn ask(&self, who: &Principal) -> Uuid {
        let text = "restart the service nginx on nas".to_owned();
        let asked = submit::run(&self.app.context, who, submit::Submit { text, ..submit::Submit::default() }).await.expect("it is taken");
        self.app.plan().await;
        assert_eq!(self.app.status(asked.request_id).await, "awaiting_approval");
        asked.request_id
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(self.app.pool()).await.expect("it is done");
    }

    pub async fn count(&self, statement: &'static str) -> usize {
        let count: i64 = sqlx::query_scalar(statement).fetch_one(self.app.pool()).await.expect("a count");
        usize::try_from(count).expect("few")
    }

    pub async fn all(&self) -> Vec<Listed> {
        let mut connection = self.context.store.acquire().await.expect("a connection");
        notices::list(&mut connection, None, None, 50).await.expect("they read")
    }
}

#[tokio::test]
async fn a_plan_that_waits_is_told_once_signed_with_its_link() {
    let world = World::start(Policy::default(), json!({})).await;
    let id = world.ask(&world.ann).await;
    world.follow().await;
    world.follow().await;
    world.deliver().await;
    world.deliver().await;
    let calls = world.receiver.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = &calls[0];
    assert_eq!(call.body["type"], "notification.approval_needed");
    assert_eq!(call.body["data"]["url"], format!("https://chiffon.test/ui/requests/{id}"));
    assert_eq!(call.body["data"]["plan_sha256"], json!(world.app.plan_sha256(id).await));
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64.decode(SECRET.trim_start_matches("whsec_")).expect("base64")).expect("a key");
    mac.update(format!("{}.{}.{}", call.header("webhook-id"), call.header("webhook-timestamp"), call.text).as_bytes());
    assert_eq!(call.header("webhook-signature"), format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())));
    let all = world.all().await;
    assert_eq!((all.len(), all[0].state.as_str(), all[0].attempts), (1, "sent", 1));
    let counted = counts::list(world.app.pool()).await.expect("they read");
    assert_eq!(counted.iter().map(|of| (of.outcome.as_str(), of.count)).collect::<Vec<_>>(), [("sent", 1)]);
    assert_eq!(call.header("webhook-id"), all[0].notice_id.to_string());
}

#[tokio::test]
async fn who_may_not_approve_it_is_not_asked_to() {
    let policy = Policy { self_approval: false, ..Policy::default() };
    let world = World::start(policy, json!({"person": "ann"})).await;
    let bob = world.app.person("bob", Role::Requester).await;
    world.ask(&world.ann).await;
    world.follow().await;
    assert!(world.all().await.is_empty(), "ann has asked herself");
    world.ask(&bob).await;
    world.follow().await;
    assert_eq!(world.all().await.len(), 1);
}

#[tokio::test]
async fn what_was_decided_meanwhile_is_not_told_any_more() {
    let world = World::start(Policy::default(), json!({})).await;
    let id = world.ask(&world.ann).await;
    world.follow().await;
    let plan_sha256 = world.app.plan_sha256(id).await;
    let reject = decide::Decide {
        request_id: id,
        plan_sha256,
        decision: decide::Decision::Reject,
        comment: None,
        left_out: Vec::new(),
        link_id: None,
    };
    decide::run(&world.app.context, &world.ann, reject).await.expect("it is decided");
    world.deliver().await;
    let all = world.all().await;
    assert_eq!((world.receiver.calls().len(), all[0].state.as_str()), (0, "withdrawn"), "{all:?}");
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_under_the_same_id_and_no_sooner_than_it_asks() {
    let world = World::start(Policy::default(), json!({})).await;
    world.ask(&world.ann).await;
    world.follow().await;
    world.receiver.answers("429 Too Many Requests\r\nRetry-After: 120\r\n");
    world.deliver().await;
    world.app.clock.advance(Duration::from_secs(119));
    world.deliver().await;
    assert_eq!(world.receiver.calls().len(), 1, "it has asked for two minutes");
    let waiting = &world.all().await[0];
    assert_eq!((waiting.state.as_str(), waiting.last_error.as_deref()), ("pending", Some("HTTP 429: ")));
    world.receiver.answers("200 OK\r\n");
    world.app.clock.advance(Duration::from_secs(2));
    world.deliver().await;
    let ids: Vec<String> = world.receiver.calls().iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
    assert_eq!(world.all().await[0].state, "sent");
}

#[tokio::test]
async fn what_will_not_be_taken_is_given_up_with_why_and_tried_again_by_hand() {
    let world = World::start(Policy::default(), json!({})).await;
    world.ask(&world.ann).await;
    world.follow().await;
    world.receiver.answers("302 Found\r\nLocation: http://127.0.0.1:1/inside\r\n");
    world.deliver().await;
    let given_up = world.all().await.remove(0);
    assert_eq!(given_up.state, "given_up");
    assert!(given_up.last_error.as_deref().is_some_and(|why| why.contains("redirects are not followed")), "{given_up:?}");
    world.receiver.answers("200 OK\r\n");
    retry::run(&world.context, &world.ann, given_up.notice_id).await.expect("it was given up");
    let refused = retry::run(&world.context, &world.ann, given_up.notice_id).await.expect_err("it waits");
    assert_eq!(refused.code, ErrorCode::NoticeNotGivenUp);
    world.app.wait_for_locks("SELECT FROM notices FOR SHARE").await;
    world.deliver().await;
    assert_eq!((world.all().await[0].state.as_str(), world.receiver.calls().len()), ("sent", 2));
}

#[tokio::test]
async fn a_process_that_dies_between_sending_and_noting_leaves_the_try_to_be_made_again() {
    let world = World::start(Policy::default(), json!({})).await;
    world.ask(&world.ann).await;
    world.follow().await;
    let now = world.app.clock.now();
    let mut connection = world.context.store.acquire().await.expect("a connection");
    let until = now + chrono::TimeDelta::seconds(60);
    let due = notices::claim(&mut connection, "ops", now, until).await.expect("the database answers").remove(0);
    drop(connection);
    world.deliver().await;
    assert_eq!(world.receiver.calls().len(), 0, "another has the try");
    world.app.clock.advance(Duration::from_secs(61));
    world.deliver().await;
    assert_eq!(world.receiver.calls()[0].header("webhook-id"), due.id.to_string());
}

#[tokio::test]
async fn what_waits_for_a_channel_that_is_gone_is_withdrawn() {
    let world = World::start(Policy::default(), json!({})).await;
    world.ask(&world.ann).await;
    world.follow().await;
    let others = json!({"channels": [{"name": "other", "kind": "webhook", "url": world.receiver.url, "secret_env": "NO_SUCH"}]});
    let settings: Notifications = serde_json::from_value(others).expect("a channel");
    let context = Context::new(world.app.context.engine.kernel.clone(), settings, "https://chiffon.test").expect("a client");
    Notifier::new(context).tick().await.expect("the database answers");
    let all = world.all().await;
    assert_eq!((all.len(), all[0].state.as_str()), (1, "withdrawn"), "{all:?}");
}

#[tokio::test]
async fn a_test_says_how_it_went_and_an_endless_answer_costs_nothing() {
    let world = World::start(Policy::default(), json!({})).await;
    test::run(&world.context, &world.ann, "ops").await.expect("the receiver takes it");
    assert_eq!(world.receiver.calls()[0].body["type"], "notification.test");
    world.receiver.answers("500 Internal Server Error\r\nX-Endless: yes\r\n");
    let refused = test::run(&world.context, &world.ann, "ops").await.expect_err("the receiver does not");
    assert_eq!(refused.code, ErrorCode::NotDelivered);
    assert!(refused.message.contains("HTTP 500") && refused.message.len() < 2_000, "{}", refused.message);
    let unknown = test::run(&world.context, &world.ann, "nothing").await.expect_err("there is none");
    assert_eq!(unknown.code, ErrorCode::ChannelNotFound);
}
