//! QR codes of our own links, for a camera: as lines for a terminal, as a path for SVG, and as a
//! picture.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// The light border that a camera needs, in modules; the standard's own measure.
const QUIET: usize = 4;
/// Pixels of the picture for one module.
const PIXELS: usize = 8;
/// How hard the picture is packed.
const TIGHT: u8 = 8;

/// A square of dark and light modules, with its border.
pub struct Qr {
    side: usize,
    dark: Vec<bool>,
}

impl Qr {
    /// The code of a text; none if it is longer than a code can hold, about 2,300 bytes.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Some(Self { side: code.width(), dark })
    }

    /// How many modules wide and high it is, with its border.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.side + 2 * QUIET
    }

    /// Whether the module in this column and row is dark; the border is not, nor what is beyond.
    fn is_dark(&self, column: usize, row: usize) -> bool {
        let inside = |place: usize| place.checked_sub(QUIET).filter(|place| *place < self.side);
        let (Some(column), Some(row)) = (inside(column), inside(row)) else { return false };
        self.dark[row * self.side + column]
    }

    /// Lines of half blocks, two modules above each other in one character. What is light is drawn,
    /// so it reads right where letters are lighter than what is behind them.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let block = |column, row| match (self.is_dark(column, row), self.is_dark(column, row + 1)) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        };
        let line = |row| (0..self.width()).map(|column| block(column, row)).collect();
        (0..self.width()).step_by(2).map(line).collect()
    }

    /// The dark modules as the `d` of an SVG path, one unit each, in a box of [`Self::width`].
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::new();
        for row in 0..self.width() {
            let mut column = 0;
            while column < self.width() {
                let run = (column..self.width()).take_while(|at| self.is_dark(*at, row)).count();
                if run > 0 {
                    let _ = write!(path, "M{column} {row}h{run}v1h-{run}z");
                }
                column += run.max(1);
            }
        }
        path
    }

    /// A PNG in black and white, 8 pixels for each module. Source: RFC 2083.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        let side = self.width() * PIXELS;
        let mut rows = Vec::with_capacity(side * (side.div_ceil(8) + 1));
        for y in 0..side {
            // Nothing of the row before is made use of.
            rows.push(0);
            for byte in 0..side.div_ceil(8) {
                let light = |bit: &usize| !self.is_dark((8 * byte + bit) / PIXELS, y / PIXELS);
                rows.push((0..8).filter(light).fold(0, |bits, bit| bits | 0x80 >> bit));
            }
        }
        let side = u32::try_from(side).unwrap_or(u32::MAX).to_be_bytes();
        // One bit of grey for each pixel, with the one kind of packing, filters and order there is.
        let head = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        chunk(&mut png, *b"IHDR", &head);
        chunk(&mut png, *b"IDAT", &miniz_oxide::deflate::compress_to_vec_zlib(&rows, TIGHT));
        chunk(&mut png, *b"IEND", &[]);
        png
    }
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    png.extend(length.to_be_bytes());
    let from = png.len();
    png.extend(kind);
    png.extend(data);
    let check = checksum(&png[from..]);
    png.extend(check.to_be_bytes());
}

/// CRC-32 as PNG has it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |rest: u32| if rest & 1 == 1 { rest >> 1 ^ 0xedb8_8320 } else { rest >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |rest, byte| (0..8).fold(rest ^ u32::from(*byte), |rest, _| step(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_eyes_and_a_border() {
        let qr = Qr::of("https://t.me/deploy_bot?start=AAEhBOweik6ad9r_QXMENQjcrGbqCr4K").unwrap();
        let last = qr.width() - QUIET - 1;
        for (column, row) in [(QUIET, QUIET), (last, QUIET), (QUIET, last)] {
            assert!(qr.is_dark(column, row), "{column} {row}");
        }
        assert!((0..qr.width()).all(|at| !qr.is_dark(at, QUIET - 1) && !qr.is_dark(at, last + 1)));
        let lines = qr.lines();
        assert_eq!(lines.len(), qr.width().div_ceil(2));
        assert!(lines.iter().all(|line| line.chars().count() == qr.width()));
        assert_eq!(lines[0], "█".repeat(qr.width()));
    }

    #[test]
    fn the_path_covers_exactly_what_is_dark() {
        let qr = Qr::of("askfirst").unwrap();
        let dark = (0..qr.width() * qr.width())
            .filter(|at| qr.is_dark(at % qr.width(), at / qr.width()))
            .count();
        let path = qr.path();
        let runs = path.split('h').skip(1).step_by(2);
        let covered: usize =
            runs.map(|run| run.split('v').next().unwrap().parse::<usize>().unwrap()).sum();
        assert_eq!(covered, dark);
        assert!(path.bytes().all(|byte| byte.is_ascii_digit() || b"Mhvz- ".contains(&byte)));
    }

    #[test]
    fn the_picture_is_a_png_of_the_same_modules() {
        let qr = Qr::of("askfirst").unwrap();
        let png = qr.png();
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926, "the check value of CRC-32");
        let side = qr.width() * PIXELS;
        assert_eq!(png[16..24], [u32::try_from(side).unwrap().to_be_bytes(); 2].concat());
        let length = u32::from_be_bytes(png[33..37].try_into().unwrap()) as usize;
        assert_eq!(&png[37..41], b"IDAT");
        let rows = miniz_oxide::inflate::decompress_to_vec_zlib(&png[41..41 + length]).unwrap();
        let stride = side.div_ceil(8) + 1;
        assert_eq!(rows.len(), side * stride);
        for (y, row) in rows.chunks(stride).enumerate() {
            for x in 0..side {
                let light = row[1 + x / 8] & 0x80 >> (x % 8) != 0;
                assert_eq!(light, !qr.is_dark(x / PIXELS, y / PIXELS), "{x} {y}");
            }
        }
        assert!(png.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }

    #[test]
    fn what_no_code_can_hold_has_none() {
        assert!(Qr::of(&"x".repeat(4_000)).is_none());
    }
}
