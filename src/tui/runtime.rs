//! The loop: keys and answers in, one update each, effects out, a frame when something changed.
//!
//! The only file of the console that spawns tasks; what an effect does is in `runtime/effects`.

mod effects;
mod keep;
mod watch;

use std::io;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::review::resume;
use crate::tui::app::App;
use crate::tui::message::{Effect, Message};
use crate::tui::terminal::{Event, Surface};
use crate::tui::update::update;

use effects::Hands;
pub use effects::World;
use keep::Keeper;
pub use watch::{listen, watch_over};

/// How often a running promotion is drawn, at most.
const TICK: Duration = Duration::from_millis(250);

/// How many keys and answers are taken in before the next frame.
const BATCH: usize = 256;

/// How the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The person left.
    Left,
    /// A signal, or the terminal's end, which counts as signal 1.
    Signal(u8),
}

/// Runs the console until the person leaves.
///
/// # Errors
/// When the terminal can no longer be drawn on.
pub async fn run(
    app: &mut App,
    world: World,
    mut events: UnboundedReceiver<Event>,
    surface: &mut Surface,
) -> io::Result<Exit> {
    let (sender, mut answers) = unbounded_channel();
    let state = world.connector.environment.state_folder();
    let mut keeper = Keeper::new(resume::folder(&state));
    let mut hands = Hands::new(world, sender);
    let started = Instant::now();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    hands.carry_out(app, surface, Effect::Open)?;
    surface.draw(app)?;
    loop {
        let next = tokio::select! {
            biased;
            event = events.recv() => Next::Event(event),
            answer = answers.recv() => Next::Answer(answer),
            _ = ticks.tick(), if app.is_promoting() => Next::Answer(Some(Message::Tick)),
            () = keeper.pause() => Next::Pause,
        };
        let mut next = Some(next);
        let mut taken = 0;
        while let Some(current) = next.take() {
            let message = match current {
                Next::Event(Some(Event::Signal(signal))) => {
                    keeper.keep(app);
                    return Ok(Exit::Signal(signal));
                }
                Next::Event(None | Some(Event::Hangup)) => {
                    keeper.keep(app);
                    return Ok(Exit::Signal(1));
                }
                Next::Pause => match keeper.keep(app) {
                    Some(notice) => Message::Notice(notice),
                    None => break,
                },
                Next::Event(Some(Event::Resize(width, height))) => {
                    surface.resize(width, height);
                    Message::Resize { width, height }
                }
                Next::Event(Some(Event::Key(key))) => {
                    update(app, Message::Read(started.elapsed()));
                    Message::Key(key)
                }
                Next::Event(Some(Event::Paste(text))) => {
                    update(app, Message::Read(started.elapsed()));
                    Message::Paste(text)
                }
                Next::Answer(Some(answer)) => answer,
                // The runtime's hands hold a sender: this end never comes first.
                Next::Answer(None) => return Ok(Exit::Left),
            };
            for effect in update(app, message) {
                if effect == Effect::Leave {
                    hands.let_go();
                    keeper.leave(app);
                    return Ok(Exit::Left);
                }
                match &effect {
                    Effect::KeepDrafts => {
                        keeper.keep(app);
                    }
                    Effect::DropDraft { file } => keeper.drop(file),
                    _ => hands.carry_out(app, surface, effect)?,
                }
            }
            keeper.touch();
            taken += 1;
            if taken < BATCH {
                next =
                    (events.try_recv().ok().map(|event| Next::Event(Some(event)))).or_else(|| {
                        answers
                            .try_recv()
                            .ok()
                            .map(|answer| Next::Answer(Some(answer)))
                    });
            }
        }
        surface.draw(app)?;
    }
}

/// What the loop takes in.
enum Next {
    Event(Option<Event>),
    Answer(Option<Message>),
    /// Nothing was typed for a while.
    Pause,
}
