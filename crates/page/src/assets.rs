//! The files of the page, as they are sent.

/// A file.
pub(crate) struct Asset {
    /// Its path.
    pub(crate) path: &'static str,
    /// What it is, as a media type.
    pub(crate) kind: &'static str,
    pub(crate) octets: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($path:literal $kind:ident $file:literal)*) => {
        &[$(Asset {
            path: $path,
            kind: $kind,
            octets: include_bytes!(concat!("../assets/", $file)),
        }),*]
    };
}

/// Every file there is.
pub(crate) static ASSETS: &[Asset] = assets! {
    "/" HTML "index.html"
    "/favicon.svg" SVG "favicon.svg"
    "/colors.css" CSS "colors.css"
    "/page.css" CSS "page.css"
    "/views.css" CSS "views.css"
    "/main.js" SCRIPT "main.js"
    "/api.js" SCRIPT "api.js"
    "/banner.js" SCRIPT "banner.js"
    "/configure.js" SCRIPT "configure.js"
    "/dom.js" SCRIPT "dom.js"
    "/explain.js" SCRIPT "explain.js"
    "/feed.js" SCRIPT "feed.js"
    "/fields.js" SCRIPT "fields.js"
    "/format.js" SCRIPT "format.js"
    "/graph.js" SCRIPT "graph.js"
    "/history.js" SCRIPT "history.js"
    "/interfaces.js" SCRIPT "interfaces.js"
    "/neighbors.js" SCRIPT "neighbors.js"
    "/path.js" SCRIPT "path.js"
    "/plan.js" SCRIPT "plan.js"
    "/rates.js" SCRIPT "rates.js"
    "/routes.js" SCRIPT "routes.js"
    "/schema.js" SCRIPT "schema.js"
    "/signin.js" SCRIPT "signin.js"
    "/table.js" SCRIPT "table.js"
    "/theme.js" SCRIPT "theme.js"
    "/topology.js" SCRIPT "topology.js"
};

/// The file at a path.
pub(crate) fn at(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        ASSETS
            .iter()
            .map(|asset| (asset.path, std::str::from_utf8(asset.octets).unwrap()))
    }

    /// Text from the router becomes text nodes and attributes, never markup or script, and nothing comes from elsewhere.
    #[test]
    fn nothing_makes_markup_or_script_of_text() {
        for (path, text) in texts() {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "createContextualFragment",
                "DOMParser",
                "document.write",
                "eval(",
                "new Function",
                "javascript:",
                "srcdoc",
                "style=",
                "<style",
                "onclick=",
                "onload=",
                "onerror=",
                "https://",
            ] {
                assert!(!text.contains(word), "{path} has {word}");
            }
            // The names of XML vocabularies are the only addresses.
            let foreign = text
                .split("http://")
                .skip(1)
                .find(|rest| !rest.starts_with("www.w3.org/"));
            assert_eq!(foreign, None, "{path}");
        }
    }

    #[test]
    fn what_is_referred_to_is_there_and_what_is_there_is_referred_to() {
        let mut wanted = BTreeSet::from(["/".to_owned()]);
        for (path, text) in texts() {
            for (before, after) in [("from '.", "'"), ("href=\"/", "\""), ("src=\"/", "\"")] {
                for reference in text
                    .split(before)
                    .skip(1)
                    .filter_map(|rest| rest.split(after).next())
                {
                    let name = reference.trim_start_matches('/');
                    assert!(at(&format!("/{name}")).is_some(), "{path} refers to {name}");
                    wanted.insert(format!("/{name}"));
                }
            }
        }
        let there: BTreeSet<String> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        assert_eq!(there, wanted);
    }
}
