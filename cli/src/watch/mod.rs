//! `chiffon watch`: inbox, requests, fleet and queue on a full screen, and one request with its plan, its run and its log. Decisions are
//! made here as elsewhere: about exactly what was shown, and by keys that were pressed after the question stood there.
//!
//! The model knows, `draw` shows, `feed` hears and acts, `screen` owns the terminal.

mod cell;
mod draw;
mod feed;
mod keys;
mod model;
mod question;
mod screen;
mod search;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use chiffon_process::{Shutdown, Spawner};
use crossterm::event::{Event, KeyEventKind};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::client::Api;
use crate::exit::{Exit, Failure, Outcome};
use crate::show::style;
use model::{Effect, News, State};
use screen::Screen;

/// How often ages and waits are drawn again although nothing is heard.
const DRAWN_EVERY: Duration = Duration::from_millis(250);

/// Shows the full screen until the person leaves.
pub async fn run(api: &Api) -> Outcome {
    let mut screen = Screen::take()?;
    let mut stops = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGTSTP as i32))?;
    let mut goes_on = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGCONT as i32))?;
    let mut input = screen::input();
    let (tell, mut news) = unbounded_channel();
    let mut state = State::new();
    let tasks = Spawner::new(Shutdown::new());
    let lists = tasks.spawn("lists", feed::lists(api.clone(), tell.clone()));
    let mut followed: Option<JoinHandle<()>> = None;
    let ended = Shutdown::signal();
    tokio::pin!(ended);
    let exit = loop {
        if !Screen::is_ours() {
            return Err(Failure::failed("an error of the program's own ended the full screen; nothing that runs ends by that"));
        }
        let now = Instant::now();
        let place = api.answering().unwrap_or_default();
        screen.terminal.draw(|frame| draw::draw(frame, &mut state, now, &draw::Theme { coloured: style::coloured(), place: &place }))?;
        if let Some(question) = &mut state.question {
            question.stands(now);
        }
        let effect = tokio::select! {
            biased;
            () = &mut ended => break Exit::Interrupted,
            _ = stops.recv() => Some(Effect::Suspend),
            _ = goes_on.recv() => {
                go_on(&mut screen, &mut state)?;
                None
            }
            event = input.recv() => match event {
                Some((event, at)) => hear(&mut state, event, at),
                None => break Exit::Interrupted,
            },
            Some(heard) = news.recv() => {
                state.hear(heard, Instant::now());
                None
            }
            () = tokio::time::sleep(DRAWN_EVERY) => None,
        };
        match effect {
            Some(Effect::Quit) => break Exit::Done,
            Some(Effect::Interrupt) => break Exit::Interrupted,
            Some(Effect::Suspend) => {
                Screen::stop()?;
                // The kernel stops each thread when it comes by, so this one may get a little further.
                tokio::select! {
                    () = &mut ended => break Exit::Interrupted,
                    _ = goes_on.recv() => go_on(&mut screen, &mut state)?,
                }
            }
            Some(effect) => act(api, &tasks, effect, &tell, &mut followed),
            None => {}
        }
    };
    lists.abort();
    Ok(exit)
}

fn go_on(screen: &mut Screen, state: &mut State) -> Result<(), Failure> {
    screen.again()?;
    // Keys that were typed meanwhile were not meant for it.
    if let Some(question) = &mut state.question {
        question.again(Instant::now());
    }
    Ok(())
}

fn hear(state: &mut State, event: Event, at: Instant) -> Option<Effect> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => keys::press(state, key, at),
        Event::Paste(words) => {
            if let Some(question) = &mut state.question {
                question.paste(&words, at);
            }
            None
        }
        _ => None,
    }
}

fn act(api: &Api, tasks: &Spawner, effect: Effect, tell: &UnboundedSender<News>, followed: &mut Option<JoinHandle<()>>) {
    let mut follow = |next: Option<JoinHandle<()>>| {
        if let Some(before) = std::mem::replace(followed, next) {
            before.abort();
        }
    };
    match effect {
        Effect::Open(id) => follow(Some(tasks.spawn("a request", feed::request(api.clone(), id, tell.clone())))),
        Effect::Close => follow(None),
        Effect::Do(deed) => drop(tasks.spawn("a deed", feed::act(api.clone(), deed, tell.clone()))),
        Effect::Quit | Effect::Interrupt | Effect::Suspend => {}
    }
}
