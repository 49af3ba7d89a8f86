//! A bar of eighths of a column.

const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of this many columns, filled to `part` (0 to 1); `empty` fills the rest.
pub fn bar(part: f64, columns: usize, empty: char) -> String {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let eighths = (part * columns as f64 * 8.0).round() as usize;
    let (whole, rest) = (eighths / 8, eighths % 8);
    let mut text = "█".repeat(whole);
    if rest > 0 {
        text.push(EIGHTHS[rest]);
    }
    let used = whole + usize::from(rest > 0);
    text.extend(std::iter::repeat_n(empty, columns.saturating_sub(used)));
    text
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn fills_its_columns_and_no_more() {
        assert_eq!(bar(0.5, 4, '·'), "██··");
        assert_eq!(bar(0.28, 4, ' '), "█▏  ");
        assert_eq!(bar(7.0, 3, ' '), "███");
        for part in [f64::NAN, -1.0, 0.0] {
            assert_eq!(bar(part, 3, '·'), "···");
        }
        assert_eq!(bar(0.5, 0, '·'), "");
    }
}
