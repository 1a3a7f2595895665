//! The `[traces]` table of the configuration: where spans go, as whom, and how many of them.

use std::path::{Path, PathBuf};

use chiffon_process::config::variable;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

/// Where a collector takes traces (OTLP specification, "OTLP/HTTP Request").
const PATH: &str = "v1/traces";
/// What OpenTelemetry names for all signals, and for traces alone.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TRACES_HEADERS: &str = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";

/// What is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The collector's address; empty for OpenTelemetry's variables, or for none.
    pub endpoint: String,
    /// The file that holds headers, one a line.
    pub headers_file: PathBuf,
    /// The variable that holds them, separated by commas.
    pub headers_env: String,
    /// The share of all traces that is sent.
    pub sample_ratio: f64,
}

/// Where spans are sent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The whole address.
    pub url: Url,
    /// What goes along; marked as sensitive.
    pub headers: HeaderMap,
    /// The share of all traces.
    pub ratio: f64,
}

impl Settings {
    /// Why these can't be meant, with the key and what to do. Asks nobody.
    pub fn check(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.sample_ratio) {
            return Err(format!("traces.sample_ratio: {} is no share; give a number from 0 (none) to 1 (all)", self.sample_ratio));
        }
        if !self.headers_file.as_os_str().is_empty() && !self.headers_env.is_empty() {
            return Err("traces.headers_file and traces.headers_env are both set; give one of them".to_owned());
        }
        if !self.endpoint.is_empty() {
            address(&self.endpoint, "traces.endpoint")?;
        }
        Ok(())
    }

    /// Where spans go; `None` where nobody takes them.
    pub fn target(&self) -> Result<Option<Target>, String> {
        self.target_with(&variable)
    }

    fn target_with(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Target>, String> {
        self.check()?;
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let url = if !self.endpoint.is_empty() {
            with_path(address(&self.endpoint, "traces.endpoint")?)
        } else if let Some(exact) = given(TRACES_ENDPOINT) {
            // Taken as it is, as OpenTelemetry has it.
            address(exact.trim(), TRACES_ENDPOINT)?
        } else if let Some(base) = given(ENDPOINT) {
            with_path(address(base.trim(), ENDPOINT)?)
        } else {
            return Ok(None);
        };
        let headers = if self.headers_file != Path::new("") {
            let file = &self.headers_file;
            let text =
                std::fs::read_to_string(file).map_err(|why| format!("traces.headers_file: {} can't be read: {why}", file.display()))?;
            headers(text.lines().filter(|line| !line.trim_start().starts_with('#')), ':', "traces.headers_file")?
        } else if !self.headers_env.is_empty() {
            let name = &self.headers_env;
            let text = variable(name).ok_or_else(|| format!("traces.headers_env names {name}, which is not set"))?;
            headers(text.split(','), '=', name)?
        } else if let Some((name, text)) = [TRACES_HEADERS, HEADERS].into_iter().find_map(|name| Some((name, given(name)?))) {
            headers(text.split(','), '=', name)?
        } else {
            HeaderMap::new()
        };
        Ok(Some(Target { url, headers, ratio: self.sample_ratio }))
    }
}

/// An address that can be called, by which nobody's password is shown.
fn address(text: &str, key: &str) -> Result<Url, String> {
    let example = "such as http://127.0.0.1:4318";
    let url: Url = text.parse().map_err(|why| format!("{key}: this is no address ({why}); give the collector's, {example}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{key} has a name or password in it; give them as a header, in traces.headers_file"));
    }
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{key}: `{url}` is no address of a collector's HTTP port; give it, {example}"));
    }
    Ok(url)
}

/// The address under which traces are taken, where only the collector's was given.
fn with_path(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with(PATH) {
        url.set_path(&format!("{path}/{PATH}"));
    }
    url
}

/// Headers, one an item. What is wrong is told by its number: a value is a secret.
fn headers<'t>(items: impl Iterator<Item = &'t str>, between: char, key: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (number, item) in items.enumerate().filter(|(_, item)| !item.trim().is_empty()) {
        let read = item.split_once(between).and_then(|(name, value)| {
            let mut value = HeaderValue::from_str(value.trim()).ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse::<HeaderName>().ok()?, value))
        });
        let (name, value) =
            read.ok_or_else(|| format!("{key}: header {} can't be read; write it as Authorization{between}Bearer …", number + 1))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: &str) -> Settings {
        Settings { endpoint: endpoint.to_owned(), headers_file: PathBuf::new(), headers_env: String::new(), sample_ratio: 1.0 }
    }

    fn url(endpoint: &str, variables: &[(&str, &str)]) -> Option<String> {
        target(&settings(endpoint), variables).expect("it can be meant").map(|target| target.url.to_string())
    }

    fn target(settings: &Settings, variables: &[(&str, &str)]) -> Result<Option<Target>, String> {
        settings.target_with(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_configuration_goes_before_opentelemetrys_variables() {
        let both = [(ENDPOINT, "http://all:4318"), (TRACES_ENDPOINT, "http://traces:4318/own")];
        assert_eq!(url("", &[]), None);
        assert_eq!(url("", &[(ENDPOINT, " ")]), None);
        assert_eq!(url("", &both[..1]).as_deref(), Some("http://all:4318/v1/traces"));
        assert_eq!(url("", &both).as_deref(), Some("http://traces:4318/own"));
        assert_eq!(url("http://here:4318/", &both).as_deref(), Some("http://here:4318/v1/traces"));
        assert_eq!(url("https://here/otlp/v1/traces", &[]).as_deref(), Some("https://here/otlp/v1/traces"));
    }

    #[test]
    fn headers_come_from_a_file_or_a_variable_and_are_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("headers");
        std::fs::write(&file, "# of the collector\nAuthorization: Bearer s3cret\n\nX-Scope-OrgID: home\n").expect("written");
        let from_file = Settings { headers_file: file, ..settings("http://here:4318") };
        let read = target(&from_file, &[]).expect("read").expect("a target");
        assert_eq!(read.headers["authorization"], "Bearer s3cret");
        assert_eq!(read.headers["x-scope-orgid"], "home");
        assert!(!format!("{read:?}").contains("s3cret"), "{read:?}");
        let named = Settings { headers_env: "COLLECTOR".to_owned(), ..settings("http://here:4318") };
        let read = target(&named, &[("COLLECTOR", "api-key=abc,x=y=z")]).expect("read").expect("a target");
        assert_eq!((&read.headers["api-key"], &read.headers["x"]), (&HeaderValue::from_static("abc"), &HeaderValue::from_static("y=z")));
        let standard = target(&settings("http://here:4318"), &[(HEADERS, "a=b")]).expect("read").expect("a target");
        assert_eq!(standard.headers["a"], "b");
        let refused = target(&settings("http://here:4318"), &[(HEADERS, "a=b,s3cret")]).expect_err("no header");
        assert!(refused.contains("header 2") && !refused.contains("s3cret"), "{refused}");
    }

    #[test]
    fn what_can_not_be_meant_is_refused_by_its_key() {
        for (bad, words) in [
            ("collector:4318", "traces.endpoint"),
            ("here", "no address"),
            ("ftp://here", "HTTP port"),
            ("http://me:s3cret@here:4318", "traces.headers_file"),
            ("http://here:4318/?key=s3cret", "HTTP port"),
        ] {
            let refused = settings(bad).check().expect_err(bad);
            assert!(refused.contains(words), "{bad}: {refused}");
        }
        for ratio in [-0.1, 1.5, f64::NAN] {
            let refused = Settings { sample_ratio: ratio, ..settings("") }.check().expect_err("no share");
            assert!(refused.contains("traces.sample_ratio"), "{refused}");
        }
        let both = Settings { headers_file: "a".into(), headers_env: "B".to_owned(), ..settings("") };
        assert!(both.check().expect_err("one of them").contains("both set"));
        let missing = Settings { headers_file: "/nowhere/headers".into(), ..settings("http://here:4318") };
        assert!(target(&missing, &[]).expect_err("no file").contains("/nowhere/headers"));
    }
}
