//! `chiffon`: the one binary. Reads the command line, runs one verb, and ends with the contract's exit code.

#![deny(clippy::print_stderr, reason = "it panics where the terminal was closed; `say!` does not")]

#[macro_use]
mod show;

mod args;
mod client;
mod complete;
mod config;
mod data_dir;
mod exit;
mod run;
mod verb;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use args::{ActionVerb, Args, AuditVerb, KeyVerb, Verb, WebhookVerb};
use client::Api;
use exit::{Exit, Outcome};

fn main() -> ExitCode {
    leave_quietly_when_nobody_reads();
    complete::answer();
    let args = Args::parse();
    show::called::remember(&args.global);
    chiffon_process::telemetry::install_tls_provider();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say!("chiffon: the async runtime can't start: {error}");
            return ExitCode::from(Exit::Failed as u8);
        }
    };
    let outcome = runtime.block_on(run(&args));
    // A question that nobody answers any more would be waited for without end.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            say!("chiffon: {}", show::text::block(&failure.message));
            ExitCode::from(failure.exit as u8)
        }
    }
}

async fn run(args: &Args) -> Outcome {
    let global = &args.global;
    match &args.verb {
        Verb::Up(up) => run::up::run(global, up).await,
        Verb::Serve { listen } => run::serve::run(global, listen.as_deref()).await,
        Verb::Agent { kind } => run::agent::run(global, kind).await,
        Verb::Migrate => run::migrate::run(global).await,
        Verb::Backup { file, place } => run::backup::make::run(global, file, place).await,
        Verb::Restore(restore) => run::backup::restore::run(global, restore).await,
        Verb::Doctor => run::doctor::run(global).await,
        Verb::Config(verb) => run::config::run(global, verb),
        Verb::Topology(verb) => run::topology::run(global, verb).await,
        Verb::Sql { query, database_url } => run::sql::run(global, query, database_url.as_deref()).await,
        Verb::Key(verb @ (KeyVerb::Show { .. } | KeyVerb::New { .. })) => run::keys::run(global, verb),
        Verb::Explain { code } => verb::explain::run(code),
        Verb::Action(ActionVerb::Check { folder }) => run::playbooks::check(folder).await,
        Verb::Completions { shell } => complete::script(*shell),
        Verb::Man { dir } => verb::man::run(dir),
        _ => ask(args).await,
    }
}

/// Verbs that ask a running Chiffon.
async fn ask(args: &Args) -> Outcome {
    let (api, output) = (Api::new(&args.global)?, args.global.output);
    match &args.verb {
        Verb::Request(request) => verb::request::run(&api, output, request).await,
        Verb::Watch => watch::run(&api).await,
        Verb::Requests(wanted) => verb::requests::list(&api, output, wanted).await,
        Verb::Show { id } => verb::requests::show(&api, output, id).await,
        Verb::Approve(approve) => verb::decide::approve(&api, output, approve).await,
        Verb::Standing(verb) => verb::standing::run(&api, output, verb).await,
        Verb::Reject(reject) => verb::decide::reject(&api, output, reject).await,
        Verb::Revise { id, text } => verb::decide::revise(&api, output, id, &text.join(" ")).await,
        Verb::Cancel { id } => verb::cancel::run(&api, output, id).await,
        Verb::Resolve(resolve) => verb::resolve::run(&api, output, resolve).await,
        Verb::Release { host, comment } => verb::release::run(&api, output, host.as_deref(), comment.as_deref()).await,
        Verb::Pause { id, reason } => verb::hold::run(&api, output, "pause", id, reason.as_deref()).await,
        Verb::Resume { id, reason } => verb::hold::run(&api, output, "resume", id, reason.as_deref()).await,
        Verb::Logs { id, follow } => verb::logs::run(&api, output, id, *follow).await,
        Verb::Agents { verb: None } => verb::agents::run(&api, output).await,
        Verb::Agents { verb: Some(verb) } => verb::agents::order(&api, output, verb).await,
        Verb::Actions { name } => verb::actions::run(&api, output, name.as_deref()).await,
        Verb::Why { id } => verb::why::run(&api, output, id).await,
        Verb::Costs(wanted) => verb::costs::run(&api, output, wanted).await,
        Verb::Question(question) => verb::question::run(&api, output, question).await,
        Verb::Audit(AuditVerb::Log { id, newest, most }) => verb::audit::log(&api, output, id.as_deref(), *newest, *most).await,
        Verb::Audit(AuditVerb::Verify { id }) => verb::audit::verify(&api, output, id.as_deref()).await,
        Verb::DeadLetters(verb) => verb::dead_letters::run(&api, output, verb).await,
        Verb::Notify { verb: None } => verb::notify::channels(&api, output).await,
        Verb::Notify { verb: Some(verb) } => verb::notify::run(&api, output, verb).await,
        Verb::Webhook { verb: None } => verb::webhook::list(&api, output).await,
        Verb::Webhook { verb: Some(WebhookVerb::Try { name, body }) } => verb::webhook::try_out(&api, output, name, body).await,
        Verb::Login(login) => verb::login::run(&api, output, login).await,
        Verb::Password(wanted) => verb::password::run(&api, output, wanted).await,
        Verb::People => verb::people::run(&api, output).await,
        Verb::Grant(verb) => verb::grant::run(&api, output, verb).await,
        Verb::Token(verb) => verb::token::run(&api, output, verb).await,
        Verb::Key(verb) => verb::key::run(&api, output, verb).await,
        // The verbs above this function's name are run before it is called.
        _ => unreachable!("a verb that asks nobody"),
    }
}

/// `chiffon requests | head -1` is no accident: when the reader has gone, or the terminal, printing ends the program without a word.
fn leave_quietly_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let words = info.payload().downcast_ref::<String>().map_or("", String::as_str);
        let nobody_reads = ["Broken pipe", "Input/output error"].iter().any(|why| words.contains(why));
        if words.starts_with("failed printing to stdout") && nobody_reads {
            std::process::exit(Exit::Done as i32);
        }
        usual(info);
    }));
}
