//! People sign in with a name and a password; what is wrong is told in one way, and who guesses is slowed down.

use chiffon_kernel::domain::role::Role;
use reqwest::header::{COOKIE, ORIGIN};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, App};

const GOOD: &str = "trombone under glass";
const OTHER: &str = "a lamp in every window";

async fn enter(app: &App, body: &Value) -> Answer {
    Answer::of(app.client.post(format!("{}/session", app.address)).json(body)).await
}

fn by(name: &str, password: &str) -> Value {
    json!({"name": name, "password": password})
}

/// A call of our page in the browser that was signed in with this answer.
async fn with(app: &App, entered: &Answer, method: Method, path: &str, body: Option<&Value>) -> Answer {
    assert_eq!(entered.status, StatusCode::CREATED, "{entered:?}");
    let cookie = entered.header("set-cookie").split(';').next().expect("a cookie");
    let call = app.client.request(method, format!("{}{path}", app.address)).header(COOKIE, cookie).header(ORIGIN, &app.address);
    Answer::of(if let Some(body) = body { call.json(body) } else { call }).await
}

async fn put(app: &App, path: &str, token: &str, body: &Value) -> Answer {
    Answer::of(app.call(Method::PUT, path, token).json(body)).await
}

#[tokio::test]
async fn a_name_and_its_password_sign_in_and_nothing_else_does() {
    let app = App::start().await;
    let ann = app.token("ann", Role::Requester).await;
    assert_eq!(app.get("/password", &ann).await.ok()["password"], Value::Null);
    let set = put(&app, "/password", &ann, &json!({"password": GOOD})).await.ok();
    assert_eq!((&set["password"]["set_by"], &set["password"]["must_change"]), (&json!("ann"), &json!(false)));
    let stored: String = sqlx::query_scalar("SELECT phc FROM passwords").fetch_one(app.context.store.pool()).await.expect("a hash");
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");

    let entered = enter(&app, &by("ann", GOOD)).await;
    assert!(entered.header("set-cookie").contains("; HttpOnly; SameSite=Strict;"), "{entered:?}");
    assert_eq!(with(&app, &entered, Method::GET, "/whoami", None).await.ok()["name"], "ann");

    app.token("bob", Role::Viewer).await;
    let (bot, long) = (app.program("bot", Role::Viewer).await, "x".repeat(1025));
    let refusals =
        [by("ann", OTHER), by("ann", "trombone under glass "), by("nobody", GOOD), by("bob", GOOD), by("bot", GOOD), by("ann", &long)];
    let mut words = Vec::new();
    for refused in &refusals {
        let answer = enter(&app, refused).await;
        assert_eq!((answer.code(), answer.header("set-cookie")), (5034, ""), "{refused}");
        words.push(answer.message().to_owned());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "who is refused learns nothing of why: {words:#?}");
    assert_eq!(put(&app, "/password", &bot, &json!({"password": GOOD})).await.code(), 5701);

    let events: Vec<String> = sqlx::query_scalar("SELECT event FROM audit_log WHERE chain = 'system' AND actor = 'ann' ORDER BY seq")
        .fetch_all(app.context.store.pool())
        .await
        .expect("the audit");
    assert_eq!(events, ["password.changed", "session.opened"]);
    let told: String =
        sqlx::query_scalar("SELECT string_agg(data::text, ' ') FROM audit_log").fetch_one(app.context.store.pool()).await.expect("all");
    assert!(!told.contains("trombone") && !told.contains("argon2"), "{told}");
}

#[tokio::test]
async fn changing_ones_own_asks_for_the_present_one_and_ends_the_other_sessions() {
    let app = App::start().await;
    let ann = app.token("ann", Role::Requester).await;
    put(&app, "/password", &ann, &json!({"password": GOOD})).await.ok();
    let (here, there) = (enter(&app, &by("ann", GOOD)).await, enter(&app, &by("ann", GOOD)).await);
    for (body, number, words) in [
        (json!({"password": OTHER}), 5136, "send it as `present`"),
        (json!({"password": OTHER, "present": "guessed by me"}), 5034, "the present password is wrong"),
        (json!({"password": GOOD, "present": GOOD}), 5035, "the one that you have"),
        (json!({"password": "short", "present": GOOD}), 5035, "shorter than 8"),
        (json!({"password": "Password2026!", "present": GOOD}), 5035, "tried first"),
    ] {
        let refused = with(&app, &here, Method::PUT, "/password", Some(&body)).await;
        assert_eq!(refused.code(), number, "{body}");
        assert!(refused.message().contains(words), "{refused:?}");
    }
    with(&app, &here, Method::PUT, "/password", Some(&json!({"password": OTHER, "present": GOOD}))).await.ok();
    with(&app, &here, Method::GET, "/whoami", None).await.ok();
    assert_eq!(with(&app, &there, Method::GET, "/whoami", None).await.code(), 5004, "the other browser is signed out");
    app.get("/whoami", &ann).await.ok();
    assert_eq!(enter(&app, &by("ann", GOOD)).await.code(), 5034);
    let last = enter(&app, &by("ann", OTHER)).await;
    let refused = with(&app, &last, Method::DELETE, "/password", None).await;
    assert!(
        refused.code() == 5701 && refused.message().contains("chiffon password --remove"),
        "an open browser is not enough: {refused:?}"
    );
    let remove = async || Answer::of(app.call(Method::DELETE, "/password", &ann)).await.ok();
    assert_eq!(remove().await["removed"], true);
    assert_eq!(remove().await["removed"], false);
    assert_eq!(enter(&app, &by("ann", OTHER)).await.code(), 5034);
}

#[tokio::test]
async fn what_somebody_else_has_chosen_signs_in_only_with_ones_own_in_its_place() {
    let app = App::start().await;
    let root = app.token("root", Role::Admin).await;
    let new = put(&app, "/people/bea/password", &root, &json!({"password": GOOD})).await;
    assert!(new.code() == 5136 && new.message().contains("`bea` is new here"), "{new:?}");
    let set = put(&app, "/people/bea/password", &root, &json!({"password": GOOD, "role": "approver"})).await.ok();
    assert_eq!((&set["set_by"], &set["must_change"]), (&json!("root"), &json!(true)));
    let refused = enter(&app, &by("bea", GOOD)).await;
    assert!(refused.code() == 5036 && refused.message().contains("`root` has chosen this password"), "{refused:?}");
    assert_eq!(enter(&app, &json!({"name": "bea", "password": OTHER, "new_password": OTHER})).await.code(), 5034, "the present one first");
    assert_eq!(enter(&app, &json!({"name": "bea", "password": GOOD, "new_password": GOOD})).await.code(), 5035);
    let entered = enter(&app, &json!({"name": "bea", "password": GOOD, "new_password": OTHER})).await;
    assert_eq!(with(&app, &entered, Method::GET, "/whoami", None).await.ok()["role"], "approver");
    assert_eq!(enter(&app, &by("bea", OTHER)).await.status, StatusCode::CREATED);

    let own = put(&app, "/people/root/password", &root, &json!({"password": GOOD})).await;
    assert!(own.code() == 5111 && own.message().contains("`PUT /password` sets your own"), "{own:?}");
    app.program("bot", Role::Viewer).await;
    assert_eq!(put(&app, "/people/bot/password", &root, &json!({"password": GOOD})).await.code(), 5701);
    let bea = app.token("bea", Role::Approver).await;
    assert_eq!(put(&app, "/people/root/password", &bea, &json!({"password": GOOD})).await.code(), 5701);

    let own = Answer::of(app.call(Method::DELETE, "/people/root/password", &root)).await;
    assert!(own.code() == 5111 && own.message().contains("somebody else's"), "{own:?}");
    let taken = Answer::of(app.call(Method::DELETE, "/people/bea/password", &root)).await.ok();
    assert_eq!(taken["removed"], true);
    assert_eq!(with(&app, &entered, Method::GET, "/whoami", None).await.code(), 5004, "she is signed out with it");
    assert_eq!(enter(&app, &by("bea", OTHER)).await.code(), 5034);
    assert_eq!(Answer::of(app.call(Method::DELETE, "/people/nobody/password", &root)).await.ok()["removed"], false);
}

#[tokio::test]
async fn who_guesses_is_slowed_down_for_that_name_and_links_and_tokens_go_on() {
    let app = App::start().await;
    let ann = app.token("ann", Role::Requester).await;
    put(&app, "/password", &ann, &json!({"password": GOOD})).await.ok();
    let mut last = enter(&app, &by("ann", OTHER)).await;
    for _ in 0..10 {
        last = enter(&app, &by("ann", OTHER)).await;
    }
    assert_eq!((last.code(), last.status), (5023, StatusCode::TOO_MANY_REQUESTS));
    let after: u64 = last.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&after), "{last:?}");
    assert_eq!(enter(&app, &by("ann", GOOD)).await.code(), 5023, "the right one is not even looked at");
    assert_eq!(enter(&app, &by("bob", OTHER)).await.code(), 5034, "another name is another count");
    let link = app.post("/login-links", &ann, &json!({})).await.ok();
    let code = link["url"].as_str().and_then(|url| url.split_once("#code=")).expect("a code").1.to_owned();
    assert_eq!(enter(&app, &json!({"code": code})).await.status, StatusCode::CREATED);
    assert_eq!(enter(&app, &json!({"token": ann})).await.status, StatusCode::CREATED);
}
