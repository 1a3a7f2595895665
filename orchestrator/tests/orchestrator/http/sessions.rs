//! Browsers sign in by a link that works once or by a token, act as their person only from our own page, and are signed out from afar.

use std::time::Duration;

use chiffon_kernel::chores::Chore as _;
use chiffon_kernel::domain::role::Role;
use chiffon_kernel::http::HttpOptions;
use chiffon_orchestrator::chores::partitions::Partitions;
use reqwest::header::{COOKIE, HOST, ORIGIN};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Answer, App};

/// A signed-in browser.
struct Browser<'a> {
    app: &'a App,
    cookie: String,
}

/// What a browser sends that opens a link.
async fn enter(app: &App, body: &Value) -> Answer {
    Answer::of(app.client.post(format!("{}/session", app.address)).header("user-agent", "Firefox on a phone").json(body)).await
}

fn code(link: &Answer) -> String {
    let url = link.body["url"].as_str().unwrap_or_else(|| panic!("no link: {link:?}"));
    url.split_once("/ui/signin#code=").expect("a code behind the hash").1.to_owned()
}

impl<'a> Browser<'a> {
    fn of(app: &'a App, opened: &Answer) -> Self {
        assert_eq!(opened.status, StatusCode::CREATED, "{opened:?}");
        let cookie = opened.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        Self { app, cookie }
    }

    async fn linked(app: &'a App, token: &str) -> Self {
        let link = app.post("/login-links", token, &json!({})).await;
        Self::of(app, &enter(app, &json!({"code": code(&link)})).await)
    }

    /// A call of our page.
    async fn call(&self, method: Method, path: &str) -> Answer {
        self.call_from(method, path, Some(&self.app.address)).await
    }

    async fn call_from(&self, method: Method, path: &str, page: Option<&str>) -> Answer {
        let call =
            self.app.client.request(method, format!("{}{path}", self.app.address)).header(COOKIE, format!("other=1; {}", self.cookie));
        Answer::of(if let Some(page) = page { call.header(ORIGIN, page) } else { call }).await
    }

    async fn whoami(&self) -> Answer {
        self.call_from(Method::GET, "/whoami", None).await
    }
}

#[tokio::test]
async fn a_link_signs_in_once_and_whoever_comes_second_is_told() {
    let app = App::start().await;
    let ann = app.token("ann", Role::Requester).await;
    let link = app.post("/login-links", &ann, &json!({})).await;
    assert_eq!((link.status, &link.body["name"]), (StatusCode::CREATED, &json!("ann")));
    assert!(link.body["url"].as_str().is_some_and(|url| url.starts_with(&format!("{}/ui/signin#code=chl_", app.address))), "{link:?}");
    let body = json!({"code": code(&link)});
    let (one, other) = tokio::join!(enter(&app, &body), enter(&app, &body));
    let (opened, refused) = if one.status == StatusCode::CREATED { (one, other) } else { (other, one) };
    assert_eq!(refused.code(), 5030);
    assert!(refused.message().contains("each works once") && refused.message().contains("chiffon login"), "{refused:?}");

    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/;") && !cookie.contains("Secure"), "{cookie}");
    let browser = Browser::of(&app, &opened);
    assert!(!opened.body.to_string().contains(browser.cookie.split_once('=').expect("a value").1), "the secret is in the answer");
    let me = browser.whoami().await.ok();
    assert_eq!((&me["name"], &me["role"]), (&json!("ann"), &json!("requester")));

    let left = browser.call(Method::DELETE, "/session").await;
    assert!(left.header("set-cookie").contains("Max-Age=0") && left.body["ended_at"].is_string(), "{left:?}");
    let out = browser.whoami().await;
    assert_eq!(out.code(), 5004);
    assert!(out.message().contains("was ended") && out.message().contains("chiffon login"), "{out:?}");
    let events: Vec<String> = sqlx::query_scalar("SELECT event FROM audit_log WHERE chain = 'system' ORDER BY seq")
        .fetch_all(app.context.store.pool())
        .await
        .expect("the audit");
    assert_eq!(events, ["token.created", "login_link.made", "session.opened", "session.ended"]);
}

#[tokio::test]
async fn a_page_that_is_not_ours_makes_a_signed_in_browser_do_nothing() {
    let app = App::start().await;
    app.announce().await;
    let ann = app.token("ann", Role::Requester).await;
    let browser = Browser::linked(&app, &ann).await;
    let (id, _) = app.proposed(&ann).await;
    let elsewhere = app.address.rsplit_once(':').expect("a port").0.to_owned() + ":1";
    for page in [None, Some("https://evil.example"), Some(elsewhere.as_str()), Some("null")] {
        let refused = browser.call_from(Method::POST, &format!("/cancel/{id}"), page).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::FORBIDDEN, 5031), "{page:?}");
        let next = if page.is_some() { "set `http.public_url`" } else { "programs send a token" };
        assert!(refused.message().contains(next), "{refused:?}");
    }
    assert_eq!(app.get(&format!("/request/{id}"), &ann).await.ok()["status"], "awaiting_approval");
    browser.call(Method::POST, &format!("/cancel/{id}")).await.ok();
    assert_eq!(app.get(&format!("/request/{id}"), &ann).await.ok()["status"], "cancelled");
}

#[tokio::test]
async fn behind_a_proxy_the_public_address_is_ours_and_its_cookie_goes_over_tls_only() {
    let app = App::with_options(HttpOptions { public_url: "https://chiffon.example".to_owned(), ..HttpOptions::default() }).await;
    let ann = app.token("ann", Role::Requester).await;
    let link = app.post("/login-links", &ann, &json!({})).await;
    assert!(link.body["url"].as_str().is_some_and(|url| url.starts_with("https://chiffon.example/ui/signin#code=")), "{link:?}");
    let opened = enter(&app, &json!({"code": code(&link)})).await;
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-chiffon_") && cookie.contains("; Secure;"), "{cookie}");
    let browser = Browser::of(&app, &opened);
    let left = app.client.delete(format!("{}/session", app.address)).header(COOKIE, &browser.cookie).header(HOST, "10.0.0.7:8080");
    assert!(Answer::of(left.header(ORIGIN, "https://chiffon.example")).await.ok()["ended_at"].is_string());
}

#[tokio::test]
async fn a_session_ends_with_the_token_that_it_was_opened_with() {
    let app = App::start().await;
    let (root, ann) = (app.token("root", Role::Admin).await, app.token("ann", Role::Requester).await);
    let by_link = Browser::linked(&app, &ann).await;
    let by_token = Browser::of(&app, &enter(&app, &json!({"token": ann})).await);
    let of_another =
        Browser::of(&app, &enter(&app, &json!({"code": code(&app.post("/login-links", &root, &json!({"name": "ann"})).await)})).await);
    let unused = app.post("/login-links", &ann, &json!({})).await;
    let tokens = app.get("/tokens", &root).await.ok();
    let token = tokens["items"].as_array().expect("tokens").iter().find(|token| token["name"] == "ann").expect("hers").clone();
    Answer::of(app.call(Method::DELETE, &format!("/tokens/{}", token["token_id"].as_str().expect("an id")), &root)).await.ok();
    for browser in [&by_link, &by_token] {
        let out = browser.whoami().await;
        assert_eq!(out.code(), 5004);
        assert!(out.message().contains("the token with which `ann` signed in does not count any more"), "{out:?}");
    }
    assert_eq!(enter(&app, &json!({"code": code(&unused)})).await.code(), 5030);
    of_another.whoami().await.ok();
    let listed = app.get("/sessions", &root).await.ok();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed:#}");
}

#[tokio::test]
async fn who_manages_tokens_signs_others_in_and_out_and_others_only_themselves() {
    let app = App::start().await;
    let (root, ann) = (app.token("root", Role::Admin).await, app.token("ann", Role::Operator).await);
    let refused = app.post("/login-links", &ann, &json!({"name": "bob"})).await;
    assert_eq!(refused.code(), 5701);
    let own = app.post("/login-links", &root, &json!({"name": "root", "role": "viewer"})).await;
    assert!(own.code() == 5111 && own.message().contains("`root` exists as admin"), "{own:?}");
    let nobody = app.post("/login-links", &root, &json!({"role": "viewer"})).await;
    assert!(nobody.code() == 5136 && nobody.message().contains("`name` says whose"), "{nobody:?}");
    let new = app.post("/login-links", &root, &json!({"name": "bob"})).await;
    assert!(new.code() == 5136 && new.message().contains("`bob` is new here: say what they may do"), "{new:?}");
    let made = app.post("/login-links", &root, &json!({"name": "bob", "role": "approver"})).await;
    let bob = Browser::of(&app, &enter(&app, &json!({"code": code(&made)})).await);
    assert_eq!(bob.whoami().await.ok()["role"], "approver");
    let (mine, all) = (app.get("/sessions", &ann).await.ok(), app.get("/sessions", &root).await.ok());
    assert_eq!((&mine["items"], &all["items"][0]["name"], &all["current"]), (&json!([]), &json!("bob"), &Value::Null));
    assert_eq!(all["items"][0]["browser"], "Firefox on a phone");
    let own = bob.call(Method::GET, "/sessions").await.ok();
    assert_eq!(own["current"], own["items"][0]["session_id"]);
    let path = format!("/sessions/{}", own["current"].as_str().expect("an id"));
    assert_eq!(Answer::of(app.call(Method::DELETE, &path, &ann)).await.code(), 5143);
    for _ in 0..2 {
        assert!(Answer::of(app.call(Method::DELETE, &path, &root)).await.ok()["ended_at"].is_string());
    }
    assert_eq!(bob.whoami().await.code(), 5004);
}

#[tokio::test]
async fn who_has_signed_out_or_lost_their_token_hears_no_more_of_what_they_follow() {
    let app = App::start().await;
    app.announce().await;
    let (root, ann) = (app.token("root", Role::Admin).await, app.token("ann", Role::Requester).await);
    let browser = Browser::linked(&app, &root).await;
    let (id, _) = app.proposed(&root).await;
    let path = format!("{}/request/{id}/events", app.address);
    let by_cookie = app.client.get(&path).header(COOKIE, &browser.cookie).send().await.expect("a view");
    let by_token = app.client.get(&path).bearer_auth(&ann).send().await.expect("a view");
    browser.call(Method::DELETE, "/session").await.ok();
    let tokens = app.get("/tokens", &root).await.ok();
    let hers = tokens["items"].as_array().expect("tokens").iter().find(|token| token["name"] == "ann").expect("hers").clone();
    Answer::of(app.call(Method::DELETE, &format!("/tokens/{}", hers["token_id"].as_str().expect("an id")), &root)).await.ok();
    for view in [by_cookie, by_token] {
        let told = chiffon_process::bounded::body(view.bytes_stream(), 1 << 20);
        let told = tokio::time::timeout(Duration::from_secs(20), told).await.expect("the view ends").expect("it ends well");
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("event: plan") && !told.contains("event: end"), "{told}");
    }
}

#[tokio::test]
async fn a_browser_is_one_person_at_a_time_and_what_it_has_made_ends_with_it() {
    let app = App::start().await;
    let (ann, bob) = (app.token("ann", Role::Requester).await, app.token("bob", Role::Requester).await);
    let browser = Browser::linked(&app, &ann).await;
    let made = app.client.post(format!("{}/login-links", app.address)).header(COOKIE, &browser.cookie).header(ORIGIN, &app.address);
    let made = Answer::of(made.json(&json!({}))).await;
    let link = app.post("/login-links", &bob, &json!({})).await;
    let opened = app.client.post(format!("{}/session", app.address)).header(COOKIE, &browser.cookie).header(ORIGIN, &app.address);
    let bobs = Browser::of(&app, &Answer::of(opened.json(&json!({"code": code(&link)}))).await);
    assert_eq!(bobs.whoami().await.ok()["name"], "bob");
    assert!(browser.whoami().await.message().contains("the session of `ann` was ended"));
    let refused = enter(&app, &json!({"code": code(&made)})).await;
    assert!(refused.code() == 5030 && refused.message().contains("is not signed in any more"), "{refused:?}");

    let both = format!("{}; {}", browser.cookie, bobs.cookie);
    let two = Answer::of(app.client.get(format!("{}/whoami", app.address)).header(COOKIE, both)).await.ok();
    assert_eq!(two["name"], "bob", "somebody else's cookie of our name locks nobody out");
}

#[tokio::test]
async fn what_opens_nothing_says_why() {
    let app = App::start().await;
    let (ann, bot) = (app.token("ann", Role::Requester).await, app.program("bot", Role::Requester).await);
    assert_eq!(app.post("/login-links", &bot, &json!({})).await.code(), 5701);
    let program = enter(&app, &json!({"token": bot})).await;
    assert_eq!(program.code(), 5701);
    assert!(program.message().contains("is a program, and a browser is a person's"), "{program:?}");
    let expired = code(&app.post("/login-links", &ann, &json!({})).await);
    app.sql("UPDATE login_links SET created_at = now() - interval '2 hours', expires_at = now() - interval '1 second'").await;
    for (body, number, words) in [
        (json!({"code": expired}), 5030, "expired at"),
        (json!({"code": format!("chl_{}", "A".repeat(43))}), 5030, "is not known here"),
        (json!({"code": "chl_short"}), 5030, "is not whole"),
        (json!({"token": "chf_short"}), 5004, "cut off"),
        (json!({}), 5136, "send `code`"),
        (json!({"code": "a", "token": "b"}), 5136, "one of them only"),
        (json!({"name": "ann"}), 5136, "`name` with `password`"),
        (json!({"name": "ann", "password": "x", "token": "b"}), 5136, "one of them only"),
    ] {
        let refused = enter(&app, &body).await;
        assert_eq!(refused.code(), number, "{body}");
        assert!(refused.message().contains(words), "{refused:?}");
    }
    let with_a_token = Answer::of(app.call(Method::DELETE, "/session", &ann)).await;
    assert_eq!(with_a_token.code(), 5143);
}

#[tokio::test]
async fn a_session_lasts_while_it_is_used_and_what_has_expired_goes() {
    let app = App::start().await;
    let ann = app.token("ann", Role::Requester).await;
    let browser = Browser::linked(&app, &ann).await;
    app.sql("UPDATE sessions SET last_used_at = now() - interval '2 hours', expires_at = now() + interval '1 day'").await;
    browser.whoami().await.ok();
    let later: bool = sqlx::query_scalar("SELECT expires_at > now() + interval '13 days' FROM sessions")
        .fetch_one(app.context.store.pool())
        .await
        .expect("the session");
    assert!(later, "a use makes it last");
    app.sql("UPDATE sessions SET created_at = now() - interval '30 days', expires_at = now() - interval '8 days'").await;
    app.sql("UPDATE login_links SET created_at = now() - interval '30 days', expires_at = now() - interval '8 days'").await;
    let out = browser.whoami().await;
    assert!(out.code() == 5004 && out.message().contains("expired at"), "{out:?}");
    Partitions::new(app.context.clone()).tick().await.expect("it looks");
    let left: i64 = sqlx::query_scalar("SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM login_links)")
        .fetch_one(app.context.store.pool())
        .await
        .expect("a count");
    assert_eq!(left, 0);
}
