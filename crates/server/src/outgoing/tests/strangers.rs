//! What strangers may have sent: nothing of what the operator opened for users is open to them, not
//! even where it was named when it still could be.

use std::sync::Arc;

use askfirst_core::{DeliveryId, WebhookId};
use askfirst_proof::SealingKey;
use askfirst_store::SealedSecrets;

use super::{Network, Rules, inside};
use crate::dialects::Parcel;
use crate::service::webhooks::Sender;

fn ok() -> Network {
    Network::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_opened_inside_is_not_connected_to_for_strangers() {
    let opened = ["hooks.example.com", "10.0.0.0/8", "8.8.4.4"];
    for (url, leads) in [
        ("https://hooks.example.com/", "10.0.0.8"),
        ("https://other.example.com/", "10.0.0.8"),
        ("https://hooks.example.com/", "192.168.0.8"),
        ("https://hooks.example.com:9000/", "8.8.4.4"),
        ("http://hooks.example.com/", "8.8.4.4"),
        ("http://10.0.0.8/", "10.0.0.8"),
    ] {
        let rules = Rules { allowed_ports: vec![9000], ..inside(&opened) };
        let network = ok().name("hooks.example.com", &[&[leads]]);
        let (outgoing, network) = network.name("other.example.com", &[&[leads]]).start(rules);
        let sender = Sender::new(outgoing, Arc::new(SealingKey::generate().unwrap()));
        let webhook = WebhookId::from_bits(1);
        let (_, newest) = sender.mint(webhook).unwrap();
        let secrets = SealedSecrets { newest, older: None };
        let at = askfirst_core::Timestamp::from_seconds(1_000);
        let parcel = Parcel { id: DeliveryId::from_bits(2), body: "{}".into(), at };
        let send = async |hosts: &[String]| {
            let sender = sender.toward(hosts);
            sender.send(webhook, url, &secrets, &parcel, |_| Default::default()).await
        };
        send(&["*".into()]).await.unwrap_err();
        assert_eq!(network.tried(), [""; 0], "{url} at {leads}");
        let _ = send(&["hooks.example.com".into()]).await;
        assert_eq!(network.tried().len(), 1, "for others {url} at {leads} is open");
    }
}
