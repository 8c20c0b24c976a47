//! Text tables as Go's `text/tabwriter` prints them, which kubectl and docker use.

/// Lay out rows: each cell but the last of a row is padded to the width of its column plus
/// `padding`, and to at least `min_width`. A column block ends where a row has no such cell, as in
/// the original; widths count characters.
#[must_use]
pub fn tabwriter(rows: &[Vec<String>], min_width: usize, padding: usize) -> String {
    let mut widths: Vec<Vec<usize>> = rows.iter().map(|row| vec![0; row.len()]).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    for column in 0..columns {
        let mut start = 0;
        while start < rows.len() {
            // A block is a run of rows that have this cell and a further one after it.
            let has = |row: &Vec<String>| row.len() > column + 1;
            if !rows.get(start).is_some_and(has) {
                start += 1;
                continue;
            }
            let len = rows.iter().skip(start).take_while(|row| has(row)).count();
            let block = rows.iter().skip(start).take(len);
            let widest = block
                .filter_map(|row| row.get(column))
                .map(|c| c.chars().count())
                .max()
                .unwrap_or(0);
            let width = (widest + padding).max(min_width);
            for row in widths.iter_mut().skip(start).take(len) {
                if let Some(slot) = row.get_mut(column) {
                    *slot = width;
                }
            }
            start += len;
        }
    }
    let mut out = String::new();
    for (row, widths) in rows.iter().zip(&widths) {
        for (cell, width) in row.iter().zip(widths) {
            out.push_str(cell);
            let pad = width.saturating_sub(cell.chars().count());
            out.extend(std::iter::repeat_n(' ', pad));
        }
        out.push('\n');
    }
    out
}

/// Rows from tab-separated lines.
#[must_use]
pub fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_table() {
        let text = tabwriter(&rows("NAME\tREADY\tAGE\nweb-1\t1/1\t3s"), 6, 3);
        assert_eq!(text, "NAME    READY   AGE\nweb-1   1/1     3s\n");
    }
}
