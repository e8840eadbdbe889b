//! Names whose addresses change, differ, or do not come: only what was judged is connected to.

use std::sync::Arc;

use super::super::wire::Wire;
use super::super::{BOUNDS, Doing, Failure, Outgoing, Rules};
use super::{Network, PUBLIC, inside, post};

const URL: &str = "http://hooks.example.com/";

/// Under which the name may lead inside, so that TLS is not in the way of these stories.
fn rules() -> Rules {
    inside(&["hooks.example.com"])
}

fn ok() -> Network {
    Network::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn a_name_is_looked_up_once_and_that_answer_is_connected_to() {
    // A resolver that gives a good address to whoever checks, and another to whoever connects.
    let turns: &[&[&str]] = &[&["10.0.0.8"], &["127.0.0.1"], &["169.254.169.254"]];
    let (outgoing, network) = ok().name("hooks.example.com", turns).start(rules());
    let target = outgoing.check(URL).unwrap();
    assert_eq!(network.asked(), [""; 0], "a check that looks up proves nothing for later");
    let send =
        || outgoing.send(&target, hyper::Method::GET, Default::default(), Default::default());
    assert_eq!(send().await.unwrap().status, 200);
    assert_eq!((network.asked().len(), network.tried()), (1, vec!["10.0.0.8:80".to_owned()]));
    for _ in 0..2 {
        let failure = send().await.unwrap_err();
        assert!(matches!(failure, Failure::Closed { .. }), "{failure}");
    }
    assert_eq!((network.asked().len(), network.tried().len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn of_a_mixed_answer_nothing_is_connected_to() {
    for mixed in [
        &["10.0.0.8", "127.0.0.1"][..],
        &["127.0.0.1", "10.0.0.8"],
        &["10.0.0.8", "10.0.0.9", "fd12::1", "10.0.0.7", "10.0.0.6", "169.254.169.254"],
        &["10.0.0.8", "::ffff:10.0.0.8"],
    ] {
        let (outgoing, network) = ok().name("hooks.example.com", &[mixed]).start(rules());
        let failure = post(&outgoing, URL).await.unwrap_err();
        assert!(matches!(failure, Failure::Closed { .. }), "{failure}");
        assert_eq!(network.tried(), [""; 0], "{mixed:?}");
    }
    let (outgoing, network) =
        ok().name("hooks.example.com", &[&[PUBLIC, "10.0.0.1"]]).start(Rules::default());
    let failure = post(&outgoing, "https://hooks.example.com/").await.unwrap_err().to_string();
    assert!(
        failure.contains("leads to an address that is closed: it is a private address"),
        "{failure}"
    );
    assert_eq!(network.tried(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_answer_is_passed_over() {
    let mut network = ok().name("hooks.example.com", &[&["10.0.0.1", "10.0.0.2", "10.0.0.3"]]);
    network.silent = vec!["10.0.0.1".parse().unwrap()];
    let (outgoing, network) = network.start(rules());
    let answer = post(&outgoing, URL).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.took), (200, BOUNDS.connect));
    assert_eq!(network.tried(), ["10.0.0.1:80", "10.0.0.2:80"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_never_reached_takes_no_longer_than_ten_seconds() {
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
    let mut network = ok().name("hooks.example.com", &[&addresses]);
    network.silent = addresses.map(|address| address.parse().unwrap()).into();
    let (outgoing, network) = network.start(rules());
    let began = tokio::time::Instant::now();
    let failure = post(&outgoing, URL).await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut(Doing::Connecting)), "{failure}");
    assert_eq!(began.elapsed().as_secs(), 10);
    assert_eq!(network.tried().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_resolve_is_told_so() {
    let (outgoing, network) = ok().name("hooks.example.com", &[&[]]).start(Rules::default());
    let failure = post(&outgoing, "https://nowhere.example.com/").await.unwrap_err().to_string();
    let told =
        "nowhere.example.com does not resolve (no such name); is it spelled as it should be?";
    assert_eq!(failure, told);
    let failure = post(&outgoing, "https://hooks.example.com/").await.unwrap_err().to_string();
    assert!(failure.contains("(it has no address)"), "{failure}");
    assert_eq!(network.tried(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_never_answers_is_not_waited_for() {
    struct Mute(Network);
    impl Wire for Mute {
        fn addresses(
            &self,
            _: &str,
        ) -> super::BoxFuture<'static, std::io::Result<Vec<std::net::IpAddr>>> {
            Box::pin(std::future::pending())
        }
        fn connect(
            &self,
            to: super::Permitted,
        ) -> super::BoxFuture<'static, std::io::Result<Box<dyn super::Stream>>> {
            self.0.connect(to)
        }
    }
    let trust = super::Trust::of(Vec::new()).unwrap();
    let outgoing = Outgoing::over(rules(), trust, Arc::new(Mute(ok())), BOUNDS);
    let began = tokio::time::Instant::now();
    let failure = post(&outgoing, URL).await.unwrap_err();
    assert!(matches!(failure, Failure::TimedOut(Doing::LookingUp)), "{failure}");
    assert_eq!(began.elapsed(), BOUNDS.total);
}
