//! Addresses that nobody may reach through this server, in every spelling that some reader takes
//! for them. Not one of them is connected to.

use super::super::{Forbidden, Rules};
use super::{Network, inside, post};

/// Refused when they are saved. `PORT` is a port that the operator opened.
pub(super) const LITERAL: &[&str] = &[
    // This machine, as everybody writes it, and as hardly anybody does.
    "https://127.0.0.1/",
    "https://127.0.0.1:PORT/",
    "https://127.0.0.2/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://00000177.0.0.1/",
    "https://0x7F.0x0.0x0.0x1/",
    "https://127.0.0.1./",
    "https://127.0.0.1.:PORT/",
    "https://%31%32%37.0.0.1/",
    "https://127%2e0%2e0%2e1/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://𝟏𝟐𝟕.𝟎.𝟎.𝟏/",
    "https://𝟙𝟚𝟟.0.0.1:PORT/",
    "https://0X7F000001:PORT/",
    "https://[::1]/",
    "https://[::1]:PORT/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://[::0.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "https://[::FFFF:7F00:0001]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://localhost/",
    "https://LOCALHOST:PORT/",
    "https://localhost./",
    "https://a.localhost/",
    "https://ⓛocalhost/",
    "https://ｌｏｃａｌｈｏｓｔ/",
    "https://local%68ost/",
    "https://loc\u{ad}alhost/",
    // No address at all, which many systems take for this machine.
    "https://0.0.0.0/",
    "https://0/",
    "https://0x0/",
    "https://000000/",
    "https://0.1.2.3/",
    "https://[::]/",
    "https://[::]:PORT/",
    "https://[0::0]/",
    "https://[::ffff:0.0.0.0]/",
    // Metadata services.
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://0xa9.254.0251.254/",
    "https://169.254.43518/",
    "https://169.254.169.254.:PORT/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://[fd00:ec2::23]/",
    "https://[fd20:ce::254]/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/",
    "https://Metadata.Google.Internal./",
    "https://169.254.170.2/",
    "https://169.254.0.1/",
    // Private and shared networks.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://167772161/",
    "https://012.0.0.1/",
    "https://0xa.0.0.1/",
    "https://10.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://192.168.1/",
    "https://3232235777/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://[fc00::1]/",
    "https://[fd12:3456:789a::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::10.0.0.1]/",
    "https://[::ffff:192.168.0.1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1%eth0]/",
    "https://[febf::1]/",
    "https://[fec0::1]/",
    // One address inside of another.
    "https://[64:ff9b::a00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:a00:1::]/",
    "https://[2002:7f00:1::1]/",
    "https://[2002:c0a8:101::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001::7f00:1]/",
    "https://[2600::5efe:a00:1]/",
    "https://[2600::200:5efe:7f00:1]/",
    // Not for hosts, or not for anybody.
    "https://192.0.0.1/",
    "https://192.0.0.8/",
    "https://192.0.0.170/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://4294967295/",
    "https://192.31.196.1/",
    "https://192.52.193.1/",
    "https://192.175.48.1/",
    "https://[100::1]/",
    "https://[100:0:0:1::1]/",
    "https://[2001:2::1]/",
    "https://[2001:10::1]/",
    "https://[2001:20::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[3ffe::1]/",
    "https://[5f00::1]/",
    "https://[ff02::1]/",
    "https://[ff0e::1]/",
    "https://[4000::1]/",
    "https://[::2]/",
    "https://[2620:4f:8000::1]/",
    // Names that mean something only inside.
    "https://router/",
    "https://printer.local/",
    "https://db.internal/",
    "https://nas.lan/",
    "https://nas.home.arpa/",
    "https://intranet.localdomain/",
    "https://x.onion/",
];

/// Good names that lead where nobody may go.
const LEADING: &[&str] = &[
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "0.0.0.0",
    "::",
    "10.0.0.5",
    "172.20.0.1",
    "192.168.1.1",
    "100.64.0.9",
    "169.254.169.254",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "fc00::5",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "2002:a00:1::",
    "2001::1",
    "198.18.0.1",
    "192.0.2.1",
    "203.0.113.7",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "ff02::1",
    "fec0::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "4000::1",
];

#[tokio::test(start_paused = true)]
async fn no_spelling_of_a_forbidden_address_is_ever_connected_to() {
    let rules = Rules { allowed_ports: vec![9443], ..Rules::default() };
    let (outgoing, network) = Network::answering("HTTP/1.1 200 OK\r\n\r\n").start(rules);
    for url in LITERAL {
        let url = url.replace("PORT", "9443");
        let refused = outgoing.check(&url);
        assert!(refused.is_err(), "{url} was taken: {refused:?}");
        assert!(post(&outgoing, &url).await.is_err(), "{url} was answered");
    }
    assert_eq!(network.asked(), [""; 0], "none of these needs a look-up to be refused");
    assert_eq!(network.tried(), [""; 0]);
    assert!(LITERAL.len() > 140, "{}", LITERAL.len());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_leads_to_a_forbidden_address_is_never_connected_to() {
    for address in LEADING {
        let network = Network::answering("HTTP/1.1 200 OK\r\n\r\n");
        let network = network.name("hooks.example.com", &[&[address]]);
        let (outgoing, network) = network.start(Rules::default());
        let failure = post(&outgoing, "https://hooks.example.com/").await.unwrap_err();
        let told = failure.to_string();
        let closed =
            "nothing was sent: hooks.example.com leads to an address that is closed: it is ";
        assert!(told.starts_with(closed), "{told}");
        assert!(told.contains("outgoing.allowed_hosts"), "{told}");
        // Whoever gives names to try does not learn what the network inside looks like.
        assert!(!told.contains(&address.to_string()), "{told}");
        assert_eq!(network.asked(), ["hooks.example.com"]);
        assert_eq!(network.tried(), [""; 0], "{address}");
    }
}

#[test]
fn what_is_wrong_with_a_url_is_said_with_what_to_do() {
    let (outgoing, _) = Network::answering("").start(Rules::default());
    let refused = |url: &str| outgoing.check(url).unwrap_err().to_string();
    let long = format!("https://hooks.example.com/{}", "a".repeat(2048));
    for (url, told) in [
        ("http://hooks.example.com/", "use https: http is only for hosts in the operator's"),
        ("file:///etc/passwd", "\"file\" is not spoken here; use https"),
        ("gopher://hooks.example.com/", "\"gopher\" is not spoken here"),
        ("javascript:alert(1)", "\"javascript\" is not spoken here"),
        ("data:text/plain,x", "\"data\" is not spoken here"),
        ("ftp://hooks.example.com/", "\"ftp\" is not spoken here"),
        ("unix:///run/docker.sock", "\"unix\" is not spoken here"),
        ("hooks.example.com/x", "it must begin with https://"),
        ("//hooks.example.com/x", "it must begin with https://"),
        ("https:hooks.example.com", "it must begin with https://"),
        ("https:///hooks.example.com", "there is no host after ://"),
        ("", "it must begin with https://"),
        ("https://", "there is no host after ://"),
        ("https://?x", "there is no host after ://"),
        ("https://ana:secret@hooks.example.com/", "leave out the name or password"),
        ("https://@hooks.example.com/", "leave out the name or password"),
        ("https://127.0.0.1@hooks.example.com/", "leave out the name or password"),
        ("https://hooks.example.com/#top", "leave out the #"),
        ("https://hooks.example.com:22/", "port 22 is not open: use 443 or 8443"),
        ("https://hooks.example.com:25/", "port 25 is not open"),
        ("https://hooks.example.com:6379/", "port 6379 is not open"),
        ("https://hooks.example.com:80/", "port 80 is not open"),
        ("https://hooks.example.com:0/", "port 0 is not open"),
        ("https://hooks.example.com:99999/", "invalid port number"),
        (" https://hooks.example.com/", "space or control character at byte 0"),
        ("https://hooks.example.com/a b", "space or control character at byte 27"),
        ("https://hooks.example.com/\r\nHost: x", "space or control character"),
        ("https://hooks.example.com/%0d\tx", "space or control character"),
        ("https://hooks.example.com\\@127.0.0.1/", "there is a backslash in it"),
        ("https://hooks.example.com/..\\x", "there is a backslash in it"),
        ("https://bücher.example/", "here it reads as xn--bcher-kva.example"),
        ("https://hooks%2eexample.com/", "here it reads as hooks.example.com"),
        ("https://hooks.example.com./", "here it reads as hooks.example.com"),
        ("https://0x08080404/", "write the address as 8.8.4.4"),
        ("https://8.8.1028/", "write the address as 8.8.4.4"),
        ("https://8.8.4.4./", "write the address as 8.8.4.4"),
        ("https://1.2.3.4.5/", "invalid IPv4 address"),
        ("https://hooks.example.com:443:443/", "invalid"),
        ("https://-/", "is a name inside of a network"),
        ("https://a..b/", "is no name of a host"),
        ("https://a!b.example/", "is no name of a host"),
        ("https://10.0.0.1/", "10.0.0.1 is a private address; the operator can open it"),
        ("https://db.internal/", "db.internal is a name inside of a network"),
        ("https://localhost/", "localhost is this machine; only a server started with"),
        (&long, "the URL is 2074 bytes long; 2048 are taken"),
    ] {
        assert!(refused(url).contains(told), "{url:?}: {}", refused(url));
    }
}

#[test]
fn what_is_in_order_is_taken_as_it_is_meant() {
    let (outgoing, _) = Network::answering("").start(Rules::default());
    for (url, read) in [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("https://hooks.example.com:443/a/../b?c=d%20e", "https://hooks.example.com/b?c=d%20e"),
        ("HTTPS://Hooks.Example.COM:8443/Path?Query", "https://hooks.example.com:8443/Path?Query"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://hooks.example.com/ü?ü", "https://hooks.example.com/%C3%BC?%C3%BC"),
        ("https://hooks.example.com/a@b:c", "https://hooks.example.com/a@b:c"),
        (
            "https://hooks.example.com?url=https://127.0.0.1/",
            "https://hooks.example.com/?url=https://127.0.0.1/",
        ),
        ("https://8.8.4.4/", "https://8.8.4.4/"),
        ("https://[2A00:1450::1]:8443/", "https://[2a00:1450::1]:8443/"),
    ] {
        assert_eq!(outgoing.check(url).unwrap().url(), read);
        // What was stored is read alike again.
        assert_eq!(outgoing.check(read).unwrap().url(), read);
    }
}

#[tokio::test(start_paused = true)]
async fn the_operator_opens_names_and_networks_and_no_more_than_those() {
    let rules = inside(&["hooks.internal", "*.corp.example", "10.1.2.0/24"]);
    let network = Network::answering("HTTP/1.1 204 No Content\r\n\r\n")
        .name("hooks.internal", &[&["192.168.7.7"]])
        .name("a.corp.example", &[&["fd12::7"]])
        .name("b.corp.example", &[&["169.254.169.254"]])
        .name("c.corp.example", &[&["127.0.0.1"]])
        .name("d.corp.example", &[&["8.8.4.4"]])
        .name("hooks.example.com", &[&["192.168.7.7"]])
        .name("e.example.com", &[&["10.1.2.9"]]);
    let (outgoing, network) = network.start(rules);
    for (url, told) in [
        ("http://hooks.internal/", None),
        ("http://HOOKS.internal/", None),
        ("http://a.corp.example/", None),
        ("http://10.1.2.3/", None),
        ("https://10.1.3.3/", Some("10.1.3.3 is a private address")),
        ("http://10.1.3.3/", Some("10.1.3.3 is a private address")),
        ("http://corp.example/", Some("use https")),
        ("http://evilcorp.example/", Some("use https")),
        ("http://hooks.internal.example/", Some("use https")),
        ("http://hooks.internal:8080/", Some("port 8080 is not open")),
        // A name opens private addresses; never a metadata service, this machine, or the public
        // internet without TLS.
        (
            "http://b.corp.example/",
            Some("leads to an address that is closed: it is where a cloud's"),
        ),
        (
            "http://c.corp.example/",
            Some("leads to an address that is closed: it is this machine itself"),
        ),
        (
            "http://d.corp.example/",
            Some("leads to an address that is closed: it is a public address"),
        ),
        (
            "https://hooks.example.com/",
            Some("leads to an address that is closed: it is a private address"),
        ),
    ] {
        let sent = post(&outgoing, url).await;
        match told {
            None => assert_eq!(sent.unwrap().status, 204, "{url}"),
            Some(told) => assert!(
                sent.as_ref().is_err_and(|failure| failure.to_string().contains(told)),
                "{url}: {sent:?}"
            ),
        }
    }
    let tried = ["192.168.7.7:80", "192.168.7.7:80", "[fd12::7]:80", "10.1.2.3:80"];
    assert_eq!(network.tried(), tried);
    // Whatever name leads into a named network; this one by TLS, which nobody speaks there.
    assert!(post(&outgoing, "https://e.example.com/").await.is_err());
    assert_eq!(network.tried().last().unwrap(), "10.1.2.9:443");
}

#[tokio::test(start_paused = true)]
async fn a_developers_server_reaches_its_own_machine_on_any_port_and_serve_does_not() {
    let network = || {
        Network::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .name("localhost", &[&["::1", "127.0.0.1"], &["10.0.0.1"]])
    };
    let (outgoing, network_at_home) = network().start(super::at_home());
    for url in ["http://localhost:3000/", "http://127.0.0.1:9/", "http://[::1]:65535/hook"] {
        assert_eq!(post(&outgoing, url).await.unwrap().status, 200, "{url}");
    }
    let led_astray = post(&outgoing, "http://localhost:3000/").await.unwrap_err();
    assert!(led_astray.to_string().contains("is another machine"), "{led_astray}");
    assert_eq!(network_at_home.tried(), ["[::1]:3000", "127.0.0.1:9", "[::1]:65535"]);
    assert!(matches!(outgoing.check("http://127.1:9/"), Err(Forbidden::Spelling(_))));
    assert!(outgoing.check("http://10.0.0.1:3000/").is_err());
    assert!(outgoing.check("http://hooks.example.com:3000/").is_err());

    let (outgoing, network) = network().start(Rules::default());
    for url in ["http://localhost:3000/", "http://127.0.0.1:9/", "https://[::1]/hook"] {
        assert!(post(&outgoing, url).await.is_err(), "{url}");
    }
    assert_eq!(network.tried(), [""; 0]);
}
