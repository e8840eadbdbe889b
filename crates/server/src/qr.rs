//! QR codes of our own links, for a camera: as lines for a terminal, and as a path for SVG.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

/// The light border that a camera needs, in modules; the standard's own measure.
const QUIET: usize = 4;

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
    fn what_no_code_can_hold_has_none() {
        assert!(Qr::of(&"x".repeat(4_000)).is_none());
    }
}
