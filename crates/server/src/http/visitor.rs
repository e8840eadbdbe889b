//! Who is at the other end of a request, and by which name and how protected they came. A proxy's
//! word for it counts only if its address is one that the operator named; from anybody else
//! `X-Forwarded-*` is not even read, and RFC 7239's `Forwarded` is never.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, header};

use crate::app::Reach;

/// The other end of a connection; the accept loop puts one into every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Who asks, as far as it can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Their address; none if the request came over no socket.
    pub address: Option<IpAddr>,
    /// Whether a proxy that we trust said that they came to it without TLS.
    pub unprotected: bool,
    /// Whether every host name they came by is ours.
    pub named_us: bool,
}

impl Visitor {
    /// Of this request.
    #[must_use]
    pub fn of(reach: &Reach, request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0.to_canonical());
        let headers = request.headers();
        let proxied = peer.is_some_and(|peer| reach.trusts(peer));
        let forwarded = |name: &str| if proxied { all(headers, name) } else { Vec::new() };
        let protocols = forwarded("x-forwarded-proto");
        let unprotected = protocols.iter().any(|word| !word.eq_ignore_ascii_case("https"));
        let hosts = forwarded("x-forwarded-host");
        // A request may name its host in its head, in its first line, or in both; all must be us.
        // A proxy that passes on the name it was called by may call us by any other.
        let named_us = if hosts.is_empty() {
            let named = headers.get_all(header::HOST).iter();
            let named = named.map(|host| host.to_str().unwrap_or_default());
            let mut named = named.chain(request.uri().authority().map(|name| name.as_str()));
            let first = named.next().unwrap_or_default();
            reach.knows_host(first) && named.all(|host| reach.knows_host(host))
        } else {
            hosts.iter().all(|host| reach.knows_host(host))
        };
        let address = match proxied {
            true => client(reach, &forwarded("x-forwarded-for")).or(peer),
            false => peer,
        };
        Self { address, unprotected, named_us }
    }
}

/// Every value of a header that may come in several lines or with commas, in order.
fn all<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter();
    // What is no text is somebody's, but not ours: an empty word matches nothing.
    lines.flat_map(|line| line.to_str().unwrap_or_default().split(',')).map(str::trim).collect()
}

/// The last address that is not a proxy of ours: what stands before it, anyone could have written.
fn client(reach: &Reach, chain: &[&str]) -> Option<IpAddr> {
    let mut nearest = None;
    for hop in chain.iter().rev() {
        let Some(address) = address(hop) else { return nearest };
        nearest = Some(address);
        if !reach.trusts(address) {
            return nearest;
        }
    }
    nearest
}

/// An address, maybe with a port, maybe in brackets.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
    let parsed = bare.unwrap_or(hop).parse::<IpAddr>().ok();
    let parsed = parsed.or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|at| at.ip()));
    parsed.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn reach() -> Reach {
        Reach {
            public_url: "https://ask.example".into(),
            hosts: vec!["ask.example".into()],
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        }
    }

    fn visitor(peer: &str, head: &[(&str, &str)]) -> Visitor {
        let mut request = Request::builder().uri("/");
        for (name, value) in head {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        Visitor::of(&reach(), &request)
    }

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let head: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        visitor(peer, &head).address.unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_where_somebody_comes_from() {
        assert_eq!(address("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(address("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        // As a socket that takes both families shows it.
        assert_eq!(address("::ffff:10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("::1", &["[2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(address("10.1.1.1", &["198.51.100.1:5000"]), "198.51.100.1");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        // The client claims to be 192.0.2.1; the proxy added where it truly came from.
        assert_eq!(address("10.1.1.1", &["192.0.2.1, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(address("10.1.1.1", &["192.0.2.1", "198.51.100.1"]), "198.51.100.1");
        // Through two proxies of ours.
        assert_eq!(address("10.1.1.1", &["192.0.2.1, 198.51.100.1, 10.2.2.2"]), "198.51.100.1");
        // The client claims to be one of our proxies; the whole chain is, so it ends at the first.
        assert_eq!(address("10.1.1.1", &["10.9.9.9"]), "10.9.9.9");
        for nonsense in ["unknown", "", "198.51.100.1 198.51.100.2", "<script>"] {
            assert_eq!(address("10.1.1.1", &[nonsense]), "10.1.1.1", "{nonsense}");
            assert_eq!(address("10.1.1.1", &[nonsense, "10.2.2.2"]), "10.2.2.2", "{nonsense}");
        }
        assert_eq!(
            visitor("10.1.1.1", &[("forwarded", "for=192.0.2.1")]).address,
            "10.1.1.1".parse().ok()
        );
    }

    #[test]
    fn a_proxy_says_by_which_name_and_how_somebody_came() {
        let came = |peer: &str, head: &[(&str, &str)]| {
            let visitor = visitor(peer, head);
            (visitor.named_us, visitor.unprotected)
        };
        let inside = ("host", "askfirst:8377");
        let ours = ("x-forwarded-host", "ask.example");
        assert_eq!(came("10.1.1.1", &[inside, ours]), (true, false));
        assert_eq!(came("203.0.113.9", &[inside, ours]), (false, false), "from anybody else");
        assert_eq!(came("10.1.1.1", &[inside]), (false, false));
        let theirs = ("x-forwarded-host", "evil.example");
        for head in [[("host", "ask.example"), theirs], [ours, theirs], [theirs, ours]] {
            assert_eq!(came("10.1.1.1", &head), (false, false), "{head:?}");
        }
        let host = ("host", "ask.example");
        let proto = |word| ("x-forwarded-proto", word);
        assert_eq!(came("10.1.1.1", &[host, proto("HTTPS")]), (true, false));
        assert_eq!(came("10.1.1.1", &[host, proto("http")]), (true, true));
        assert_eq!(came("10.1.1.1", &[host, proto("https, http")]), (true, true));
        assert_eq!(came("10.1.1.1", &[host, proto("")]), (true, true));
        assert_eq!(came("203.0.113.9", &[host, proto("http")]), (true, false), "from anybody else");
    }
}
