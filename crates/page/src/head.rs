//! What the head of a request must be like, whoever sends it.

use std::net::{IpAddr, SocketAddr};

use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode, header};

use crate::denial::Denial;

/// What a browser says of where a request comes from (Fetch Metadata Request Headers, 2.3).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks the head of a request that came in at `local`.
pub(crate) fn check(head: &Parts, local: SocketAddr) -> Result<(), Denial> {
    let host = host(head, local)?;
    let changes = match head.method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => {
            return Err(Denial::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "the page does not take this method",
            )
            .with_value(&head.method)
            .with_allowed("GET, HEAD, POST"));
        }
    };
    same_site(head, changes)?;
    if changes {
        origin(head, host)?;
        json(head)?;
    }
    Ok(())
}

/// The one value of a header that must not come twice.
fn single<'h>(head: &'h Parts, name: &HeaderName) -> Result<Option<&'h str>, Denial> {
    let mut values = head.headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    let bad = || Denial::new(StatusCode::BAD_REQUEST, "the header is not a single text").with_value(name);
    match (first, second) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| bad()),
        _ => Err(bad()),
    }
}

/// How a browser writes an address and a port; `localhost` stands for loopback addresses as well.
fn names(local: SocketAddr) -> Vec<String> {
    let local = SocketAddr::new(local.ip().to_canonical(), local.port());
    let address = match local.ip() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let mut hosts = vec![address];
    if local.ip().is_loopback() {
        hosts.push("localhost".to_owned());
    }
    // The port of the scheme is left out.
    let port = match local.port() {
        80 => String::new(),
        port => format!(":{port}"),
    };
    hosts.into_iter().map(|host| host + &port).collect()
}

/// A browser that an attacker's name was made to lead here says that name.
fn host(head: &Parts, local: SocketAddr) -> Result<&str, Denial> {
    let names = names(local);
    let allowed = names.join(", ");
    let wrong = |value: &str| {
        Denial::new(
            StatusCode::MISDIRECTED_REQUEST,
            "the page is not served under this name",
        )
        .with_value(value)
        .with_allowed(&allowed)
    };
    if let Some(authority) = head.uri.authority() {
        return Err(wrong(authority.as_str()));
    }
    let host = single(head, &header::HOST)?.unwrap_or_default();
    if names.iter().any(|name| name == host) {
        Ok(host)
    } else {
        Err(wrong(host))
    }
}

/// Other sites may have a browser ask for things without seeing the answers; not even that is let through.
fn same_site(head: &Parts, changes: bool) -> Result<(), Denial> {
    let of_the_page = head.uri.path() == "/" && !changes;
    match single(head, &FETCH_SITE)? {
        // No browser, or one that is older than the header; what changes is checked by its origin.
        None | Some("same-origin") => Ok(()),
        // Typed or a bookmark.
        Some("none") if !changes => Ok(()),
        // A link to the page is no attack.
        Some(_) if of_the_page => Ok(()),
        Some(site) => Err(Denial::new(
            StatusCode::FORBIDDEN,
            "the request comes from another site than the page",
        )
        .with_value(site)
        .with_allowed("same-origin")),
    }
}

fn origin(head: &Parts, host: &str) -> Result<(), Denial> {
    let own = format!("http://{host}");
    match single(head, &header::ORIGIN)? {
        Some(origin) if origin == own => Ok(()),
        origin => Err(Denial::new(
            StatusCode::FORBIDDEN,
            "only the page itself may change anything; the header Origin says who asks",
        )
        .with_value(origin.unwrap_or("none"))
        .with_allowed(&own)),
    }
}

/// Forms of other sites cannot send this type without asking first.
fn json(head: &Parts) -> Result<(), Denial> {
    let kind = single(head, &header::CONTENT_TYPE)?.unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Denial::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "the body is of another type than the page sends",
    )
    .with_value(kind)
    .with_allowed("application/json"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    /// What becomes of a request with these headers at 127.0.0.1:8480.
    fn outcome(method: &str, uri: &str, headers: &[(&str, &str)]) -> u16 {
        outcome_at("127.0.0.1:8480", method, uri, headers)
    }

    fn outcome_at(local: &str, method: &str, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head, local.parse().unwrap()).map_or_else(|denial| denial.http.as_u16(), |()| 200)
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8480");

    #[test]
    fn only_the_bound_address_is_a_name_of_the_page() {
        for host in ["127.0.0.1:8480", "localhost:8480"] {
            assert_eq!(outcome("GET", "/", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8480",
            "127.0.0.1",
            "127.0.0.1:8481",
            "127.0.0.2:8480",
            "localhost.evil.example:8480",
            "127.0.0.1:8480.evil.example",
        ] {
            assert_eq!(outcome("GET", "/", &[("host", host)]), 421, "{host}");
        }
        assert_eq!(outcome("GET", "/", &[]), 421);
        assert_eq!(outcome("GET", "/", &[HOST, HOST]), 400);
        assert_eq!(outcome("GET", "http://evil.example/", &[HOST]), 421);
    }

    #[test]
    fn every_kind_of_address_has_its_name() {
        for (local, host, expected) in [
            ("[::1]:8480", "[::1]:8480", 200),
            ("[::1]:8480", "localhost:8480", 200),
            ("[::ffff:127.0.0.1]:8480", "127.0.0.1:8480", 200),
            ("192.0.2.1:8480", "192.0.2.1:8480", 200),
            ("192.0.2.1:8480", "localhost:8480", 421),
            ("192.0.2.1:8480", "127.0.0.1:8480", 421),
            ("127.0.0.1:80", "127.0.0.1", 200),
        ] {
            assert_eq!(
                outcome_at(local, "GET", "/", &[("host", host)]),
                expected,
                "{local} {host}"
            );
        }
    }

    #[test]
    fn what_changes_comes_from_the_page_itself() {
        let json = ("content-type", "application/json");
        let own = ("origin", "http://127.0.0.1:8480");
        let post = |headers: &[(&str, &str)]| outcome("POST", "/v1/apply", &[&[HOST], headers].concat());
        assert_eq!(post(&[own, json]), 200);
        assert_eq!(
            post(&[own, ("content-type", "application/json; charset=utf-8")]),
            200
        );
        assert_eq!(post(&[own, json, ("sec-fetch-site", "same-origin")]), 200);
        for origin in [
            "null",
            "http://evil.example",
            "https://127.0.0.1:8480",
            "http://127.0.0.1:3000",
            "http://localhost:8480",
        ] {
            assert_eq!(post(&[("origin", origin), json]), 403, "{origin}");
        }
        assert_eq!(post(&[json]), 403, "without an origin");
        for site in ["cross-site", "same-site", "none"] {
            assert_eq!(post(&[own, json, ("sec-fetch-site", site)]), 403, "{site}");
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "",
        ] {
            assert_eq!(post(&[own, ("content-type", kind)]), 415, "{kind}");
        }
        assert_eq!(post(&[own]), 415);
        assert_eq!(outcome("DELETE", "/session", &[HOST, own, json]), 405);
        assert_eq!(
            outcome("OPTIONS", "/v1/apply", &[HOST, ("origin", "http://evil.example")]),
            405
        );
    }

    #[test]
    fn other_sites_may_link_to_the_page_and_no_more() {
        for (uri, site, expected) in [
            ("/", "cross-site", 200),
            ("/v1/status", "cross-site", 403),
            ("/v1/status", "same-site", 403),
            ("/v1/status", "none", 200),
            ("/v1/status", "same-origin", 200),
            ("/main.js", "cross-site", 403),
            ("/session", "cross-site", 403),
        ] {
            assert_eq!(
                outcome("GET", uri, &[HOST, ("sec-fetch-site", site)]),
                expected,
                "{uri} {site}"
            );
        }
    }
}
