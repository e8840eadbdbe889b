//! Style, script and images: embedded in the binary, served under names that carry their hash, so
//! that browsers may keep them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One embedded file.
struct Asset {
    path: String,
    kind: &'static str,
    body: &'static [u8],
}

impl Asset {
    fn new(stem: &str, suffix: &str, kind: &'static str, body: &'static [u8]) -> Self {
        let hash = askfirst_proof::text_digest(body);
        let hash: String = hash.as_bytes().iter().take(8).map(|b| format!("{b:02x}")).collect();
        Self { path: format!("/assets/{stem}.{hash}.{suffix}"), kind, body }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css"))
});
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let kind = "text/javascript; charset=utf-8";
    Asset::new("live", "js", kind, include_bytes!("../../assets/live.js"))
});
static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg"))
});

static PICTURE: LazyLock<Asset> = LazyLock::new(|| {
    let picture = include_bytes!("../../../../docs/images/approval.png");
    Asset::new("approval", "png", "image/png", picture)
});

/// Where the style sheet is.
pub(super) fn style() -> &'static str {
    &STYLE.path
}

/// Where the script is.
pub(super) fn script() -> &'static str {
    &SCRIPT.path
}

/// Where the icon is.
pub(super) fn icon() -> &'static str {
    &ICON.path
}

/// Where the picture of a question is.
pub(super) fn picture() -> &'static str {
    &PICTURE.path
}

/// One embedded file, by its full name only.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let known = [&*STYLE, &*SCRIPT, &*ICON, &*PICTURE];
    let asset = known.into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&name));
    let Some(asset) = asset else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.body).into_response()
}
