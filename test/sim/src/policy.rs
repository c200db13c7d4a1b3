//! The policies that every simulated router has, for configurations to name.

use std::sync::{Arc, LazyLock};

use waypost_policy::{Policies, PolicyConfig};
use waypost_types::Prefix4;

/// A prefix list that lets all networks pass but one.
pub const MOST: &str = "most";
/// That one.
const DENIED: &str = "10.0.3.0/24";

static POLICIES: LazyLock<Arc<Policies>> = LazyLock::new(|| {
    let rules = serde_json::json!([{ "deny": DENIED }, { "permit": "0.0.0.0/0 le 32" }]);
    let config = serde_json::json!({ "prefix-lists": { MOST: rules } });
    // INVARIANT: they are written above. Without them the tests that name them would fail.
    let config: PolicyConfig = serde_json::from_value(config).unwrap_or_default();
    Arc::new(Policies::compile(&config, |_| None, &Policies::default()).unwrap_or_default())
});

/// All of them.
#[must_use]
pub fn policies() -> Arc<Policies> {
    Arc::clone(&POLICIES)
}

/// Whether [`MOST`] lets a network pass, said once more for those who check it.
#[must_use]
pub fn passes(network: Prefix4) -> bool {
    network.to_string() != DENIED
}
