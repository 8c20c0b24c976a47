//! `--format`: tables, templates and JSON of lists (docker/cli `cli/command/formatter`).

use std::collections::BTreeMap;

use crate::base::gotemplate::{MissingKey, Template, Value};
use crate::base::table::tabwriter;

/// Least width of a column and blanks between columns (`formatter.Context.postFormat`).
const MIN_WIDTH: usize = 10;
const PADDING: usize = 3;

/// A list to print.
pub(crate) struct List<'a> {
    /// Go's type of an entry, for errors.
    pub(crate) type_name: &'a str,
    /// Headings by field.
    pub(crate) headings: &'a [(&'a str, &'a str)],
    /// The template of the default table, without `table `.
    pub(crate) default_table: &'a str,
    /// The template of `raw`; empty if there is none.
    pub(crate) raw: &'a str,
    /// The field of `-q`.
    pub(crate) quiet_field: &'a str,
}

impl List<'_> {
    /// `docker ps` tries its template on nothing before it uses it.
    pub(crate) fn check(&self, format: &str) -> Result<(), String> {
        if matches!(format, "" | "table" | "json" | "raw") {
            return Ok(());
        }
        let body = format.strip_prefix("table").unwrap_or(format);
        let template =
            Template::parse("", body).map_err(|e| format!("failed to parse template: {e}"))?;
        let empty = |(field, _): &(&str, &str)| ((*field).to_owned(), Value::from(""));
        let mut fields: Vec<(String, Value)> = self.headings.iter().map(empty).collect();
        fields.push(("(Label)".to_owned(), Value::Map(BTreeMap::new())));
        let type_name = format!("type {}", self.type_name);
        match template.execute(&Value::Struct(fields), MissingKey::Error) {
            Err(error) if error.contains("can't evaluate field") => Err(format!(
                "failed to execute template: {}",
                error.replace("type struct", &type_name)
            )),
            _ => Ok(()),
        }
    }

    /// Print entries. `format` is that of `--format`, or empty.
    pub(crate) fn print(
        &self,
        format: &str,
        quiet: bool,
        entries: &[BTreeMap<String, Value>],
    ) -> Result<String, String> {
        let table = format!("table {}", self.default_table);
        let format = match format {
            "" | "table" if quiet => format!("{{{{.{}}}}}", self.quiet_field),
            "" | "table" => table,
            "json" => "{{json .}}".to_owned(),
            "raw" if !self.raw.is_empty() => self.raw.to_owned(),
            other => other.to_owned(),
        };
        let (is_table, body) = match format.strip_prefix("table") {
            Some(rest) => (true, rest.trim()),
            None => (false, format.as_str()),
        };
        let body = body.replace("\\t", "\t").replace("\\n", "\n");
        let template =
            Template::parse("", &body).map_err(|e| format!("template parsing error: {e}"))?;
        let mut text = String::new();
        if is_table {
            let header: BTreeMap<String, Value> = self
                .headings
                .iter()
                .map(|(field, heading)| ((*field).to_owned(), Value::from(*heading)))
                .collect();
            let header = Value::Struct(header.into_iter().collect());
            let line = template.execute(&header, MissingKey::Error);
            text.push_str(&line.map_err(|e| self.explain(&e))?);
            text.push('\n');
        }
        for entry in entries {
            let value = Value::Struct(entry.clone().into_iter().collect());
            let line = template.execute(&value, MissingKey::Error);
            text.push_str(&line.map_err(|e| self.explain(&e))?);
            text.push('\n');
        }
        if !is_table {
            return Ok(text);
        }
        let rows: Vec<Vec<String>> =
            text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect();
        Ok(tabwriter(&rows, MIN_WIDTH, PADDING))
    }

    fn explain(&self, error: &str) -> String {
        let type_name = format!("type {}", self.type_name);
        format!("template parsing error: {}", error.replace("type struct", &type_name))
    }
}

/// Text cut to a length with `…` (`formatter.Ellipsis`).
pub(crate) fn ellipsis(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    if most == 0 {
        return String::new();
    }
    let mut cut: String = text.chars().take(most - 1).collect();
    cut.push('…');
    cut
}

/// Labels in one text.
pub(crate) fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_templates() {
        let list = List {
            type_name: "*formatter.volumeContext",
            headings: &[("Driver", "DRIVER"), ("Name", "VOLUME NAME")],
            default_table: "{{.Driver}}\t{{.Name}}",
            raw: "name: {{.Name}}\n",
            quiet_field: "Name",
        };
        let entry = BTreeMap::from([
            ("Driver".to_owned(), Value::from("local")),
            ("Name".to_owned(), Value::from("data")),
        ]);
        let entries = [entry];
        let print = |format: &str, quiet| list.print(format, quiet, &entries);
        assert_eq!(print("", false).unwrap(), "DRIVER    VOLUME NAME\nlocal     data\n");
        assert_eq!(print("", true).unwrap(), "data\n");
        assert_eq!(print("json", false).unwrap(), "{\"Driver\":\"local\",\"Name\":\"data\"}\n");
        assert_eq!(print("{{.Name}}\\t!", false).unwrap(), "data\t!\n");
        assert_eq!(
            print("{{.Nope}}", false).unwrap_err(),
            "template parsing error: template: :1:2: executing \"\" at <.Nope>: can't evaluate \
             field Nope in type *formatter.volumeContext"
        );
        assert_eq!(ellipsis("abcdef", 4), "abc…");
    }
}
