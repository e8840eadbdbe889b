//! Comma-separated values, RFC 4180. Spreadsheets calculate what looks like a formula; such cells
//! get an apostrophe in front, which they show as text.

/// Writes one row.
pub(super) fn row<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        self::cell(out, cell);
    }
    out.extend_from_slice(b"\r\n");
}

fn cell(out: &mut Vec<u8>, text: &str) {
    let armed = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = armed || text.contains([',', '"', '\r', '\n']);
    if quoted {
        out.push(b'"');
    }
    if armed {
        out.push(b'\'');
    }
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    if quoted {
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> String {
        let mut out = Vec::new();
        row(&mut out, cells.iter().copied());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(written(&["a", "", "1 2"]), "a,,1 2\r\n");
        assert_eq!(
            written(&["a,b", "say \"hi\"", "x\r\ny"]),
            "\"a,b\",\"say \"\"hi\"\"\",\"x\r\ny\"\r\n"
        );
        assert_eq!(written(&["{\"a\":1}"]), "\"{\"\"a\"\":1}\"\r\n");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"] {
            assert_eq!(written(&[bad]), format!("\"'{bad}\"\r\n"), "{bad}");
        }
        // A quote does not bring one back.
        assert_eq!(written(&["=\"\",=1"]), "\"'=\"\"\"\",=1\"\r\n");
    }
}
