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
use crate::endpoints::show::all_counters;
use crate::failure::Failure;
use crate::{PageQuery, RouteAnswer, RoutePage, RouteQuery};

/// How many destinations a snapshot shows.
const FIRST_PAGE: usize = 100;
/// A comment is sent after this long without news, so that a connection to nobody is found out.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The last event of a kind; `None` while nobody watches.
struct Channel {
    event: watch::Sender<Option<Bytes>>,
    wanted: Notify,
}

impl Channel {
    fn new() -> Self {
        Self {
            event: watch::Sender::new(None),
            wanted: Notify::new(),
        }
    }

    fn subscribe(&self) -> watch::Receiver<Option<Bytes>> {
        let mut event = self.event.subscribe();
        // If others watch already, their last event is how things are.
        event.mark_changed();
        self.wanted.notify_one();
        event
    }

    fn is_watched(&self) -> bool {
        self.event.receiver_count() > 0
    }

    /// Waits for somebody who watches.
    async fn idle(&self) {
        // Whoever comes next shall not see how things were back then.
        self.event.send_replace(None);
        self.wanted.notified().await;
    }
}

/// What is sent to those who watch.
pub(crate) struct Feed {
    snapshots: Channel,
    counters: Channel,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            snapshots: Channel::new(),
            counters: Channel::new(),
        }
    }
}

/// What a snapshot shows, without the clock in it: two of these differ when something has changed.
#[derive(PartialEq)]
struct State {
    manager: Value,
    routes: RoutePage,
}

/// Polls the state while anybody watches. Never ends by itself.
pub(crate) async fn snapshots(api: Arc<Api>) {
    let channel = &api.feed.snapshots;
    let mut last = None;
    loop {
        if !channel.is_watched() {
            last = None;
            channel.idle().await;
        }
        // A router that does not answer has no news; the watchers wait, or leave.
        if let Ok((state, event)) = look(&api).await
            && last.as_ref() != Some(&state)
        {
            last = Some(state);
            channel.event.send_replace(Some(event));
        }
        tokio::time::sleep(api.limits.watch_period).await;
    }
}

/// Reads the counters while anybody watches them. Never ends by itself.
pub(crate) async fn counters(api: Arc<Api>) {
    let channel = &api.feed.counters;
    loop {
        if !channel.is_watched() {
            channel.idle().await;
        }
        if let Ok(counters) = all_counters(&api).await {
            let event = Bytes::from(format!("event: counters\ndata: {counters}\n\n"));
            channel.event.send_replace(Some(event));
        }
        tokio::time::sleep(api.limits.counters_period).await;
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
    snapshots: watch::Receiver<Option<Bytes>>,
    counters: Option<watch::Receiver<Option<Bytes>>>,
    stopping: watch::Receiver<bool>,
}

pub(crate) async fn answer(call: Call) -> Result<Answer, Failure> {
    let counters = call.parameter::<bool>("counters", "true or false")?;
    let feed = &call.api.feed;
    let watcher = Watcher {
        snapshots: feed.snapshots.subscribe(),
        counters: (counters == Some(true)).then(|| feed.counters.subscribe()),
        stopping: call.api.stopping.clone(),
    };
    let events = stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok::<_, Infallible>(event), watcher))
    });
    Ok(Answer::Events(Body::from_stream(events)))
}

/// The next event of a channel; `None` when there will be none.
async fn news(channel: &mut watch::Receiver<Option<Bytes>>) -> Option<Bytes> {
    loop {
        channel.changed().await.ok()?;
        if let Some(event) = channel.borrow_and_update().clone() {
            return Some(event);
        }
    }
}

impl Watcher {
    /// The next event, or a comment to keep the connection alive; `None` when the server stops.
    async fn next(&mut self) -> Option<Bytes> {
        let counters = async {
            match &mut self.counters {
                Some(counters) => news(counters).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = news(&mut self.snapshots) => event,
            event = counters => event,
            _ = self.stopping.wait_for(|stopping| *stopping) => None,
            () = tokio::time::sleep(KEEP_ALIVE) => Some(Bytes::from_static(b": alive\n\n")),
        }
    }
}
