//! Agents whose key nobody has enrolled: each is shown once, counted, with what enrols it, and told that it is refused.
//!
//! Nothing of what it says counts, and no dead letter is made of each of its heartbeats.

use chiffon_fleet::store::agents::{self, signed};
use chiffon_fleet::store::refused_hellos;
use chiffon_kernel::store;
use chiffon_protocol::key::PublicKey;
use chiffon_protocol::message::{AgentHello, Heartbeat};
use chiffon_protocol::{ErrorCode, Problem};

use super::Context;
use super::heartbeat::{HelloRequests, ask_for_hello};
use super::hello::refuse;

const CODE: ErrorCode = ErrorCode::AgentNotEnrolled;

/// Who signs with a key that is not enrolled.
#[derive(Debug, Clone, Copy)]
pub struct Stranger<'s> {
    /// The key's id, as the message says.
    pub key_id: &'s str,
    /// The key itself, where the message brought it and is signed with it.
    pub key: Option<PublicKey>,
}

/// Takes in a stranger's hello: noted where people look, and answered with the refusal.
pub async fn hello(context: &Context, stranger: Stranger<'_>, hello: &AgentHello) -> Result<(), store::Error> {
    let mut connection = context.store.acquire().await?;
    let known = agents::get(&mut connection, &hello.agent_id).await?;
    let has_room = refused_hellos::has_room(&mut connection, &hello.agent_id, stranger.key_id, i32::from(CODE.number())).await?;
    drop(connection);
    if !has_room {
        tracing::warn!(key = stranger.key_id, "one more agent with a key that is not enrolled; there are so many that it is not noted");
        return Ok(());
    }
    // Where it names the start of the one that is enrolled, that one must not hear what is meant for another.
    let is_told = known.is_none_or(|known| known.incarnation != signed(hello.incarnation));
    refuse(context, stranger.key_id, hello, &problem(stranger, hello), is_told).await
}

/// Takes in a stranger's heartbeat: counted where its hello was noted; else it is asked to say one.
pub async fn heartbeat(context: &Context, hellos: &HelloRequests, key_id: &str, beat: &Heartbeat) -> Result<(), store::Error> {
    let mut connection = context.store.acquire().await?;
    let is_noted = refused_hellos::touch(&mut connection, &beat.agent_id, key_id, i32::from(CODE.number())).await?;
    let known = agents::get(&mut connection, &beat.agent_id).await?;
    drop(connection);
    if !is_noted && known.is_none_or(|known| known.incarnation != signed(beat.incarnation)) {
        ask_for_hello(context, hellos, beat).await;
    }
    Ok(())
}

fn problem(stranger: Stranger<'_>, hello: &AgentHello) -> Problem {
    let what = match stranger.key {
        Some(key) => format!("add \"{key}\" to `agents.trusted` of every orchestrator"),
        None => "add the key that `chiffon key show` prints on its machine to `agents.trusted` of every orchestrator".to_owned(),
    };
    let message = format!(
        "{} on {} signs with the key {}, which is not enrolled here, so it gets no work; if it is yours, {what}, and start that again",
        hello.agent_id, hello.hostname, stranger.key_id
    );
    Problem::new(CODE, message)
}
