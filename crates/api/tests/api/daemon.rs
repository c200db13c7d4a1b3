//! A daemon around a real manager, with a store in memory and a routing table that always says the same.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use waypost_api::client::{Client, ClientError};
use waypost_api::{
    AccessPolicy, Daemon, DaemonStatus, Destination, Explanation, FibReply, FibReport, FibRow, FibState,
    Installed, Limits, LinkCounters, LoadAnswer, LoadReply, ManagerJob, NextHopRow, OwnerCounters, Phase,
    ReloadReply, RouteAnswer, RouteCounters, RoutePage, RouteQuery, RouteReply, RouteRow, Server, bind,
};
use waypost_infobase::{MemoryStore, Operation, StoreError};
use waypost_manager::{
    Applied, Autostatic, Configuration, InstanceId, Interface, InterfaceChange, Manager, Plan, Protocols,
    RouteTable, RouteTerms,
};
use waypost_routprot::{InterfaceType, NotificationEvent, Refusal, RoutingProtocol};
use waypost_types::{
    InterfaceIndex, NextHop, Prefix, ProtocolId, Route, RouteBatch, RouteKind, Time, WallTime,
};

use crate::protocol::{SampleProtocol, codec};

struct Installation;

impl Protocols for Installation {
    fn create(
        &mut self,
        protocol: ProtocolId,
        _: InstanceId,
        _: Vec<(String, Vec<u8>)>,
    ) -> Option<Box<dyn RoutingProtocol>> {
        (protocol == ProtocolId::RIP).then(|| Box::<SampleProtocol>::default() as Box<dyn RoutingProtocol>)
    }

    fn installed(&self) -> Vec<ProtocolId> {
        vec![ProtocolId::RIP]
    }
}

struct Table;

impl RouteTable for Table {
    fn set_preference(&mut self, _: ProtocolId, _: u8) {}

    fn set_terms(&mut self, _: ProtocolId, _: RouteTerms) {}

    fn set_memory_budget(&mut self, _: Option<u32>) {}

    fn remove_protocol(&mut self, _: ProtocolId) {}

    fn keep_for_grace(&mut self, _: ProtocolId) {}

    fn routes_through(&mut self, _: ProtocolId, interface: InterfaceIndex) -> Vec<(Prefix, Route)> {
        let route = Route {
            kind: RouteKind::Unicast,
            next_hops: [NextHop::via("192.0.2.7".parse().unwrap(), interface)]
                .into_iter()
                .collect(),
            metric: 2,
            tag: 0,
            preference: None,
        };
        vec![("10.9.0.0/16".parse().unwrap(), route)]
    }

    fn set_autostatic(&mut self, _: InterfaceIndex, _: Autostatic) {}
}

/// What the manager's thread is sent.
enum Work {
    Job(ManagerJob),
    End,
}

struct Jobs(mpsc::Sender<Work>);

impl NotificationEvent for Jobs {
    fn signal(&self) {
        // Events are drained after every job, one that does nothing included.
        drop(self.0.send(Work::Job(Box::new(|_, _, _| {}))));
    }
}

struct FakeDaemon {
    jobs: mpsc::Sender<Work>,
    /// How often the counters were read.
    reads: AtomicU64,
}

pub(crate) fn row(prefix: &str) -> RouteRow {
    RouteRow {
        prefix: prefix.parse().unwrap(),
        owner: ProtocolId::RIP,
        preference: 120,
        metric: 2,
        tag: 0,
        kind: RouteKind::Unicast,
        next_hops: vec![NextHopRow {
            interface: Some("eth0".to_owned()),
            interface_index: InterfaceIndex(2),
            gateway: Some("192.0.2.7".parse().unwrap()),
            weight: 1,
            recursive: None,
        }],
        age_seconds: 7,
        best: true,
        installed: Installed::Yes,
        reason: None,
    }
}

impl Daemon for FakeDaemon {
    /// Says how many it was given, and of whom by what it refused.
    fn change_routes(&self, owner: ProtocolId, changes: RouteBatch, reply: LoadReply) {
        reply(LoadAnswer {
            routes: changes.len() as u64,
            refused: owner.0.into(),
        });
    }

    /// The file says what is in force.
    fn reload(&self, reply: ReloadReply) {
        reply(Ok(Applied {
            revision: Some(1),
            changed: false,
            trial: None,
            plan: Plan::default(),
        }));
    }

    fn remove_routes(&self, _: ProtocolId, reply: LoadReply) {
        reply(LoadAnswer::default());
    }

    fn manage(&self, job: ManagerJob) {
        drop(self.jobs.send(Work::Job(job)));
    }

    fn fib(&self, limit: usize, reply: FibReply) {
        reply(FibReport {
            wanted: 3,
            agreeing: 2,
            kernel: Some(2),
            differing: 1,
            rows: vec![FibRow {
                prefix: "10.0.0.0/8".parse().unwrap(),
                state: FibState::Missing,
                table: Some(format!("up to {limit}")),
                kernel: None,
                age_seconds: Some(7),
                reason: None,
            }],
            ..FibReport::default()
        });
    }

    fn routes(&self, query: RouteQuery, reply: RouteReply) {
        reply(match query {
            // The question comes back in the answer, so that tests see what was asked.
            RouteQuery::Page(query) => RouteAnswer::Page(RoutePage {
                rows: vec![RouteRow {
                    owner: query.owner.unwrap_or(ProtocolId::STATIC),
                    metric: u32::try_from(query.limit).unwrap(),
                    ..row(&query
                        .within
                        .map_or_else(|| "10.0.0.0/8".to_owned(), |within| within.to_string()))
                }],
                next: query.after,
                inactive: Vec::new(),
            }),
            RouteQuery::Lookup(Destination::Address(address)) if address.is_loopback() => {
                RouteAnswer::Page(RoutePage::default())
            }
            RouteQuery::Lookup(_) => RouteAnswer::Page(RoutePage {
                rows: vec![row("10.0.0.0/8")],
                ..RoutePage::default()
            }),
            RouteQuery::Explain(destination) => RouteAnswer::Explanation(Explanation {
                matched: Some("10.0.0.0/8".parse().unwrap()),
                verdict: format!("packets to {destination} go to 192.0.2.7 on eth0"),
                rows: vec![row("10.0.0.0/8")],
                covered_by: vec!["0.0.0.0/0".parse().unwrap()],
                ..Explanation::default()
            }),
            RouteQuery::Counters => RouteAnswer::Counters(RouteCounters {
                destinations: 1,
                routes: 1,
                installed: 1,
                owners: [(
                    "rip".to_owned(),
                    OwnerCounters {
                        routes: 1,
                        best: 1,
                        ..OwnerCounters::default()
                    },
                )]
                .into(),
                ..RouteCounters::default()
            }),
        });
    }

    fn link_counters(&self) -> std::io::Result<BTreeMap<String, LinkCounters>> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
        let counters = LinkCounters {
            rx_octets: 100 * reads,
            rx_packets: reads,
            ..LinkCounters::default()
        };
        Ok([("eth0".to_owned(), counters)].into())
    }

    fn status(&self) -> DaemonStatus {
        DaemonStatus {
            version: "0.1.0".to_owned(),
            pid: 1,
            phase: Phase::Running,
            uptime_seconds: 3,
            infobase: "/var/lib/waypost/infobase.redb".to_owned(),
            warnings: Vec::new(),
        }
    }
}

pub(crate) fn interface(index: u32, name: &str) -> Interface {
    Interface {
        index: InterfaceIndex(index),
        name: name.to_owned(),
        kind: "ether".to_owned(),
        connection: InterfaceType::Permanent,
        mtu: 1500,
        speed: 0,
        up: true,
        carrier: true,
        mac: "02:00:00:00:00:01".to_owned(),
        addresses: vec![("192.0.2.1".parse().unwrap(), 24)],
        addresses6: Vec::new(),
        remote: None,
    }
}

/// A served router. Gone when dropped.
pub(crate) struct Router {
    jobs: mpsc::Sender<Work>,
    pub(crate) path: PathBuf,
    server: Option<Server>,
    manager: Option<JoinHandle<()>>,
    _directory: tempfile::TempDir,
}

/// What a router is to be like.
pub(crate) struct Setup {
    pub(crate) store: MemoryStore,
    pub(crate) limits: Limits,
    /// Whether the tests themselves may write.
    pub(crate) writer: bool,
    pub(crate) others_may_read: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let limits = Limits {
            watch_period: std::time::Duration::from_millis(5),
            counters_period: std::time::Duration::from_millis(5),
            ..Limits::default()
        };
        Self {
            store: MemoryStore::new(),
            limits,
            writer: true,
            others_may_read: true,
        }
    }
}

impl Setup {
    /// A disk that is full at the confirmation after this many.
    pub(crate) fn full_disk(mut self, after: u32) -> Self {
        let path = "/var/lib/waypost/infobase.redb".into();
        self.store
            .fail(Operation::Confirm, after, StoreError::Full { path });
        self
    }

    pub(crate) fn start(self) -> Router {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waypost.sock");
        let (jobs, work) = mpsc::channel::<Work>();
        let event = Arc::new(Jobs(jobs.clone()));
        let store = Box::new(self.store);
        let manager = std::thread::spawn(move || {
            let configuration = Configuration::new([codec()]);
            let mut manager = Manager::new(
                store,
                Box::new(Installation),
                Box::new(Table),
                configuration,
                event,
            )
            .unwrap();
            manager.interfaces_changed([InterfaceChange::Present(interface(2, "eth0"))]);
            manager.start(Time::ZERO, WallTime(0));
            for (count, work) in (1..).zip(work) {
                let Work::Job(job) = work else { break };
                job(
                    &mut manager,
                    Time::from_millis(count),
                    WallTime(1_700_000_000 + count),
                );
                manager.drain_events(Time::from_millis(count), WallTime(1_700_000_000 + count));
            }
        });
        let writer = self.writer;
        let policy = AccessPolicy {
            write_uids: Vec::new(),
            is_writer: Arc::new(move |_, _| writer),
            user_name: Arc::new(|_| Some("alice".to_owned())),
            others_may_read: self.others_may_read,
            group: "operators".to_owned(),
        };
        let daemon = Arc::new(FakeDaemon {
            jobs: jobs.clone(),
            reads: AtomicU64::new(0),
        });
        let server = Server::start(bind(&path, 0o600).unwrap(), daemon, policy, self.limits).unwrap();
        Router {
            jobs,
            path,
            server: Some(server),
            manager: Some(manager),
            _directory: directory,
        }
    }
}

impl Router {
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.path).unwrap()
    }

    pub(crate) fn stream(&self) -> UnixStream {
        UnixStream::connect(&self.path).unwrap()
    }

    /// Stops the server, as the daemon does at its end.
    pub(crate) fn stop_server(&mut self) {
        drop(self.server.take());
    }

    /// Ends the manager's thread: from then on nobody takes jobs.
    pub(crate) fn stop_manager(&mut self) {
        drop(self.jobs.send(Work::End));
        if let Some(manager) = self.manager.take() {
            drop(manager.join());
        }
    }

    /// RIP on eth0, with a secret.
    pub(crate) fn configured() -> Self {
        let router = Setup::default().start();
        router.configure();
        router
    }

    pub(crate) fn configure(&self) {
        let toml = "[protocols.rip]\n[interfaces.eth0.rip]\nmetric = 2\npassword = \"hunter2\"\n";
        let _: Value = self
            .client()
            .post("/v1/apply", &json!({ "toml": toml, "note": "first" }))
            .unwrap();
    }

    /// Does something with the manager directly, and waits for it.
    pub(crate) fn manage<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Manager) -> R + Send + 'static,
    ) -> R {
        let (reply, answer) = mpsc::channel();
        let job: ManagerJob = Box::new(move |manager, _, _| drop(reply.send(work(manager))));
        self.jobs.send(Work::Job(job)).ok().unwrap();
        answer.recv().unwrap()
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.stop_server();
        self.stop_manager();
    }
}

/// The refusals of an answer that has to be one.
pub(crate) fn refusals<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Vec<Refusal> {
    match answer {
        Err(ClientError::Refused(refusals)) => refusals,
        other => panic!("not refused: {other:?}"),
    }
}
