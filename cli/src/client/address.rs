//! Addresses and tokens as people give them: what can't be one is said with its name and an example, before anything is called.

use crate::exit::Failure;

/// Refuses an address that no call can go to. `named_by` is the flag, the variable or the file.
pub fn check(bases: &[String], named_by: &str) -> Result<(), Failure> {
    let callable = |base: &&String| {
        let url = base.parse::<reqwest::Url>();
        url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none())
    };
    let Some(bad) = bases.iter().find(|base| !callable(base)) else { return Ok(()) };
    let with_scheme = format!("http://{bad}");
    let example = if !bad.contains("://") && bad.contains([':', '.']) && callable(&&with_scheme) {
        with_scheme
    } else {
        "http://127.0.0.1:8080".to_owned()
    };
    Err(Failure::usage(format!("`{}` ({named_by}) is not an address; give one such as {example}", bad.escape_debug())))
}

/// A token that a header can carry.
pub fn token(token: String) -> Result<String, Failure> {
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(token);
    }
    Err(Failure::usage("CHIFFON_TOKEN holds blanks, line ends or letters that no token has; copy it again from `chiffon token create`"))
}
