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

macro_rules! picture {
    ($path:literal, $stem:literal, $suffix:literal) => {{
        let picture = include_bytes!(concat!("../../../../", $path));
        ($path, Asset::new($stem, $suffix, concat!("image/", $suffix), picture))
    }};
}

/// The pictures in documents, each by where it is in the repository.
static PICTURES: LazyLock<[(&str, Asset); 8]> = LazyLock::new(|| {
    [
        picture!("docs/images/approval.png", "approval", "png"),
        picture!("docs/images/telegram/linked.webp", "telegram-linked", "webp"),
        picture!("docs/images/telegram/asked.webp", "telegram-asked", "webp"),
        picture!("docs/images/telegram/so-far.webp", "telegram-so-far", "webp"),
        picture!("docs/images/telegram/too-long.webp", "telegram-too-long", "webp"),
        picture!("docs/images/telegram/approved.webp", "telegram-approved", "webp"),
        picture!("docs/images/telegram/taken-back.webp", "telegram-taken-back", "webp"),
        picture!("docs/images/telegram/reported.webp", "telegram-reported", "webp"),
    ]
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

/// Where a picture of the repository is served; none if it is not.
pub(super) fn picture(path: &str) -> Option<&'static str> {
    let (_, asset) = PICTURES.iter().find(|(known, _)| *known == path)?;
    Some(&asset.path)
}

/// One embedded file, by its full name only.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let pictures = PICTURES.iter().map(|(_, asset)| asset);
    let mut known = [&*STYLE, &*SCRIPT, &*ICON].into_iter().chain(pictures);
    let asset = known.find(|asset| asset.path.strip_prefix("/assets/") == Some(&name));
    let Some(asset) = asset else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.body).into_response()
}
