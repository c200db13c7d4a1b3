//! The configuration as the container of blocks that RRAS publishes.

use waypost_manager::{Configuration, Edit};
use waypost_routprot::Refusal;
use waypost_routprot::router_blocks::{Block, InfoHeader};

use crate::call::{Answer, Call};
use crate::failure::Failure;
use crate::{HeaderAnswer, HeaderEntry, HeaderRequest, hex};

pub(super) async fn answer(call: Call) -> Result<Answer, Failure> {
    let interface = call.query.get("interface").cloned();
    let wanted = interface.clone();
    let (configuration, header) = call
        .api
        .manage(move |manager, _, _| {
            let header = manager.header(wanted.as_deref());
            (manager.configuration().clone(), header)
        })
        .await?;
    let header = header?;
    Answer::json(&HeaderAnswer {
        interface,
        entries: header
            .blocks()
            .iter()
            .map(|block| entry(&configuration, block))
            .collect(),
        hex: if call.peer.may_write {
            hex::write(&header.build())
        } else {
            super::HIDDEN.to_owned()
        },
    })
}

fn entry(configuration: &Configuration, block: &Block) -> HeaderEntry {
    let kind = block.kind();
    HeaderEntry {
        kind: kind.0,
        name: kind
            .protocol()
            .map_or_else(|| kind.to_string(), |protocol| configuration.name_of(protocol)),
        item_octets: block.item_size(),
        items: block.item_count(),
    }
}

/// The edit that takes over a container.
pub(super) fn edit(request: HeaderRequest) -> Result<Edit, Refusal> {
    let octets = hex::read(&request.hex).ok_or_else(|| {
        Refusal::invalid("not octets")
            .at("hex")
            .with_allowed("an even number of hexadecimal digits")
    })?;
    Ok(Edit::Header {
        interface: request.interface,
        header: InfoHeader::parse(&octets)?,
    })
}
