//! Adding, deleting and status of interfaces (routing-protocol-interface 5.6 to 5.8, 5.13, 8 and 10.2).

use std::net::Ipv4Addr;

use super::case::{Case, Checked, accepted, failed, refused, same, skipped, turned_down};
use super::lifecycle::malformed;
use super::rig::{
    FIRST, Rig, SECOND, UNKNOWN, bound, bound_twice, bytes_of, same_show, status_name, unbound,
};
use crate::{Functionality, InfoBlock, InterfaceStatus, Refusal, Status};

const INVALID: Status = Status::ERROR_INVALID_PARAMETER;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "5.6/add",
        title: "AddInterface: managed, readable, no event",
        run: add,
    },
    Case {
        id: "5.6/add-twice",
        title: "AddInterface with an index that is there: 87, nothing changed",
        run: add_twice,
    },
    Case {
        id: "5.6/add-invalid",
        title: "AddInterface with an invalid block: 87, the interface is not there",
        run: add_invalid,
    },
    Case {
        id: "5.6/add-absent",
        title: "AddInterface without a block: only with RF_ADD_ALL_INTERFACES",
        run: add_absent,
    },
    Case {
        id: "5.7/unknown",
        title: "DeleteInterface of an unknown index: 87",
        run: delete_unknown,
    },
    Case {
        id: "5.7/delete",
        title: "after DeleteInterface nothing knows the index, and others are untouched",
        run: delete,
    },
    Case {
        id: "5.7/add-again",
        title: "an interface added again has its new configuration and none of its past",
        run: add_again,
    },
    Case {
        id: "5.8/unknown",
        title: "InterfaceStatus for an unknown index: 87, whatever the code",
        run: status_unknown,
    },
    Case {
        id: "8.3/permanent",
        title: "a permanent interface: ADDRESS_CHANGE, MEDIA_PRESENT or MEDIA_ABSENT, ENABLED",
        run: permanent,
    },
    Case {
        id: "8.3/changes",
        title: "addresses, carrier and administration come and go; configuration stays",
        run: changes,
    },
    Case {
        id: "8.3/demand-dial",
        title: "connect and disconnect of a demand-dial interface",
        run: demand_dial,
    },
    Case {
        id: "8.3/repeated",
        title: "repeated codes are no-ops that return 0",
        run: repeated,
    },
    Case {
        id: "10.2/orthogonal",
        title: "enabled, bound and media are independent: any order of codes",
        run: any_order,
    },
    Case {
        id: "5.13/clients",
        title: "ConnectClient and DisconnectClient on a running interface",
        run: clients,
    },
    Case {
        id: "5.13/unknown",
        title: "ConnectClient and DisconnectClient of an unknown index: 87",
        run: clients_of_unknown,
    },
];

fn add(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    accepted("add_interface", rig.try_add(FIRST, &rig.first_block()))?;
    rig.read(FIRST)?;
    rig.quiet("add_interface")
}

fn add_twice(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    let before = rig.visible()?;
    refused(
        "add_interface of an index that is there",
        INVALID,
        rig.try_add(FIRST, &other),
    )?;
    let after = rig.visible()?;
    before.unchanged("the second add_interface", &after)
}

fn add_invalid(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    let block = rig.first_block();
    let invalid = rig.subject.invalid_interface.clone();
    for (what, bad) in [("invalid contents", invalid)]
        .into_iter()
        .chain(malformed(&block))
    {
        // Without data the block is in the absent form, which is a case of its own.
        if bad.is_absent() {
            continue;
        }
        refused(
            &format!("add_interface with {what}"),
            INVALID,
            rig.try_add(FIRST, &bad),
        )?;
        refused(
            "interface_info of an interface whose block was refused",
            INVALID,
            rig.try_read(FIRST),
        )?;
    }
    accepted("add_interface after refused ones", rig.try_add(FIRST, &block))
}

fn add_absent(rig: &mut Rig<'_>) -> Checked {
    let answer = rig.running()?;
    let result = rig.try_add(FIRST, &InfoBlock::absent());
    if !answer
        .functionality
        .contains(Functionality::RF_ADD_ALL_INTERFACES)
    {
        return refused("add_interface without a block", INVALID, result);
    }
    accepted("add_interface without a block", result)?;
    let read = rig.read(FIRST)?;
    if !read.is_absent() || !read.bytes.is_empty() {
        return failed("no configuration", format!("{read:?}"));
    }
    let block = rig.first_block();
    accepted(
        "set_interface_info on an interface without configuration",
        rig.try_set(FIRST, &block),
    )?;
    let read = rig.read(FIRST)?;
    if read.is_absent() {
        return failed("the configuration that was set", format!("{read:?}"));
    }
    Ok(())
}

fn delete_unknown(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    refused(
        "delete_interface of an unknown index",
        INVALID,
        rig.protocol.delete_interface(UNKNOWN),
    )
}

fn delete(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    rig.running_with(&block)?;
    rig.add_up(SECOND, &other)?;
    let neighbour = rig.read(SECOND)?;
    accepted("delete_interface", rig.protocol.delete_interface(FIRST))?;
    rig.settle();
    refused("interface_info after delete", INVALID, rig.try_read(FIRST))?;
    refused(
        "set_interface_info after delete",
        INVALID,
        rig.try_set(FIRST, &block),
    )?;
    refused(
        "interface_status after delete",
        INVALID,
        rig.try_tell(FIRST, &InterfaceStatus::Enabled),
    )?;
    refused(
        "a second delete_interface",
        INVALID,
        rig.protocol.delete_interface(FIRST),
    )?;
    turned_down("update_routes after delete", rig.protocol.update_routes(FIRST))?;
    let seen = rig.read(SECOND)?;
    same(
        "the configuration of the other interface",
        &bytes_of(neighbour),
        &bytes_of(seen),
    )?;
    rig.quiet("delete_interface")
}

fn add_again(rig: &mut Rig<'_>) -> Checked {
    let (block, other) = (rig.first_block(), rig.other_block());
    let mut reference = rig.another();
    reference.running_with(&other)?;
    let expected = reference.read(FIRST)?;
    rig.running_with(&block)?;
    accepted("delete_interface", rig.protocol.delete_interface(FIRST))?;
    rig.settle();
    rig.add_up(FIRST, &other)?;
    let seen = rig.read(FIRST)?;
    same(
        "interface_info after adding again",
        &bytes_of(expected),
        &bytes_of(seen),
    )
}

fn every_status() -> [InterfaceStatus; 6] {
    [
        bound(),
        unbound(),
        InterfaceStatus::Enabled,
        InterfaceStatus::Disabled,
        InterfaceStatus::MediaPresent,
        InterfaceStatus::MediaAbsent,
    ]
}

fn status_unknown(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for status in every_status() {
        refused(
            &format!("{} for an unknown index", status_name(&status)),
            INVALID,
            rig.try_tell(UNKNOWN, &status),
        )?;
    }
    Ok(())
}

/// Tells every status; each has to be accepted, raise no event and leave the configuration as it is.
fn tell_all(rig: &mut Rig<'_>, statuses: &[InterfaceStatus]) -> Checked {
    let before = rig.read(FIRST)?;
    for status in statuses {
        rig.tell(FIRST, status)?;
        let after = rig.read(FIRST)?;
        if after != before {
            return failed(
                format!("interface_info as before {}", status_name(status)),
                format!("{:?}", bytes_of(after)),
            );
        }
        rig.quiet(status_name(status))?;
    }
    Ok(())
}

fn permanent(rig: &mut Rig<'_>) -> Checked {
    for media in [InterfaceStatus::MediaPresent, InterfaceStatus::MediaAbsent] {
        for administration in [None, Some(InterfaceStatus::Enabled)] {
            let mut rig = rig.another();
            rig.running()?;
            rig.add(FIRST, &rig.first_block())?;
            let statuses: Vec<_> = [bound(), media.clone()]
                .into_iter()
                .chain(administration)
                .collect();
            tell_all(&mut rig, &statuses)?;
        }
    }
    Ok(())
}

fn changes(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    tell_all(
        rig,
        &[
            bound_twice(),
            bound(),
            InterfaceStatus::MediaAbsent,
            InterfaceStatus::MediaPresent,
            InterfaceStatus::Disabled,
            InterfaceStatus::Enabled,
            // The kernel's device disappears and comes back.
            InterfaceStatus::MediaAbsent,
            unbound(),
            bound(),
            InterfaceStatus::MediaPresent,
        ],
    )
}

fn demand_dial(rig: &mut Rig<'_>) -> Checked {
    rig.running()?;
    rig.add(FIRST, &rig.first_block())?;
    let mut connected = bound();
    if let InterfaceStatus::AddressChange(binding) = &mut connected {
        binding.remote = Some(Ipv4Addr::new(10, 0, 0, 2).into());
    }
    let call = [
        connected,
        InterfaceStatus::MediaPresent,
        InterfaceStatus::MediaAbsent,
        unbound(),
    ];
    tell_all(rig, &[InterfaceStatus::Enabled])?;
    tell_all(rig, &call)?;
    tell_all(rig, &call)
}

fn repeated(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    for status in [
        bound(),
        InterfaceStatus::Enabled,
        InterfaceStatus::MediaPresent,
        InterfaceStatus::MediaAbsent,
        InterfaceStatus::MediaPresent,
        InterfaceStatus::Disabled,
        unbound(),
    ] {
        rig.tell(FIRST, &status)?;
        let before = rig.visible()?;
        rig.tell(FIRST, &status)?;
        let after = rig.visible()?;
        before.unchanged(&format!("a repeated {}", status_name(&status)), &after)?;
    }
    rig.quiet("status codes")
}

fn any_order(rig: &mut Rig<'_>) -> Checked {
    let bits = [bound(), InterfaceStatus::MediaPresent, InterfaceStatus::Enabled];
    let mut reference = None;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut rig = rig.another();
        rig.running()?;
        rig.add(FIRST, &rig.first_block())?;
        for status in order.into_iter().filter_map(|place: usize| bits.get(place)) {
            rig.tell(FIRST, status)?;
        }
        rig.quiet("status codes")?;
        let seen = (rig.read(FIRST)?, rig.show());
        let (block, show) = reference.get_or_insert_with(|| seen.clone());
        same(
            "interface_info in any order of codes",
            &bytes_of(block.clone()),
            &bytes_of(seen.0),
        )?;
        same_show("in any order of codes", show, &seen.1)?;
    }
    Ok(())
}

/// A protocol may have no functions for clients.
fn with_clients(result: Result<(), Refusal>) -> Checked<Result<(), Refusal>> {
    match result {
        Err(refusal) if refusal.status == Status::ERROR_NOT_SUPPORTED => {
            skipped("the protocol has no functions for clients")
        }
        result => Ok(result),
    }
}

fn clients(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let client = Ipv4Addr::new(10, 0, 0, 99);
    accepted(
        "connect_client",
        with_clients(rig.protocol.connect_client(FIRST, client))?,
    )?;
    accepted("disconnect_client", rig.protocol.disconnect_client(FIRST, client))?;
    rig.quiet("a client came and went")
}

fn clients_of_unknown(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let client = Ipv4Addr::new(10, 0, 0, 99);
    let invalid = Status::ERROR_INVALID_PARAMETER;
    refused(
        "connect_client of an unknown index",
        invalid,
        with_clients(rig.protocol.connect_client(UNKNOWN, client))?,
    )?;
    refused(
        "disconnect_client of an unknown index",
        invalid,
        rig.protocol.disconnect_client(UNKNOWN, client),
    )?;
    rig.quiet("clients of an unknown index")
}
