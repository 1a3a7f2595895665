//! The page, as `web/` builds it, served from the binary under `/ui/`. It holds no data: what it shows it asks the interface for.

use axum::Router;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use chiffon_kernel::http::problem::Failure;
use chiffon_protocol::ErrorCode;
use include_dir::{Dir, include_dir};

static BUILT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../web/dist");
const PAGE: &str = "index.html";
/// What lies here has the hash of its content in its name.
const HASHED: &str = "assets/";

/// Every address under `/ui/`. One that is no file is a place in the page, which finds it by itself. What is encoded in it is the page's to
/// read: it says so itself where that is no text.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/ui", get(async || Redirect::permanent("/ui/")))
        .route("/ui/", get(async |headers: HeaderMap| file(PAGE, &headers)))
        .route("/ui/{*path}", get(async |uri: Uri, headers: HeaderMap| file(uri.path().trim_start_matches("/ui/"), &headers)))
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let path = if is_file(path) || path.starts_with(HASHED) { path } else { PAGE };
    let Some(plain) = BUILT.get_file(path).filter(|_| is_file(path)) else {
        let shown: String = path.chars().take(200).collect();
        let message = format!("the page has no file {shown}; it may have been of another version: load the page anew");
        return Failure::new(ErrorCode::NoSuchEndpoint, message).into_response();
    };
    let takes_gzip = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(takes_gzip);
    let packed = BUILT.get_file(format!("{path}.gz")).filter(|_| takes_gzip);
    let kept = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(CONTENT_TYPE, media_type(path)), (CACHE_CONTROL, kept), (VARY, "accept-encoding")];
    let mut response = (headers, packed.unwrap_or(plain).contents()).into_response();
    if packed.is_some() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// What is packed is sent in place of what it is packed of, and has no address of its own.
fn is_file(path: &str) -> bool {
    path.strip_suffix(".gz").is_none() && BUILT.get_file(path).is_some()
}

/// Whether a list of codings has gzip, and not with the weight of none (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3).
fn takes_gzip(codings: &str) -> bool {
    codings.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight != Some(0.0)
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        assert!(takes_gzip("gzip, deflate, br") && takes_gzip("br;q=1.0, GZIP;q=0.8"));
        assert!(!takes_gzip("br") && !takes_gzip("gzip;q=0") && !takes_gzip("gzip;q=0.0, br") && !takes_gzip(""));
    }

    #[test]
    fn every_file_of_the_page_has_a_type_and_all_but_pictures_are_packed() {
        fn all<'d>(dir: &'d Dir<'_>, found: &mut Vec<&'d str>) {
            found.extend(dir.files().filter_map(|file| file.path().to_str()));
            dir.dirs().for_each(|dir| all(dir, found));
        }
        let mut files = Vec::new();
        all(&BUILT, &mut files);
        assert!(files.contains(&PAGE) && files.iter().any(|file| file.starts_with(HASHED)), "{files:?}");
        let (packed, plain): (Vec<&str>, Vec<&str>) = files.into_iter().partition(|file| file.strip_suffix(".gz").is_some());
        for file in plain {
            assert_ne!(media_type(file), "application/octet-stream", "{file}");
            assert!(packed.contains(&format!("{file}.gz").as_str()) || media_type(file) == "image/png", "{file}");
        }
    }
}
