//! People sign in by a real OpenID Connect provider: who they are is verified, what they may do follows their groups, and a provider that is
//! ill keeps nobody out who comes another way.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chiffon_kernel::domain::role::Role;
use chiffon_nodes::shared::not_run;
use chiffon_oidc::domain::settings::Settings;
use chiffon_oidc::verbs::provider::Provider;
use chiffon_oidc::verbs::refresh;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, StatusCode, Url};
use serde_json::{Value, json};

use super::{Answer, App};

const SECRET: &str = "a-secret-of-the-tests";

/// A provider in a process of its own. It ends with the value.
struct Node {
    process: Child,
    issuer: String,
}

impl Node {
    /// `None` where this machine has not what it takes, which is told.
    fn start(test: &str, chiffon: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        if !root.join("web/node_modules/oidc-provider").is_dir() {
            not_run(test, "web/node_modules has no oidc-provider; run make setup");
            return None;
        }
        let own = root.join("target/node/node_modules/node/bin/node");
        let node = if own.exists() { own } else { PathBuf::from("node") };
        let page = format!("{chiffon}/ui/signin");
        let mut process = Command::new(node)
            .arg(root.join("web/tests/provider.mjs"))
            .args([&page, &page])
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("node starts");
        let mut issuer = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut issuer).expect("it says where it is");
        assert!(issuer.starts_with("http://localhost:"), "{issuer}");
        Some(Self { process, issuer: issuer.trim().to_owned() })
    }

    async fn told(&self, what: &str, value: &Value) {
        let client = Client::builder().tls_certs_only([]).build().expect("a client");
        assert!(client.post(format!("{}/test/{what}", self.issuer)).json(value).send().await.expect("it is told").status().is_success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn settings(issuer: &str, secret: &Path) -> Settings {
    Settings {
        issuer: issuer.to_owned(),
        name: "Lighthouse".to_owned(),
        client_id: "chiffon".to_owned(),
        client_secret_file: secret.to_owned(),
        client_secret_env: String::new(),
        scopes: ["profile", "groups", "offline_access"].map(str::to_owned).to_vec(),
        name_claim: "preferred_username".to_owned(),
        groups_claim: "groups".to_owned(),
        roles: BTreeMap::from([("ops".to_owned(), Role::Operator), ("leads".to_owned(), Role::Approver)]),
        refresh_every: Duration::from_mins(10),
    }
}

/// A Chiffon with its provider.
struct Site {
    app: App,
    node: Node,
}

impl Site {
    async fn start(test: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).expect("written");
        let mut started = None;
        let app = App::with_provider(|address| {
            started = Node::start(test, address, environment);
            let issuer = started.as_ref().map_or("http://localhost:1", |node| &node.issuer);
            Provider::new(settings(issuer, &secret)).expect("settings")
        })
        .await;
        Some(Self { app, node: started? })
    }

    /// Signs in, as somebody does who types this name at the provider; the answer to the browser's return.
    async fn sign_in(&self, name: &str) -> Answer {
        let begun = Begun::of(&self.app).await;
        let (code, state) = begun.at_the_provider(name).await;
        begun.back(&self.app, &code, &state).await
    }

    /// As if it were time to ask the provider again.
    async fn refresh(&self) {
        self.app.sql("UPDATE oidc_sessions SET look_at = now() - interval '1 second'").await;
        refresh::due(&self.app.context, Some(self.app.provider())).await.expect("the database answers");
    }

    async fn events(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT event FROM audit_log WHERE chain = 'system' ORDER BY seq")
            .fetch_all(self.app.context.store.pool())
            .await
            .expect("the audit")
    }
}

/// A browser that was sent to the provider.
struct Begun {
    url: Url,
    cookie: String,
}

impl Begun {
    async fn of(app: &App) -> Self {
        let begun = Answer::of(app.client.post(format!("{}/session/oidc", app.address)).header(ORIGIN, &app.address)).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{begun:?}");
        let cookie = begun.header("set-cookie");
        assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/;") && cookie.contains("Max-Age=600"), "{cookie}");
        let url = begun.body["url"].as_str().expect("an address").parse().expect("an address");
        Self { url, cookie: cookie.split(';').next().expect("a cookie").to_owned() }
    }

    fn query(&self, name: &str) -> String {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// Types a name, agrees, and comes back with a code and the state.
    async fn at_the_provider(&self, name: &str) -> (String, String) {
        let client = Client::builder().tls_certs_only([]).redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let (mut cookies, mut url, mut form) = (BTreeMap::new(), self.url.clone(), None::<String>);
        for _ in 0..20 {
            if url.path() == "/ui/signin" {
                let find = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
                return (find("code").unwrap_or_else(|| panic!("no code: {url}")), find("state").expect("a state"));
            }
            let held = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<String>>().join("; ");
            let call = match form.take() {
                Some(form) => client.post(url.clone()).header("content-type", "application/x-www-form-urlencoded").body(form),
                None => client.get(url.clone()),
            };
            let response = call.header(COOKIE, held).send().await.expect("the provider answers");
            for set in response.headers().get_all(SET_COOKIE) {
                let (name, value) = set.to_str().expect("text").split(';').next().and_then(|set| set.split_once('=')).expect("a cookie");
                cookies.insert(name.to_owned(), value.to_owned());
            }
            if let Some(next) = response.headers().get(LOCATION) {
                url = url.join(next.to_str().expect("text")).expect("an address");
                continue;
            }
            let page = chiffon_process::bounded::body(response.bytes_stream(), 1 << 20).await.expect("a page");
            let page = String::from_utf8_lossy(&page);
            let prompt = if page.contains("name=\"login\"") { "login" } else { "consent" };
            let action =
                page.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("no form: {page}"));
            url = url.join(action).expect("an address");
            form = Some(format!("prompt={prompt}&login={name}&password=any"));
        }
        panic!("the provider goes in circles at {url}");
    }

    async fn back(&self, app: &App, code: &str, state: &str) -> Answer {
        back_with(app, &self.cookie, code, state).await
    }
}

async fn back_with(app: &App, cookie: &str, code: &str, state: &str) -> Answer {
    let call = app.client.post(format!("{}/session/oidc/return", app.address)).header(ORIGIN, &app.address).header(COOKIE, cookie);
    Answer::of(call.json(&json!({"code": code, "state": state}))).await
}

async fn with(app: &App, entered: &Answer, method: Method, path: &str) -> Answer {
    assert_eq!(entered.status, StatusCode::CREATED, "{entered:?}");
    let cookie = entered.header("set-cookie").split(';').next().expect("a cookie");
    Answer::of(app.client.request(method, format!("{}{path}", app.address)).header(COOKIE, cookie).header(ORIGIN, &app.address)).await
}

#[tokio::test]
async fn somebody_signs_in_by_the_provider_and_their_groups_say_what_they_may() {
    let Some(site) = Site::start("somebody_signs_in_by_the_provider", &[]).await else { return };
    let app = &site.app;
    site.node.told("people", &json!({"s-1": {"name": "ann", "groups": ["choir", "ops", "leads"]}})).await;
    assert_eq!(Answer::of(app.client.get(format!("{}/session/oidc", app.address))).await.ok(), json!({"name": "Lighthouse"}));
    let begun = Begun::of(app).await;
    assert_eq!((begun.query("code_challenge_method"), begun.query("response_type")), ("S256".to_owned(), "code".to_owned()));
    assert!(begun.query("nonce").len() >= 20 && begun.query("state").len() >= 20, "{}", begun.url);
    let (code, state) = begun.at_the_provider("s-1").await;

    for cookie in ["", &begun.cookie.replace("cho_", "cho_x")] {
        let refused = back_with(app, cookie, &code, &state).await;
        assert!(refused.code() == 5038 && refused.message().contains("begun in another browser"), "{refused:?}");
    }
    let refused = begun.back(app, &code, "another state").await;
    assert!(refused.code() == 5038 && refused.message().contains("no sign-in was begun here"), "{refused:?}");
    let elsewhere = app.client.post(format!("{}/session/oidc/return", app.address)).header(ORIGIN, "https://evil.example");
    let elsewhere = Answer::of(elsewhere.header(COOKIE, &begun.cookie).json(&json!({"code": code, "state": state}))).await;
    assert_eq!(elsewhere.code(), 5031);

    let entered = begun.back(app, &code, &state).await;
    let me = with(app, &entered, Method::GET, "/whoami").await.ok();
    assert_eq!((&me["name"], &me["role"], &me["program"]), (&json!("ann"), &json!("approver"), &json!(false)));
    let again = begun.back(app, &code, &state).await;
    assert!(again.code() == 5038 && again.message().contains("each sign-in works once"), "{again:?}");

    site.node.told("people", &json!({"s-1": {"name": "root", "groups": ["ops"]}})).await;
    let second = site.sign_in("s-1").await;
    let me = with(app, &second, Method::GET, "/whoami").await.ok();
    assert_eq!((&me["name"], &me["role"]), (&json!("ann"), &json!("operator")), "known by the subject, and not by the name");
    assert_eq!(site.events().await, ["person.enrolled", "session.opened", "person.role_followed", "session.opened"]);
    let stored: Vec<u8> = sqlx::query_scalar("SELECT refresh_token_sealed || id_token_sealed FROM oidc_sessions LIMIT 1")
        .fetch_one(app.context.store.pool())
        .await
        .expect("tokens");
    assert!(!String::from_utf8_lossy(&stored).contains("eyJ"), "an ID token lies there as it is");

    let password = app.client.put(format!("{}/password", app.address)).header(ORIGIN, &app.address);
    let cookie = second.header("set-cookie").split(';').next().expect("a cookie");
    let password = Answer::of(password.header(COOKIE, cookie).json(&json!({"password": "trombone under glass"}))).await;
    assert!(password.code() == 5035 && password.message().contains("keeps their password"), "{password:?}");

    let left = with(app, &second, Method::POST, "/session/oidc/leave").await.ok();
    let url = left["url"].as_str().expect("the provider's page");
    assert!(url.starts_with(&site.node.issuer) && url.contains("post_logout_redirect_uri") && url.contains("id_token_hint"), "{url}");
    assert_eq!(with(app, &second, Method::GET, "/whoami").await.code(), 5004);
}

#[tokio::test]
async fn groups_are_followed_while_somebody_is_signed_in() {
    let Some(site) = Site::start("groups_are_followed", &[("CLAIMS_IN_ID_TOKEN", "1")]).await else { return };
    let app = &site.app;
    site.node.told("people", &json!({"ann": {"groups": ["leads"]}})).await;
    let entered = site.sign_in("ann").await;
    let role = async || with(app, &entered, Method::GET, "/whoami").await.ok()["role"].clone();
    assert_eq!(role().await, "approver");
    for _ in 0..2 {
        site.node.told("people", &json!({"ann": {"groups": ["ops"]}})).await;
        site.refresh().await;
        assert_eq!(role().await, "operator", "with the refresh token of the refresh before, too");
        site.node.told("people", &json!({"ann": {"groups": ["leads", "ops"]}})).await;
        site.refresh().await;
        assert_eq!(role().await, "approver");
    }
    for away in ["garbage", "hangs", "huge"] {
        site.node.told("options", &json!({"away": away})).await;
        site.refresh().await;
        assert_eq!(role().await, "approver", "a provider that is away ({away}) signs nobody out");
    }
    site.node.told("options", &json!({"away": ""})).await;
    let token = app.token("ann", Role::Approver).await;
    site.node.told("people", &json!({"ann": {"groups": ["choir"]}})).await;
    site.refresh().await;
    assert_eq!(with(app, &entered, Method::GET, "/whoami").await.code(), 5004, "who is in no group any more is signed out");
    assert_eq!(app.get("/whoami", &token).await.ok()["role"], "viewer", "and a token of theirs sees, and no more");
    let refused = site.sign_in("ann").await;
    assert!(refused.code() == 5038 && refused.message().contains("you are in no group that may use this"), "{refused:?}");
    assert!(site.events().await.contains(&"person.role_lost".to_owned()));
}

#[tokio::test]
async fn a_refused_refresh_and_a_word_that_is_too_old_sign_out() {
    let Some(site) = Site::start("a_refused_refresh", &[]).await else { return };
    let app = &site.app;
    site.node.told("people", &json!({"ann": {"groups": ["ops"]}, "bob": {"groups": ["ops"]}})).await;
    let (ann, bob) = (site.sign_in("ann").await, site.sign_in("bob").await);
    // A refresh token that was used before is taken for a stolen one: the provider takes the whole grant back.
    app.sql("CREATE TABLE kept AS SELECT session_id, refresh_token_sealed FROM oidc_sessions WHERE subject = 'ann'").await;
    site.refresh().await;
    with(app, &ann, Method::GET, "/whoami").await.ok();
    app.sql("UPDATE oidc_sessions o SET refresh_token_sealed = k.refresh_token_sealed FROM kept k WHERE k.session_id = o.session_id").await;
    site.refresh().await;
    assert_eq!(with(app, &ann, Method::GET, "/whoami").await.code(), 5004);
    with(app, &bob, Method::GET, "/whoami").await.ok();
    site.node.told("options", &json!({"away": "garbage"})).await;
    app.sql("UPDATE oidc_sessions SET confirmed_at = now() - interval '25 hours'").await;
    site.refresh().await;
    assert_eq!(with(app, &bob, Method::GET, "/whoami").await.code(), 5004, "away for a day");
    let why: Vec<String> = sqlx::query_scalar("SELECT data ->> 'why' FROM audit_log WHERE event = 'session.ended' ORDER BY seq")
        .fetch_all(app.context.store.pool())
        .await
        .expect("the audit");
    assert!(why[0].contains("does not take it any more") && why[1].contains("away for a day"), "{why:?}");
}

#[tokio::test]
async fn a_name_that_is_somebody_elses_is_not_taken_over_and_one_that_fits_nobody_is_refused() {
    let Some(site) = Site::start("a_name_that_is_somebody_elses", &[("NO_REFRESH", "1")]).await else { return };
    let app = &site.app;
    let root = app.token("root", Role::Admin).await;
    site.node.told("people", &json!({"s-1": {"name": "root", "groups": ["ops"]}, "s-2": {"name": "Ann B", "groups": ["ops"]}})).await;
    let refused = site.sign_in("s-1").await;
    assert!(refused.code() == 5038 && refused.message().contains("somebody of that name is here already"), "{refused:?}");
    assert_eq!(app.get("/whoami", &root).await.ok()["role"], "admin");
    let refused = site.sign_in("s-2").await;
    assert!(refused.code() == 5038 && refused.message().contains("set `oidc.name_claim`"), "{refused:?}");

    site.node.told("people", &json!({"s-3": {"name": "cleo", "groups": ["ops"]}, "s-4": {"name": "dan", "groups": ["ops"]}})).await;
    let dan = site.sign_in("s-4").await;
    with(app, &dan, Method::GET, "/whoami").await.ok();
    app.sql("UPDATE oidc_sessions SET look_at = now() - interval '1 second'").await;
    refresh::due(&app.context, None).await.expect("the database answers");
    assert_eq!(with(app, &dan, Method::GET, "/whoami").await.code(), 5004, "nobody stands for whom a provider did that is set up no more");
    let cleo = site.sign_in("s-3").await;
    with(app, &cleo, Method::GET, "/whoami").await.ok();
    site.refresh().await;
    assert_eq!(
        with(app, &cleo, Method::GET, "/whoami").await.code(),
        5004,
        "nobody can be asked again, so the word counts for a while only"
    );
}

#[tokio::test]
async fn what_does_not_hold_signs_nobody_in() {
    let Some(site) = Site::start("what_does_not_hold", &[]).await else { return };
    let app = &site.app;
    site.node.told("people", &json!({"ann": {"groups": ["ops"]}})).await;
    for (change, words) in [
        ("UPDATE oidc_sign_ins SET nonce = 'another'", "nonce"),
        ("UPDATE oidc_sign_ins SET pkce_verifier = repeat('a', 43)", "does not take it any more"),
        (
            "UPDATE oidc_sign_ins SET created_at = now() - interval '1 hour', expires_at = now() - interval '1 second'",
            "was to be finished before",
        ),
    ] {
        let begun = Begun::of(app).await;
        let (code, state) = begun.at_the_provider("ann").await;
        app.sql(change).await;
        let refused = begun.back(app, &code, &state).await;
        assert!(refused.code() == 5038 && refused.message().contains(words), "{words}: {refused:?}");
    }
    let begun = Begun::of(app).await;
    let (_, state) = begun.at_the_provider("ann").await;
    assert_eq!(begun.back(app, "a code of nobody's", &state).await.code(), 5038);
    let sessions: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(app.context.store.pool()).await.expect("a count");
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn a_provider_that_is_ill_or_dies_in_the_middle_is_named_in_time_and_other_ways_stay() {
    let Some(mut site) = Site::start("a_provider_that_is_ill", &[]).await else { return };
    let root = site.app.token("root", Role::Admin).await;
    for away in ["garbage", "hangs", "huge"] {
        site.node.told("options", &json!({"away": away})).await;
        let began = Instant::now();
        let refused = Answer::of(site.app.client.post(format!("{}/session/oidc", site.app.address))).await;
        assert!(
            refused.code() == 5037 && refused.message().contains("Lighthouse") && refused.message().contains("chiffon login"),
            "{refused:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(25), "{away} took {:?}", began.elapsed());
    }
    site.node.told("options", &json!({"away": ""})).await;
    site.node.told("people", &json!({"ann": {"groups": ["ops"]}})).await;
    let begun = Begun::of(&site.app).await;
    let (code, state) = begun.at_the_provider("ann").await;
    site.node.process.kill().expect("it is killed");
    site.node.process.wait().expect("it is gone");
    let refused = begun.back(&site.app, &code, &state).await;
    assert_eq!((refused.code(), refused.status), (5037, StatusCode::SERVICE_UNAVAILABLE));
    let by_token = Answer::of(site.app.client.post(format!("{}/session", site.app.address)).json(&json!({"token": root}))).await;
    assert_eq!(by_token.status, StatusCode::CREATED);
}

#[tokio::test]
async fn where_no_provider_is_set_up_that_is_said() {
    let app = App::start().await;
    assert_eq!(Answer::of(app.client.get(format!("{}/session/oidc", app.address))).await.ok(), json!({"name": null}));
    let refused = Answer::of(app.client.post(format!("{}/session/oidc", app.address))).await;
    assert!(refused.code() == 5039 && refused.message().contains("`oidc.issuer`"), "{refused:?}");
}
