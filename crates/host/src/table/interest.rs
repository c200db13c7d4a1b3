//! Who hears of whose routes.

use std::collections::BTreeMap;

use waypost_rtm::{Rtm, RtmError, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_types::{ProtocolId, RouteNotice};

use super::NoticeSink;

/// Notices handed over at a time.
const SLICE: usize = 1024;

/// One subscription a protocol.
#[derive(Default)]
pub(super) struct Interests {
    by_protocol: BTreeMap<ProtocolId, (SubscriberId, NoticeSink)>,
}

impl Interests {
    /// Begins a protocol's subscription, in the place of the one it had. Its own routes are left out.
    pub(super) fn set(
        &mut self,
        rtm: &mut Rtm,
        protocol: ProtocolId,
        owners: Vec<ProtocolId>,
        sink: NoticeSink,
    ) -> Result<(), RtmError> {
        self.remove(rtm, protocol);
        let owners = owners.into_iter().filter(|&owner| owner != protocol).collect();
        let mut config = SubscriberConfig::new(SubscriberKind::Best);
        config.owners = Some(owners);
        if config.owners.as_ref().is_some_and(|owners| owners.is_empty()) {
            return Ok(());
        }
        let subscriber = rtm.subscribe(config)?;
        rtm.replay(subscriber)?;
        self.by_protocol.insert(protocol, (subscriber, sink));
        Ok(())
    }

    pub(super) fn remove(&mut self, rtm: &mut Rtm, protocol: ProtocolId) {
        if let Some((subscriber, _)) = self.by_protocol.remove(&protocol) {
            // Only this knows the subscription, so it has not ended yet.
            drop(rtm.unsubscribe(subscriber));
        }
    }

    /// Hands over one slice to everyone something waits for. Whether more waits.
    pub(super) fn serve(&self, rtm: &mut Rtm) -> bool {
        let mut more = false;
        for (subscriber, sink) in self.by_protocol.values() {
            let Ok(changes) = rtm.drain(*subscriber, SLICE) else {
                continue;
            };
            more |= changes.len() == SLICE;
            if !changes.is_empty() {
                let notices: Vec<RouteNotice> = changes.into_iter().map(|change| change.notice).collect();
                sink(notices);
            }
        }
        more
    }
}
