//! Tables for spreadsheets (RFC 4180). What a viewer typed must not run there: a cell that would be taken for a formula begins with `'`.

use std::fmt::Write;

/// Tells spreadsheets that what follows is UTF-8; without it they guess, and mostly wrong.
pub const BEGIN: &str = "\u{feff}";

/// A line of a table.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (index, cell) in cells.into_iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let defused = if is_formula(cell) { "'" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(line, "{separator}\"{defused}{}\"", cell.replace('"', "\"\""));
    }
    line.push_str("\r\n");
    line
}

/// Whether a spreadsheet would run a cell: those who read it take off blanks, some take the wide forms of the signs for the signs.
fn is_formula(cell: &str) -> bool {
    let first = cell.trim_start_matches([' ', '\u{a0}', '"', '\'']).chars().next();
    first.is_some_and(|first| matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '|' | '%' | '＝' | '＋' | '－' | '＠'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cells_are_quoted_and_formulas_defused() {
        assert_eq!(line(["a", "b \"c\", d", ""]), "\"a\",\"b \"\"c\"\", d\",\"\"\r\n");
        for formula in ["=1+1", "+919845012345", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\"=1", "＝1+1", "|cmd"] {
            assert!(line([formula]).starts_with("\"'"), "{formula}");
        }
        assert_eq!(line(["two\nlines"]), "\"two\nlines\"\r\n");
    }

    proptest! {
        #[test]
        fn no_cell_begins_like_a_formula(cells in proptest::collection::vec("[=+@\\-\t\r a\",'\n]{0,6}", 1..4)) {
            let made = line(cells.iter().map(String::as_str));
            // Cut at the quotes that stand alone.
            let inner = made.trim_end_matches("\r\n").replace("\"\"", "\u{1}");
            for cell in inner.split('"').skip(1).step_by(2) {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
            }
        }
    }
}
