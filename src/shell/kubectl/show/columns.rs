//! `-o custom-columns=NAME:.metadata.name,…`.

use serde_json::Value;

use super::jsonpath::{Template, shown};
use crate::base::table::tabwriter;

/// The columns that a specification names.
#[derive(Clone, Debug)]
pub(crate) struct Columns(Vec<(String, Template)>);

impl Columns {
    /// Read `NAME:.metadata.name,IMAGE:.spec.containers[0].image`.
    pub(crate) fn parse(spec: &str) -> Result<Self, String> {
        if spec.is_empty() {
            return Err("custom-columns format specified but no custom columns given".to_owned());
        }
        let mut columns = Vec::new();
        for part in parts(spec) {
            let Some((head, path)) = part.split_once(':') else {
                return Err(format!(
                    "unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
                ));
            };
            columns.push((head.to_owned(), Template::relaxed(path)?));
        }
        Ok(Self(columns))
    }

    /// The table.
    pub(crate) fn print(&self, objects: &[Value], heads: bool) -> Result<String, String> {
        let mut rows = Vec::new();
        if heads {
            rows.push(self.0.iter().map(|(head, _)| head.clone()).collect());
        }
        for object in objects {
            let mut row = Vec::new();
            for (_, path) in &self.0 {
                let found: Vec<String> =
                    path.find(object).unwrap_or_default().into_iter().map(shown).collect();
                row.push(if found.is_empty() { "<none>".to_owned() } else { found.join(",") });
            }
            rows.push(row);
        }
        Ok(tabwriter(&rows, 6, 3))
    }
}

/// Split at commas that stand in no bracket.
fn parts(spec: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in spec.chars() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(last) if c != ',' || depth > 0 => last.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_of_paths() {
        let pods = [
            json!({"metadata": {"name": "a"}, "spec": {"containers": [{"image": "nginx:1"}]}}),
            json!({"metadata": {"name": "bb"}, "spec": {"containers": []}}),
        ];
        let columns = Columns::parse("N:.metadata.name,I:.spec.containers[0].image").unwrap();
        assert_eq!(columns.print(&pods, true).unwrap(), "N     I\na     nginx:1\nbb    <none>\n");
        assert!(Columns::parse("N").is_err());
    }
}
