//! `chiffon request`: ask, see the plan, decide, watch.

use serde_json::{Value, json};

use super::terminal::{self, ask};
use super::{decide, follow, over, parameters, part};
use crate::args::{Output, Request};
use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::called::CHIFFON;
use crate::show::style::{bold, short};
use crate::show::table::{self, text};
use crate::show::{plan, request as show_request};

/// Sends the words, or the action, and goes as far as the flags and the terminal allow.
pub async fn run(api: &Api, output: Output, args: &Request) -> Outcome {
    let mut body = match &args.action {
        Some(name) => json!({"action": parameters::asked(api, name, args).await?}),
        None if !args.on.is_empty() || !args.parameters.is_empty() => {
            return Err(Failure::usage("--on and -p go with --action NAME; in words, say where and with what"));
        }
        None => json!({"text": args.text.join(" ")}),
    };
    if let Some(limit) = args.max_cost_usd {
        body["max_cost_usd"] = json!(limit);
    }
    if let Some(priority) = args.priority {
        body["priority"] = json!(priority);
    }
    let sent = api.post("/request", &body).await?;
    let id = text(&sent["request_id"]);
    if args.detach {
        if !table::json(output, &sent) {
            println!("{id}");
        }
        return Ok(Exit::Done);
    }
    say!("Request {} is being planned …", bold(short(&id)));
    let talk = Talk { api, output, id: &id, yes: args.yes, left_out: None, comment: None };
    follow::or_leave(&id, talk.through(Seen::default())).await
}

/// Goes on with a request that waits for a person who is here. The steps that are left out are those of the plan with this hash.
pub async fn see_through(api: &Api, output: Output, id: &str, left_out: (&str, &[String]), comment: Option<&str>) -> Outcome {
    let talk = Talk { api, output, id, yes: false, left_out: Some(left_out), comment };
    follow::or_leave(id, talk.through(Seen::default())).await
}

/// Goes on with a request that stood like this when something was said about it.
pub async fn go_on(api: &Api, output: Output, before: &Value) -> Outcome {
    let id = text(&before["request_id"]);
    let seen = Seen { plan: Some(before["plan"].clone()).filter(|plan| !plan.is_null()), messages: messages(before) };
    let talk = Talk { api, output, id: &id, yes: false, left_out: None, comment: None };
    follow::or_leave(&id, talk.through(seen)).await
}

/// What the person has seen of a request.
#[derive(Default)]
struct Seen {
    plan: Option<Value>,
    /// So many of its messages.
    messages: usize,
}

/// A request, seen through with the person at the terminal, where there is one.
struct Talk<'t> {
    api: &'t Api,
    output: Output,
    id: &'t str,
    /// Every plan is approved unasked.
    yes: bool,
    /// The hash of a plan, and its steps that are left out. They were said of no other plan.
    left_out: Option<(&'t str, &'t [String])>,
    /// Goes with the approval.
    comment: Option<&'t str>,
}

impl Talk<'_> {
    async fn through(&self, mut seen: Seen) -> Outcome {
        loop {
            let request = follow::until_person_or_end(self.api, self.id).await?;
            match request["status"].as_str() {
                Some("awaiting_approval") => {
                    if self.output == Output::Text {
                        Self::show(&request, &mut seen);
                    }
                    seen.plan = Some(request["plan"].clone());
                    match self.decide(&request).await {
                        Ok(Some(exit)) => return Ok(exit),
                        Ok(None) => {}
                        Err(refusal) => self.unless_planned_again(&request, refusal).await?,
                    }
                }
                Some("needs_input") => {
                    if self.output == Output::Text {
                        print_new_messages(&request, &mut seen.messages);
                    }
                    let Some(answer) = ask("Your answer (empty to leave it): ").await? else {
                        return Ok(self.leave(&request, "Answer it with", &format!("revise {} \"your words\"", short(self.id))));
                    };
                    self.api.post(&format!("/request/{}/messages", self.id), &json!({"text": answer})).await?;
                }
                Some("running") => {
                    if let Some(exit) = self.watch().await? {
                        return Ok(exit);
                    }
                }
                _ => return Ok(follow::finish(self.output, &request)),
            }
        }
    }

    /// Shows a plan, or what was said about the one that was seen and stands.
    fn show(request: &Value, seen: &mut Seen) {
        if seen.plan.as_ref().is_some_and(|seen| plan::is_same(seen, &request["plan"])) {
            print_new_messages(request, &mut seen.messages);
        } else {
            plan::print_after(request, seen.plan.as_ref());
            seen.messages = messages(request);
        }
        println!();
        show_request::print_wait(request);
    }

    /// Asks about a plan, and does what is answered; `None` when the request goes on.
    async fn decide(&self, request: &Value) -> Result<Option<Exit>, Failure> {
        if self.yes {
            return self.approve(request).await;
        }
        if !may(request, "approve") {
            return self.let_others_decide(request).await;
        }
        let left_out = self.left_out_of(request);
        let doubt = plan::doubt(request, left_out).map(|doubt| format!("{doubt}\n")).unwrap_or_default();
        let part = if left_out.is_empty() { String::new() } else { format!(" without {}", part::told(&request["plan"], left_out)) };
        let question = format!("{doubt}Approve{part}? y = yes, n = reject, or say what to change (empty to leave it): ");
        match ask(&question).await?.as_deref() {
            None => Ok(Some(self.leave(request, "Approve it with", &format!("approve {}", short(self.id))))),
            Some("y" | "yes" | "Y") => self.approve(request).await,
            Some("n" | "no" | "N") => {
                self.say(request, "reject", self.comment).await?;
                decide::say_rejected(self.api, self.id).await;
                Ok(Some(Exit::Declined))
            }
            Some(words) => {
                self.say(request, "revise", Some(words)).await?;
                say!("Planning again …");
                Ok(None)
            }
        }
    }

    async fn approve(&self, request: &Value) -> Result<Option<Exit>, Failure> {
        let hash = request["plan"]["sha256"].as_str().unwrap_or_default();
        self.api.approve(self.id, hash, self.left_out_of(request), self.comment).await?;
        // Another approver may be needed: then the request goes on waiting, and says for whom.
        let now = self.api.request(self.id).await?;
        if now["status"] == "awaiting_approval" {
            return Ok(Some(decide::wait_for_another(self.output, &now)));
        }
        self.watch().await
    }

    fn left_out_of(&self, request: &Value) -> &[String] {
        self.left_out.filter(|(sha256, _)| request["plan"]["sha256"] == *sha256).map_or(&[], |(_, left_out)| left_out)
    }

    /// Streams the run; `None` when the request has come to ask again, and the person is here to be asked.
    async fn watch(&self) -> Result<Option<Exit>, Failure> {
        let request = follow::until_it_ends_or_asks(self.api, self.output, self.id).await?;
        let is_asked = follow::asks(&request) && self.output == Output::Text && !self.yes && terminal::is_there();
        if is_asked {
            say!("What was approved has stopped to ask again.");
            return Ok(None);
        }
        Ok(Some(follow::end(self.output, &request, self.id)))
    }

    /// A refusal because the plan that was shown is gone: the one that is made instead is shown, and asked about. Every other refusal stands.
    async fn unless_planned_again(&self, shown: &Value, refusal: Failure) -> Result<(), Failure> {
        if self.yes || !terminal::is_there() || refusal.exit != Exit::Failed {
            return Err(refusal);
        }
        let now = self.api.request(self.id).await?;
        over::check(&now)?;
        if now["status"] != "running" && (now["status"] != "awaiting_approval" || now["plan"]["sha256"] != shown["plan"]["sha256"]) {
            say!("{refusal}");
            return Ok(());
        }
        Err(refusal)
    }

    /// For who may not approve: says who can, and goes on watching, or says what to change.
    async fn let_others_decide(&self, request: &Value) -> Result<Option<Exit>, Failure> {
        let id = short(self.id);
        say!("You may not approve this plan yourself. Someone with the role approver can: chiffon approve {id}");
        if !terminal::is_there() || self.output == Output::Json {
            return Ok(Some(self.leave(request, "Look at it with", &format!("show {}", short(self.id)))));
        }
        if may(request, "revise")
            && let Some(words) = ask("Say what to change, or press Enter to watch until it is decided: ").await?
        {
            self.api.post(&format!("/request/{}/messages", self.id), &json!({"text": words})).await?;
            say!("Planning again …");
            return Ok(None);
        }
        say!("Waiting for an approver; Ctrl-C leaves, and it goes on waiting …");
        follow::while_in(self.api, self.id, &["awaiting_approval"]).await?;
        Ok(None)
    }

    async fn say(&self, request: &Value, decision: &str, words: Option<&str>) -> Result<Value, Failure> {
        let hash = request["plan"]["sha256"].as_str().unwrap_or_default();
        self.api.decide(self.id, hash, decision, words).await
    }

    /// Leaves it waiting, and says the command with which it goes on.
    fn leave(&self, request: &Value, next: &str, verb: &str) -> Exit {
        if !table::json(self.output, request) {
            say!("Request {} waits. {next}: {CHIFFON} {verb}", text(&request["request_id"]));
        }
        follow::exit_for(request)
    }
}

/// Whether this caller may do this now; a server that does not say leaves it to the call itself.
fn may(request: &Value, call: &str) -> bool {
    request["next"].as_array().is_none_or(|calls| calls.iter().any(|next| next == call))
}

/// Prints what Chiffon has said since; `said` counts the messages that were seen.
fn print_new_messages(request: &Value, said: &mut usize) {
    for message in request["messages"].as_array().into_iter().flatten().skip(*said).filter(|message| message["from"] == "chiffon") {
        println!("{}", crate::show::text::block(message["text"].as_str().unwrap_or_default()));
    }
    *said = messages(request);
}

fn messages(request: &Value) -> usize {
    request["messages"].as_array().map_or(0, Vec::len)
}
