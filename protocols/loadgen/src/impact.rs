//! What changing an option does to routes in use.

use waypost_routprot::Impact;

/// Every option of both blocks, what changing it does, and why.
const IMPACTS: [(&str, Impact, &str); 13] = [
    (
        "routes",
        Impact::Live,
        "routes are added or withdrawn at the end of the sequence; all others stay",
    ),
    (
        "routes6",
        Impact::Live,
        "routes are added or withdrawn at the end of the sequence; all others stay",
    ),
    (
        "seed",
        Impact::Live,
        "all routes are withdrawn, and others announced",
    ),
    (
        "rate",
        Impact::Live,
        "it applies to what is announced and withdrawn from now on",
    ),
    (
        "flaps",
        Impact::Live,
        "it applies from now on; routes that are away come back",
    ),
    (
        "flap-down",
        Impact::Live,
        "it applies to routes that go from now on",
    ),
    ("reroutes", Impact::Live, "it applies from now on"),
    (
        "next-hops",
        Impact::Live,
        "every route is announced again with its new next hops",
    ),
    (
        "kind",
        Impact::Live,
        "every route is announced again with its new kind",
    ),
    (
        "metric",
        Impact::Live,
        "every route is announced again with its new metric",
    ),
    (
        "tag",
        Impact::Live,
        "every route is announced again with its new tag",
    ),
    (
        "gateways",
        Impact::Live,
        "every route is announced again with its new next hops",
    ),
    ("annotate", Impact::Live, "a note has no effect on routing"),
];

/// What changing `option` does.
pub(crate) fn impact(option: &str) -> (Impact, String) {
    let row = IMPACTS.iter().find(|(name, ..)| *name == option);
    let (impact, reason) = row.map_or(
        (Impact::Live, "routes are announced again"),
        |(_, impact, reason)| (impact.clone(), *reason),
    );
    (impact, reason.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use waypost_engine::options_of;
    use waypost_routprot::Scope;

    use super::*;

    #[test]
    fn every_option_has_a_row_and_every_row_an_option() {
        let options: BTreeSet<String> = [Scope::Global, Scope::Interface]
            .into_iter()
            .flat_map(options_of::<crate::LoadGenerator>)
            .collect();
        let rows: BTreeSet<String> = IMPACTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(rows.len(), IMPACTS.len(), "an option is listed twice");
        assert_eq!(options, rows);
    }
}
