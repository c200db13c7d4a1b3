//! What changing an option does to routes in use.

use waypost_routprot::Impact;

/// Every option of both blocks, what changing it does, and why.
///
/// Nothing here ever restarts anything: there is no session on the wire that a change could break, and a route that the old
/// and the new configuration have in common is not touched.
const IMPACTS: [(&str, Impact, &str); 2] = [
    (
        "routes",
        Impact::Live,
        "only the routes that differ are added, replaced or removed; all others stay in the routing table untouched",
    ),
    ("annotate", Impact::Live, "a note has no effect on routing"),
];

/// What changing `option` does.
pub(crate) fn impact(option: &str) -> (Impact, String) {
    IMPACTS.iter().find(|(name, ..)| *name == option).map_or_else(
        || {
            (
                Impact::Live,
                "static routes are compared one by one and only those that differ change".to_owned(),
            )
        },
        |(_, impact, reason)| (impact.clone(), (*reason).to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use waypost_engine::options_of;
    use waypost_routprot::Scope;

    #[test]
    fn every_option_has_a_row_and_every_row_an_option() {
        let options: BTreeSet<String> = [Scope::Global, Scope::Interface]
            .into_iter()
            .flat_map(options_of::<crate::Static>)
            .collect();
        let rows: BTreeSet<String> = IMPACTS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(rows.len(), IMPACTS.len(), "an option is listed twice");
        assert_eq!(options, rows);
    }
}
