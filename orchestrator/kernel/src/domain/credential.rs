//! Passwords where none belong: what people say is kept for good, in the database and in the audit trail.

/// The first address of a text that holds a password (`scheme://user:password@host`), with dots in the password's place.
pub fn address_with_password(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        let scheme: String = before.chars().rev().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')).collect();
        let scheme: String = scheme.chars().rev().collect();
        let end = behind.find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>'));
        let (authority, after) = behind.split_at(end.unwrap_or(behind.len()));
        if let Some((user, host)) = authority.rsplit_once('@')
            && let Some((name, password)) = user.split_once(':')
            && !password.is_empty()
        {
            return Some(format!("{scheme}://{name}:…@{host}"));
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_is_seen_and_shown_without_it() {
        for (text, shown) in [
            ("add http://u:secret@nas:3000 to kuma", Some("http://u:…@nas:3000")),
            ("see https://nas/a and git+ssh://me:p@ss@host/x", Some("git+ssh://me:…@host")),
            ("(postgres://app:h0rse@db)", Some("postgres://app:…@db)")),
            ("add http://u@nas:3000/a:b@c to kuma", None),
            ("mail a:b@c", None),
            ("http://u:@nas", None),
            ("://", None),
            ("http://nas:3000/?q=a:b@c", None),
        ] {
            assert_eq!(address_with_password(text).as_deref(), shown, "{text}");
        }
    }
}
