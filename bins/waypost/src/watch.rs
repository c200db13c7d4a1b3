//! `watch`: the router live.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use jiff::Timestamp;
use terminal_size::terminal_size;
use tokio::signal::unix::{SignalKind, signal};
use waypost_api::Snapshot;

use crate::fault::Fault;
use crate::render;
use crate::router::Router;
use crate::sheet::{Ink, Sheet};

/// What wakes the screen.
enum News {
    Snapshot(Box<Snapshot>),
    /// The terminal has another size.
    Resized,
    /// The operator, or the system, has had enough.
    Quit,
    /// The daemon has gone, or never was there.
    Ended(Fault),
}

/// Shows snapshots until interrupted: redrawn in place on a terminal, one after the other otherwise. As JSON each is a line.
pub(crate) fn watch(sheet: &Sheet, mut router: Router, json: bool) -> Result<(), Fault> {
    let (send, news) = channel();
    listen_to_signals(send.clone())?;
    thread::spawn(move || {
        let fault = router.watch(|snapshot| match send.send(News::Snapshot(Box::new(snapshot))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        if let Err(fault) = fault {
            // Nobody is left to be told when this fails.
            drop(send.send(News::Ended(fault)));
        }
    });
    let screen = if std::io::stdout().is_terminal() && !json {
        Some(Screen::open()?)
    } else {
        None
    };
    let mut last: Option<Box<Snapshot>> = None;
    for news in news {
        match news {
            News::Quit => return Ok(()),
            News::Ended(fault) => return Err(fault),
            News::Snapshot(snapshot) => last = Some(snapshot),
            News::Resized if screen.is_none() => continue,
            News::Resized => {}
        }
        let Some(snapshot) = &last else { continue };
        match &screen {
            Some(screen) => screen.draw(sheet, snapshot)?,
            None if json => {
                let line =
                    serde_json::to_string(snapshot).map_err(|error| Fault::Strange(error.to_string()))?;
                print(&format!("{line}\n"))?;
            }
            None => print(&format!("{}\n", text(sheet, snapshot, Timestamp::now())))?,
        }
    }
    Ok(())
}

fn print(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Fault::Output)
}

/// A thread that waits for signals, so that the terminal is put back in order before the program ends.
fn listen_to_signals(send: Sender<News>) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::Output)?;
    let streams = {
        let _guard = runtime.enter();
        let open = |kind| signal(kind).map_err(Fault::Output);
        (
            open(SignalKind::interrupt())?,
            open(SignalKind::terminate())?,
            open(SignalKind::hangup())?,
            open(SignalKind::window_change())?,
        )
    };
    thread::spawn(move || {
        let (mut interrupt, mut terminate, mut hangup, mut resize) = streams;
        runtime.block_on(async {
            loop {
                let news = tokio::select! {
                    _ = interrupt.recv() => News::Quit,
                    _ = terminate.recv() => News::Quit,
                    _ = hangup.recv() => News::Quit,
                    _ = resize.recv() => News::Resized,
                };
                if send.send(news).is_err() {
                    return;
                }
            }
        });
    });
    Ok(())
}

/// A snapshot as text.
pub(crate) fn text(sheet: &Sheet, snapshot: &Snapshot, now: Timestamp) -> String {
    let title = |title: &str| sheet.ink(Ink::Bold, title);
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    format!(
        "{}\n\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
        sheet.ink(Ink::Faint, &format!("waypost, {}", sheet.date(seconds))),
        title("Interfaces"),
        render::interfaces(sheet, &snapshot.interfaces),
        title("Protocols"),
        render::protocols(sheet, &snapshot.protocols),
        title("Neighbours"),
        render::neighbors(sheet, &snapshot.neighbors),
        title("Routes"),
        render::routes(sheet, &snapshot.routes.rows, snapshot.routes.next.is_none()),
    )
}

/// The terminal's second screen; the first comes back when this is dropped.
struct Screen;

impl Screen {
    fn open() -> Result<Self, Fault> {
        // Second screen, no cursor, long lines cut instead of wrapped.
        print("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J\x1b[H")?;
        Ok(Self)
    }

    fn draw(&self, sheet: &Sheet, snapshot: &Snapshot) -> Result<(), Fault> {
        let (width, height) =
            terminal_size().map_or((100, 25), |(width, height)| (width.0.into(), height.0.into()));
        let sheet = Sheet {
            width: Some(width),
            ..sheet.clone()
        };
        print(&frame(&text(&sheet, snapshot, Timestamp::now()), height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no tidying.
        drop(print("\x1b[?7h\x1b[?25h\x1b[?1049l"));
    }
}

/// Text as a whole screen: drawn over the one before without a flicker, cut at the bottom.
fn frame(text: &str, height: usize) -> String {
    let mut frame = String::from("\x1b[H");
    let lines: Vec<&str> = text.lines().collect();
    let shown = if lines.len() > height {
        height.saturating_sub(1)
    } else {
        lines.len()
    };
    for (number, line) in lines.iter().take(shown).enumerate() {
        if number > 0 {
            frame.push_str("\r\n");
        }
        frame.push_str(line);
        frame.push_str("\x1b[K");
    }
    if shown < lines.len() {
        frame.push_str(&format!("\r\n... {} more lines\x1b[K", lines.len() - shown));
    }
    frame.push_str("\x1b[J");
    frame
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn frames_fit_the_screen() {
        assert_eq!(frame("a\nb", 2), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
        assert_eq!(
            frame("a\nb\nc", 2),
            "\x1b[Ha\x1b[K\r\n... 2 more lines\x1b[K\x1b[J"
        );
        assert_eq!(frame("", 0), "\x1b[H\x1b[J");
    }
}
