//! The one link of a notification: a person's leads to the plan and signs them in for it, in every try the same.

use chiffon_plans::domain::policy::Policy;
use chiffon_requests::verbs::approval_links::{self, Came, Coming};
use serde_json::json;
use uuid::Uuid;

use crate::delivering::World;

/// The link and its code in what a receiver got.
fn read(url: &str) -> (Uuid, String) {
    let (id, code) = url.strip_prefix("https://chiffon.test/ui/decide/").and_then(|rest| rest.split_once("#code=")).expect("a link");
    (id.parse().expect("an id"), code.to_owned())
}

#[tokio::test]
async fn a_person_who_may_approve_gets_a_link_that_signs_them_in_and_each_try_has_the_same() {
    let policy = Policy { self_approval: true, ..Policy::default() };
    let world = World::start(policy, json!({"person": "ann"})).await;
    world.give_a_way_in("ann").await;
    let id = world.ask(&world.ann).await;
    world.follow().await;
    world.receiver.answers("500 Internal Server Error\r\n");
    world.deliver().await;
    world.sql("UPDATE notices SET due_at = now() - interval '1 day'").await;
    world.receiver.answers("204 No Content\r\n");
    world.deliver().await;
    let urls: Vec<String> =
        world.receiver.calls().iter().map(|call| call.body["data"]["url"].as_str().expect("a link").to_owned()).collect();
    assert!(urls.len() == 2 && urls[0] == urls[1], "{urls:?}");
    let (link, code) = read(&urls[0]);
    let coming = Coming { id: link, code: &code, here: None, instead: false, browser: "a telephone" };
    let led = approval_links::open(&world.app.context.kernel, coming).await.expect("it opens");
    assert!(matches!(led.came, Came::SignedIn(_)), "{led:?}");
    assert_eq!((led.person.name.as_str(), led.request_id), ("ann", id));
}

#[tokio::test]
async fn who_has_no_way_to_sign_in_and_a_channel_of_several_get_the_plain_address() {
    for different in [json!({"person": "ann"}), json!({})] {
        let world = World::start(Policy::default(), different).await;
        if world.context.settings.channels[0].person.is_none() {
            world.give_a_way_in("ann").await;
        }
        let id = world.ask(&world.ann).await;
        world.follow().await;
        world.deliver().await;
        let calls = world.receiver.calls();
        assert_eq!(calls[0].body["data"]["url"], format!("https://chiffon.test/ui/requests/{id}"));
    }
}
