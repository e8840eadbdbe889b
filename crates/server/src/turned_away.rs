//! What a connection is told that the server has no room for: a problem document and when to come
//! back, without looking at what it wants.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a client has to ask and to take the answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most that are told at a time; others are only hung up on.
pub const MOST: usize = 256;

const BODY: &str = concat!(
    r#"{"type":"urn:askfirst:problem:limit","title":"Over a limit","status":503,"#,
    r#""detail":"this server has as many connections as it takes; try again soon","#,
    r#""instance":"urn:askfirst:request:none","limit":{"name":"connections","of":"server"}}"#,
);

/// Says so and hangs up.
pub async fn tell(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nretry-after: 5\r\ncache-control: no-store\r\nconnection: close\r\n\
         \r\n{BODY}",
        BODY.len()
    );
    let told = async {
        let mut rest = [0; 1024];
        // An answer that comes before its request is none to most clients.
        if stream.read(&mut rest).await? == 0 {
            return Ok(());
        }
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Hanging up on what is not read yet would take the answer back.
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _whatever_they_do = tokio::time::timeout(PATIENCE, told).await;
}
