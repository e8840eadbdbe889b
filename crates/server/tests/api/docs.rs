//! The documentation: for everyone who can reach the server, the same for all, and never a page
//! that is not there without a way on.

use hyper::Method;

use crate::support::{Answer, TestServer};

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.to_vec()).unwrap()
}

#[tokio::test]
async fn documents_are_read_without_signing_in_and_kept_for_a_while() {
    let server = TestServer::start().await;
    let stranger = server.stranger();
    let list = stranger.get("/docs").await;
    assert_eq!(list.status, 200);
    let links: Vec<_> = text(&list)
        .split("href=\"/docs/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert!(links.len() >= 8, "{links:?}");
    for name in links {
        let page = stranger.get(format!("/docs/{name}")).await;
        assert_eq!(page.status, 200, "{name}");
        assert_eq!(page.header("cache-control"), "public, max-age=300", "{name}");
        assert!(!text(&page).contains("<!--"), "{name}");
        let again = stranger
            .call(Method::GET, format!("/docs/{name}"))
            .header("if-none-match", page.header("etag"))
            .send()
            .await;
        assert_eq!((again.status, text(&again).len()), (304, 0), "{name}");
    }
    let written = stranger.get("/docs/guide.md").await;
    assert_eq!(written.header("content-type"), "text/markdown; charset=utf-8");
    assert_eq!(text(&written), include_str!("../../../../docs/guide.md"));
}

#[tokio::test]
async fn a_document_that_is_not_there_is_told_with_those_that_are() {
    let server = TestServer::start().await;
    for name in ["nothing", "reference.md", "..%2f..%2fetc%2fpasswd", "%3Cscript%3E", "guide.MD"] {
        let page = server.stranger().get(format!("/docs/{name}")).await;
        assert_eq!(page.status, 404, "{name}");
        let text = text(&page);
        assert!(text.contains("No such document") && text.contains("/docs/guide"), "{name}");
        assert!(!text.contains("passwd") && !text.contains("script>"), "{name}");
        assert_eq!(page.header("cache-control"), "no-store");
    }
}
