//! The page: one file with what it needs in others, whatever place of it is asked for; nothing in it runs that is not a file of ours.

use reqwest::StatusCode;
use reqwest::header::ACCEPT_ENCODING;

use super::{Answer, App};

#[tokio::test]
async fn every_place_of_the_page_is_the_page_and_its_files_are_kept_by_browsers_for_good() {
    let app = App::start().await;
    let of = |path: &str| Answer::of(app.client.get(format!("{}{path}", app.address)));
    let page = of("/ui/").await;
    assert_eq!(
        (page.status, page.header("content-type"), page.header("cache-control")),
        (StatusCode::OK, "text/html; charset=utf-8", "no-cache")
    );
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    for place in [
        "/",
        "/ui",
        "/ui/requests/01890a5d-ac96-774b-bcce-b302099a8057",
        "/ui/signin",
        "/ui/index.html.gz",
        "/ui/..%2f..%2fCargo.toml",
        // Half of a letter: the page says itself that this is no place.
        "/ui/actions/%F0%9F",
    ] {
        assert_eq!(of(place).await.body, page.body, "{place}");
    }
    let html = page.body.as_str().expect("text").to_owned();
    let files: Vec<&str> = html.split('"').filter(|value| value.starts_with("/ui/assets/")).collect();
    assert!(files.len() >= 3, "{html}");
    for file in files {
        let plain = of(file).await;
        assert_eq!((plain.status, plain.header("cache-control")), (StatusCode::OK, "public, max-age=31536000, immutable"), "{file}");
        assert_eq!(plain.header("content-encoding"), "", "{file}");
        let packed = Answer::of(app.client.get(format!("{}{file}", app.address)).header(ACCEPT_ENCODING, "gzip")).await;
        assert_eq!(
            (packed.status, packed.header("content-encoding"), packed.header("vary")),
            (StatusCode::OK, "gzip", "accept-encoding"),
            "{file}"
        );
    }
    let gone = of("/ui/assets/of-another-version.js").await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, 5121));
    assert!(gone.message().contains("load the page anew"), "{gone:?}");
}

#[tokio::test]
async fn what_is_told_to_one_caller_is_kept_for_no_other() {
    let app = App::start().await;
    let viewer = app.token("ada", chiffon_kernel::domain::role::Role::Viewer).await;
    assert_eq!(app.get("/whoami", &viewer).await.header("cache-control"), "no-store");
}
