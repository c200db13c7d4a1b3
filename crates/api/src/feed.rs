//! The feed of `GET /v1/watch`: one poll of the router serves every watcher.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use waypost_routprot::{Refusal, Topic};

use crate::call::{Answer, Api, Call};
use crate::failure::Failure;
use crate::{PageQuery, RouteAnswer, RoutePage, RouteQuery};

/// How many destinations a snapshot shows.
const FIRST_PAGE: usize = 100;
/// A comment is sent after this long without news, so that a connection to nobody is found out.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The last snapshot, as the event that is sent; `None` while nobody watches.
pub(crate) struct Feed {
    event: watch::Sender<Option<Bytes>>,
    wanted: Notify,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            event: watch::Sender::new(None),
            wanted: Notify::new(),
        }
    }
}

/// What a snapshot shows, without the clock in it: two of these differ when something has changed.
#[derive(PartialEq)]
struct State {
    manager: Value,
    routes: RoutePage,
}

/// Polls while anybody watches. Never ends by itself.
pub(crate) async fn run(api: Arc<Api>) {
    let mut last = None;
    loop {
        if api.feed.event.receiver_count() == 0 {
            // Whoever comes next shall not see how things were back then.
            last = None;
            api.feed.event.send_replace(None);
            api.feed.wanted.notified().await;
        }
        // A router that does not answer has no news; the watchers wait, or leave.
        if let Ok((state, event)) = look(&api).await
            && last.as_ref() != Some(&state)
        {
            last = Some(state);
            api.feed.event.send_replace(Some(event));
        }
        tokio::time::sleep(api.limits.watch_period).await;
    }
}

async fn look(api: &Api) -> Result<(State, Bytes), Failure> {
    let manager = api.manage(|manager, _, _| {
        json!({
            "interfaces": manager.show_interfaces(),
            "protocols": manager.show_protocols(),
            "neighbors": manager.show_rows(Topic::Neighbors),
        })
    });
    let mut manager = manager.await?;
    let query = PageQuery {
        after: None,
        limit: FIRST_PAGE,
        owner: None,
        within: None,
    };
    let RouteAnswer::Page(mut routes) = api.routes(RouteQuery::Page(query)).await? else {
        return Err(Refusal::failed("the routing table answered another question").into());
    };
    let state = manager.clone();
    if let Some(snapshot) = manager.as_object_mut() {
        snapshot.insert("routes".to_owned(), json!(routes));
    }
    routes.rows.iter_mut().for_each(|row| row.age_seconds = 0);
    let event = Bytes::from(format!("event: snapshot\ndata: {manager}\n\n"));
    Ok((
        State {
            manager: state,
            routes,
        },
        event,
    ))
}

/// What one watcher still needs.
struct Watcher {
    event: watch::Receiver<Option<Bytes>>,
    stopping: watch::Receiver<bool>,
}

pub(crate) async fn answer(call: Call) -> Result<Answer, Failure> {
    let mut event = call.api.feed.event.subscribe();
    // If others watch already, their last snapshot is how things are.
    event.mark_changed();
    call.api.feed.wanted.notify_one();
    let watcher = Watcher {
        event,
        stopping: call.api.stopping.clone(),
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Ok(Answer::Events(Body::from_stream(events)))
}

impl Watcher {
    /// The next event, or a comment to keep the connection alive; `None` when the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            tokio::select! {
                changed = self.event.changed() => {
                    changed.ok()?;
                    if let Some(event) = self.event.borrow_and_update().clone() {
                        return Some(event);
                    }
                }
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                () = tokio::time::sleep(KEEP_ALIVE) => return Some(Bytes::from_static(b": alive\n\n")),
            }
        }
    }
}
