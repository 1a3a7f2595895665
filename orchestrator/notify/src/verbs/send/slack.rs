//! A message to an incoming webhook as Slack has them, and as Mattermost, Rocket.Chat and Discord (`/slack`) take them, too. What people
//! wrote calls nobody, and leads nowhere: the message has no link but its own.

use serde_json::json;

use super::{Said, answer, secret};
use crate::domain::backoff::Failed;
use crate::domain::channel::{self, Channel};

/// Stands behind what would begin a mention or a link, and is not seen.
const NOTHING: char = '\u{200b}';

/// Sends it. The channel's secret is the address.
pub async fn send(http: &reqwest::Client, channel: &Channel, said: &Said) -> Result<(), Failed> {
    let address = secret::of(channel)?;
    let url = channel::parsed(&address).ok_or_else(|| Failed::for_good("the channel's secret is no address of an incoming webhook"))?;
    let text = format!("*{}*\n{}\n<{}|Open>", plain(&said.title), body(said), linked(&said.url));
    answer::of(http.post(url).json(&json!({"text": text, "unfurl_links": false, "unfurl_media": false}))).await
}

/// What it tells; where that is several things, each with its own link.
fn body(said: &Said) -> String {
    if said.items.is_empty() {
        return plain(&said.body);
    }
    let items = said.items.iter().map(|item| format!("• <{}|{}>", linked(&item.url), plain(&item.title).replace('|', "/")));
    items.collect::<Vec<_>>().join("\n")
}

/// What somebody wrote, as nothing but text: `&`, `<` and `>` are escaped (Slack), and an `@` and a `](` are taken apart (Mattermost, Discord).
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '@' | ']' => plain.extend([c, NOTHING]),
            _ => plain.push(c),
        }
    }
    plain.replace("://", &format!(":{NOTHING}//"))
}

/// An address within `<` and `|`.
fn linked(url: &str) -> String {
    url.replace('&', "&amp;").replace('<', "%3C").replace('>', "%3E").replace('|', "%7C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_call_nobody_and_lead_nowhere() {
        let hostile = "<!channel> <@U123> @here [Approve](https://evil.test) a & b <https://evil.test|Open>";
        let shown = plain(hostile);
        for dangerous in ["<", ">", "@h", "@U", "](", "://"] {
            assert!(!shown.contains(dangerous), "{dangerous}: {shown}");
        }
        assert!(shown.starts_with("&lt;!channel&gt;") && shown.contains("a &amp; b"), "{shown}");
        assert_eq!(linked("https://a/x?b=1&c=|>"), "https://a/x?b=1&amp;c=%7C%3E");
    }
}
