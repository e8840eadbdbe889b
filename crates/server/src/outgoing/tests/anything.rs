//! Whatever somebody gives as a URL, and wherever its name leads: a connection is only ever tried
//! to an address of the public internet, on a port for webhooks. What that is, is said here a
//! second time and in another way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::Rules;
use super::{Network, at_home, post};

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let tests = a == 198 && (b == 18 || b == 19);
            let protocols = a == 192 && b == 0 && c == 0;
            let azure = address == Ipv4Addr::new(168, 63, 129, 16);
            !(a == 0
                || a >= 224
                || shared
                || tests
                || protocols
                || azure
                || address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_documentation())
        }
        IpAddr::V6(address) => {
            let [a, b, _, _, e, f, ..] = address.segments();
            let protocols = a == 0x2001 && b < 0x200;
            let isatap = f == 0x5efe && (e == 0 || e == 0x200);
            (0x2000..0x3ffe).contains(&a)
                && a != 0x2002
                && (a, b) != (0x2001, 0xdb8)
                && !protocols
                && !isatap
        }
    }
}

/// Ends of networks are where mistakes are.
fn v4() -> impl Strategy<Value = Ipv4Addr> {
    let edge = prop::sample::select(vec![
        "0.0.0.0",
        "1.0.0.0",
        "9.255.255.255",
        "10.0.0.0",
        "100.63.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "100.128.0.0",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.15.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "172.32.0.0",
        "192.0.0.255",
        "192.168.0.0",
        "198.17.255.255",
        "198.18.0.0",
        "203.0.113.0",
        "223.255.255.255",
        "224.0.0.0",
        "255.255.255.255",
    ]);
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from), edge.prop_map(|text| text.parse().unwrap()),]
}

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    let prefix = prop::sample::select(vec![
        "::",
        "::ffff:0:0",
        "::ffff:0:0:0",
        "64:ff9b::",
        "64:ff9b:1::",
        "2001::",
        "2002::",
        "2001:db8::",
        "fc00::",
        "fe80::",
        "fec0::",
        "ff02::",
        "fd00:ec2::",
        "2600::",
        "2a00:1450::",
        "2600::5efe:0:0",
        "3fff::",
        "4000::",
    ]);
    prop_oneof![
        any::<u128>().prop_map(Ipv6Addr::from),
        (prefix, v4()).prop_map(|(prefix, inner)| {
            let prefix: Ipv6Addr = prefix.parse().unwrap();
            Ipv6Addr::from(u128::from(prefix) | u128::from(u32::from(inner)))
        }),
        (any::<u32>()).prop_map(|low| Ipv6Addr::from((0x2600_u128 << 112) | u128::from(low))),
    ]
}

/// An address in some spelling that some reader takes.
fn spelled() -> impl Strategy<Value = String> {
    let four = (v4(), 0..9_u8).prop_map(|(address, way)| {
        let [a, b, c, d] = address.octets();
        let all = u32::from(address);
        match way {
            0 => format!("{all}"),
            1 => format!("0x{all:x}"),
            2 => format!("0{all:o}"),
            3 => format!("0x{a:x}.0{b:o}.{c}.{d}"),
            4 => format!("{a}.{}", all & 0x00ff_ffff),
            5 => format!("{a}.{b}.{}", all & 0xffff),
            6 => format!("{address}."),
            7 => address.to_string().chars().map(wide).collect(),
            _ => address.to_string(),
        }
    });
    let six = (v6(), any::<bool>()).prop_map(|(address, long)| match long {
        true => {
            let parts = address.segments().map(|part| format!("{part:04X}"));
            format!("[{}]", parts.join(":"))
        }
        false => format!("[{address}]"),
    });
    prop_oneof![four, six]
}

fn wide(c: char) -> char {
    match c {
        '0'..='9' => char::from_u32(u32::from(c) - u32::from('0') + u32::from('０')).unwrap(),
        '.' => '。',
        other => other,
    }
}

fn urls() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        3 => spelled(),
        4 => Just("hooks.example.com".to_owned()),
        1 => Just("localhost".to_owned()),
        1 => "[a-z0-9.%\\[\\]:_-]{1,20}",
    ];
    let scheme = prop_oneof![8 => Just("https"), 2 => Just("http"), 1 => Just("ftp")];
    let user = prop_oneof![8 => Just(""), 1 => Just("a:b@"), 1 => Just("8.8.8.8@")];
    let port = prop_oneof![
        6 => Just(String::new()),
        2 => Just(":8443".to_owned()),
        1 => (0..70_000_u32).prop_map(|port| format!(":{port}")),
    ];
    let path = prop_oneof![3 => Just("/hook"), 1 => Just("?u=https://10.0.0.1/"), 1 => Just("")];
    let grammar = (scheme, user, host, port, path).prop_map(|(scheme, user, host, port, path)| {
        format!("{scheme}://{user}{host}{port}{path}")
    });
    prop_oneof![9 => grammar, 1 => any::<String>()]
}

fn told(found: &[Vec<IpAddr>]) -> Vec<Vec<String>> {
    found.iter().map(|turn| turn.iter().map(ToString::to_string).collect()).collect()
}

#[test]
fn whatever_the_url_only_public_addresses_are_ever_connected_to() {
    let address = || prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)];
    let turns = prop::collection::vec(prop::collection::vec(address(), 1..4), 1..3);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap();
    let connected = AtomicUsize::new(0);
    let mut runner = TestRunner::new(Config { cases: 4000, ..Config::default() });
    let ran = runner.run(&(urls(), turns, any::<bool>()), |(url, turns, home)| {
        let turns = told(&turns);
        let turns: Vec<Vec<&str>> =
            turns.iter().map(|turn| turn.iter().map(String::as_str).collect()).collect();
        let turns: Vec<&[&str]> = turns.iter().map(Vec::as_slice).collect();
        let network =
            Network::of(|_| async {}).name("hooks.example.com", &turns).name("localhost", &turns);
        let rules = if home { at_home() } else { Rules::default() };
        let (outgoing, network) = network.start(rules);
        runtime.block_on(async {
            // Twice, as a name may lead elsewhere the second time.
            for _ in 0..2 {
                let _ = post(&outgoing, &url).await;
            }
        });
        let tried: Vec<SocketAddr> = network.tried.lock().unwrap().clone();
        for at in tried {
            connected.fetch_add(1, Ordering::Relaxed);
            let public = is_public(at.ip()) && [443, 8443].contains(&at.port());
            let here = home && at.ip().is_loopback();
            prop_assert!(public || here, "{url:?} led to {at}");
        }
        Ok(())
    });
    ran.unwrap();
    // Or this would show nothing.
    assert!(connected.into_inner() > 500);
}
