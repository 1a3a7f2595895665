//! Links of notifications: each signs one person in, once, for one plan, and approves nothing by itself.

use chiffon_kernel::domain::role::Role;
use chiffon_kernel::store::principals;
use chiffon_requests::verbs::approval_links;
use reqwest::{Method, RequestBuilder};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, App};

/// A request whose plan waits, an approver, and the code of their link.
struct World {
    app: App,
    ada: String,
    request_id: Uuid,
    sha256: String,
    link: Uuid,
    code: String,
}

impl World {
    async fn start() -> Self {
        let app = App::start().await;
        app.announce().await;
        let ada = app.token("ada", Role::Requester).await;
        app.token("ann", Role::Approver).await;
        let request_id = app.ask(&ada, "polish the lens of nas").await;
        app.plan(request_id).await;
        let shown = app.get(&format!("/request/{request_id}"), &ada).await.ok();
        assert_eq!(shown["status"], "awaiting_approval", "{shown}");
        let sha256 = shown["plan"]["sha256"].as_str().expect("a hash").to_owned();
        let (link, code) = made(&app, "ann", request_id, &sha256).await.expect("a link");
        Self { app, ada, request_id, sha256, link, code }
    }

    async fn open(&self, link: Uuid, code: &str) -> Answer {
        open(&self.app, link, code, None).await
    }

    /// Opens the link; the cookie of the narrow session.
    async fn opened(&self) -> String {
        let answer = self.open(self.link, &self.code).await;
        assert_eq!(answer.body["outcome"], "signed_in", "{answer:?}");
        answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
    }

    fn call(&self, method: Method, path: &str, cookie: &str) -> RequestBuilder {
        let call = self.app.client.request(method, format!("{}{path}", self.app.address));
        call.header("cookie", cookie).header("origin", &self.app.address)
    }

    fn decision(&self, decision: &str) -> Value {
        json!({"request_id": self.request_id, "plan_sha256": self.sha256, "decision": decision})
    }

    async fn approvals(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM approvals").fetch_one(self.app.context.store.pool()).await.expect("a count")
    }
}

async fn made(app: &App, name: &str, request_id: Uuid, sha256: &str) -> Option<(Uuid, String)> {
    let person = {
        let mut connection = app.context.store.acquire().await.expect("a connection");
        principals::get_by_name(&mut connection, name).await.expect("it reads").expect("a person")
    };
    let id = app.context.ids.new_id();
    let code = approval_links::make(&app.context.kernel, id, &person, (request_id, sha256)).await.expect("it is made");
    code.map(|code| (id, code.expose_secret().to_owned()))
}

async fn open(app: &App, link: Uuid, code: &str, cookie: Option<&str>) -> Answer {
    let mut call = app.client.post(format!("{}/approval-links/{link}", app.address)).header("origin", &app.address);
    if let Some(cookie) = cookie {
        call = call.header("cookie", cookie);
    }
    Answer::of(call.json(&json!({"code": code}))).await
}

#[tokio::test]
async fn a_link_opens_once_and_its_person_approves_exactly_its_plan() {
    let world = World::start().await;
    assert_eq!(Answer::of(world.app.client.get(format!("{}/approval-links/{}", world.app.address, world.link))).await.status, 405);
    let cookie = world.opened().await;
    assert_eq!(world.approvals().await, 0, "opening approves nothing");
    let used = world.open(world.link, &world.code).await;
    assert_eq!((used.code(), &used.body["details"]["why"]), (5033, &json!("used")));
    let me = Answer::of(world.call(Method::GET, "/whoami", &cookie)).await.ok();
    assert_eq!((&me["name"], &me["narrow"]), (&json!("ann"), &json!(true)));
    let shown = Answer::of(world.call(Method::GET, &format!("/request/{}", world.request_id), &cookie)).await.ok();
    assert_eq!(shown["next"], json!(["approve", "reject"]));
    let mut other = world.decision("approve");
    other["plan_sha256"] = json!("b".repeat(64));
    assert_eq!(Answer::of(world.call(Method::POST, "/approve", &cookie).json(&other)).await.code(), 5032);
    let mut revise = world.decision("revise");
    revise["comment"] = json!("slower");
    assert_eq!(Answer::of(world.call(Method::POST, "/approve", &cookie).json(&revise)).await.code(), 5032);
    let elsewhere = world.app.client.post(format!("{}/approve", world.app.address)).header("cookie", &cookie);
    let elsewhere = Answer::of(elsewhere.header("origin", "https://evil.test").json(&world.decision("approve"))).await;
    assert_eq!(elsewhere.status, 403, "{elsewhere:?}");
    assert_eq!(world.approvals().await, 0);
    Answer::of(world.call(Method::POST, "/approve", &cookie).json(&world.decision("approve"))).await.ok();
    let link: Option<Uuid> =
        sqlx::query_scalar("SELECT link_id FROM approvals").fetch_one(world.app.context.store.pool()).await.expect("one");
    assert_eq!(link, Some(world.link), "the record says how they came");
    let events: Vec<String> = sqlx::query_scalar("SELECT event FROM audit_log WHERE event LIKE 'approval_link.%' ORDER BY event")
        .fetch_all(world.app.context.store.pool())
        .await
        .expect("the audit reads");
    assert_eq!(events, ["approval_link.made", "approval_link.opened", "approval_link.refused"]);
    assert!(Answer::of(world.call(Method::DELETE, "/session", &cookie)).await.status.is_success());
    assert_eq!(Answer::of(world.call(Method::GET, "/whoami", &cookie)).await.status, 401);
}

#[tokio::test]
async fn of_many_who_come_at_once_with_one_link_one_is_signed_in() {
    let world = World::start().await;
    let answers = futures::future::join_all((0..8).map(|_| world.open(world.link, &world.code))).await;
    let signed_in = answers.iter().filter(|answer| answer.body["outcome"] == "signed_in").count();
    assert_eq!(signed_in, 1, "{answers:?}");
}

#[tokio::test]
async fn a_guesser_learns_nothing_and_a_link_of_another_key_or_person_opens_nothing() {
    let world = World::start().await;
    let wrong: String = world
        .code
        .chars()
        .enumerate()
        .map(|(at, c)| {
            if at == 20 && c == 'A' {
                'B'
            } else if at == 20 {
                'A'
            } else {
                c
            }
        })
        .collect();
    let answers = [
        world.open(world.link, &wrong).await,
        world.open(world.app.context.ids.new_id(), &world.code).await,
        world.open(world.link, "cha_").await,
        world.open(world.link, &world.code.replacen("cha_", "chl_", 1)).await,
    ];
    for answer in &answers {
        assert_eq!((answer.code(), answer.message()), (5033, answers[0].message()), "all the same words");
        assert_eq!(answer.body["details"]["why"], "unknown");
    }
    // A row that somebody with the database has made opens nothing: what its code must be is signed.
    let forged = world.app.context.ids.new_id();
    world
        .app
        .sql(&format!(
            "INSERT INTO approval_links (id, principal_id, request_id, plan_sha256, code_sha256, created_at, expires_at)
            SELECT '{forged}', principal_id, request_id, plan_sha256, sha256('{wrong}'), now(), now() + interval '1 hour' FROM approval_links"
        ))
        .await;
    assert_eq!(world.open(forged, &wrong).await.code(), 5033);
    assert!(made(&world.app, "ada", world.request_id, &world.sha256).await.is_none(), "who may not approve gets none");
    world.app.program("bot", Role::Operator).await;
    assert!(made(&world.app, "bot", world.request_id, &world.sha256).await.is_none(), "a program gets none");
    world.opened().await;
}

#[tokio::test]
async fn a_link_that_has_had_its_time_is_refused_with_its_reason() {
    let world = World::start().await;
    world.app.sql("UPDATE approval_links SET created_at = now() - interval '2 days', expires_at = now() - interval '1 second'").await;
    assert_eq!(world.open(world.link, &world.code).await.code(), 5033, "another expiry was not signed");

    let world = World::start().await;
    world.app.sql("UPDATE api_tokens SET revoked_at = now() WHERE principal_id = (SELECT id FROM principals WHERE name = 'ann')").await;
    let refused = world.open(world.link, &world.code).await;
    assert_eq!((refused.code(), &refused.body["details"]["why"]), (5033, &json!("withdrawn")), "{refused:?}");

    let world = World::start().await;
    world.app.sql("UPDATE principals SET role = 'viewer' WHERE name = 'ann'").await;
    let refused = world.open(world.link, &world.code).await;
    assert!(refused.code() == 5033 && refused.message().contains("may not approve"), "{refused:?}");

    let world = World::start().await;
    let boss = world.app.token("boss", Role::Approver).await;
    world.app.post("/approve", &boss, &world.decision("reject")).await.ok();
    let refused = world.open(world.link, &world.code).await;
    assert!(refused.code() == 5033 && refused.message().contains("waits for nobody"), "{refused:?}");
}

#[tokio::test]
async fn a_session_of_a_link_ends_with_its_persons_last_way_in() {
    let world = World::start().await;
    let cookie = world.opened().await;
    world.app.sql("UPDATE api_tokens SET revoked_at = now() WHERE principal_id = (SELECT id FROM principals WHERE name = 'ann')").await;
    assert_eq!(Answer::of(world.call(Method::POST, "/approve", &cookie).json(&world.decision("approve"))).await.status, 401);
    assert_eq!(world.approvals().await, 0);
}

#[tokio::test]
async fn who_is_signed_in_as_somebody_else_stays_so_unless_they_say_otherwise() {
    let world = World::start().await;
    let call = world.app.client.post(format!("{}/session", world.app.address)).header("origin", &world.app.address);
    let signed_in = Answer::of(call.json(&json!({"token": world.ada}))).await;
    let cookie = signed_in.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let kept = open(&world.app, world.link, &world.code, Some(&cookie)).await.ok();
    assert_eq!((&kept["outcome"], &kept["signed_in"], &kept["name"]), (&json!("somebody_else"), &json!("ada"), &json!("ann")));
    world.opened().await;
}

/// Every endpoint that there is, so that no new one is forgotten.
#[tokio::test]
async fn a_session_of_a_link_reads_decides_about_its_plan_leaves_and_does_nothing_else() {
    const ADMITTED: [(&str, &str); 2] = [("POST", "/approve"), ("DELETE", "/session")];
    const CLOSED: [&str; 4] = ["sessions.own", "people.read", "tokens.manage", "keys.manage"];
    let world = World::start().await;
    let cookie = world.opened().await;
    let mut refused = 0;
    for endpoint in world.app.routes(&world.app.context).endpoints().to_vec() {
        let Some(permission) = endpoint.permission else { continue };
        let is_admitted = ADMITTED.contains(&(endpoint.method, endpoint.path.as_str()));
        if is_admitted || (endpoint.method == "GET" && !CLOSED.contains(&permission.name)) {
            continue;
        }
        let path = endpoint.path.replace("{id}", &world.request_id.to_string());
        let path = path.split('/').map(|part| if part.starts_with('{') { "nas" } else { part }).collect::<Vec<_>>().join("/");
        let method: Method = endpoint.method.parse().expect("a method");
        let answer = Answer::of(world.call(method, &path, &cookie).json(&json!({}))).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, 5032), "{} {path}: {answer:?}", endpoint.method);
        refused += 1;
    }
    assert!(refused > 30, "{refused} endpoints were refused");
}
