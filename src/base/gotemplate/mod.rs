//! Go's `text/template`, as `docker --format` and `kubectl -o go-template` use it.
//!
//! Fields, variables, pipelines, `if`, `range`, `with`, `break`, `continue`, comments, trim markers
//! and the usual functions; errors as Go words them. Left out: `define`, `template`, `block`,
//! methods, complex numbers. Upstream: Go `text/template`.

mod exec;
mod functions;
mod parse;
mod value;

pub use exec::MissingKey;
pub use value::Value;

use parse::Node;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    name: String,
    text: String,
    nodes: Vec<Node>,
}

impl Template {
    /// Parse a template. `name` stands in error texts; docker uses an empty one, kubectl `output`.
    ///
    /// # Errors
    /// Go's text, such as `template: :1: unclosed action`.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let nodes = parse::parse(text).map_err(|e| {
            let line = text.get(..e.at).unwrap_or(text).matches('\n').count() + 1;
            format!("template: {name}:{line}: {}", e.message)
        })?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), nodes })
    }

    /// Run it over a value.
    ///
    /// # Errors
    /// Go's text; what was printed before is lost.
    pub fn execute(&self, data: &Value, missing: MissingKey) -> Result<String, String> {
        exec::run(&self.nodes, data, missing).map_err(|e| {
            let before = self.text.get(..e.at).unwrap_or(&self.text);
            let line = before.matches('\n').count() + 1;
            let column = before.rfind('\n').map_or(before.len(), |n| before.len() - n);
            let name = &self.name;
            format!(
                "template: {name}:{line}:{column}: executing \"{name}\" at <{}>: {}",
                e.context, e.message
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Value {
        let json = serde_json::json!({
            "Name": "/web",
            "State": {"Status": "running", "Running": true, "ExitCode": 0, "Error": ""},
            "Networks": {"bridge": {"IP": "172.17.0.2"}, "app": {"IP": "172.18.0.2"}},
            "Args": ["nginx", "-g", "daemon off;"],
            "Nothing": null,
        });
        Value::from_json(&json)
    }

    fn run(text: &str) -> Result<String, String> {
        Template::parse("", text)?.execute(&data(), MissingKey::NoValue)
    }

    #[test]
    fn what_scenarios_use() {
        for (text, expected) in [
            ("{{.Name}} status={{.State.Status}}", "/web status=running"),
            ("{{json .State.Error}}", "\"\""),
            (
                "{{range $k, $v := .Networks}}{{$k}}={{$v.IP}} {{end}}",
                "app=172.18.0.2 bridge=172.17.0.2 ",
            ),
            ("{{range .Args}}[{{.}}]{{end}}", "[nginx][-g][daemon off;]"),
            ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
            ("{{if eq .State.ExitCode 0}}ok{{end}}", "ok"),
            ("{{if and .State.Running (ne .Name \"/db\")}}x{{end}}", "x"),
            ("{{with .State}}{{.Status | upper}}{{end}}", "RUNNING"),
            ("{{index .Args 1}} {{len .Args}}", "-g 3"),
            ("{{index .Networks \"app\" \"IP\"}}", "172.18.0.2"),
            ("{{(index .Networks \"app\").IP}}", "172.18.0.2"),
            ("{{join .Args \",\"}}", "nginx,-g,daemon off;"),
            (
                "{{printf \"%-6s|%3d|%q|%v\" .State.Status 7 .Name .State.Running}}",
                "running|  7|\"/web\"|true",
            ),
            ("a {{- /* note */ -}} b", "ab"),
            ("{{$n := .Name}}{{$n}}{{$n = \"x\"}}{{$n}}", "/webx"),
            ("{{range $i, $a := .Args}}{{if $i}},{{end}}{{$i}}{{end}}", "0,1,2"),
            ("{{range .Args}}{{if eq . \"-g\"}}{{break}}{{end}}{{.}}{{end}}", "nginx"),
            (
                "{{.Args}} {{.Networks}}",
                "[nginx -g daemon off;] map[app:map[IP:172.18.0.2] bridge:map[IP:172.17.0.2]]",
            ),
            ("{{.Missing}}", "<no value>"),
            ("{{.Nothing}}", "<no value>"),
            ("{{println .Name}}", "/web\n"),
            ("{{if not .Nothing}}none{{else if .Name}}x{{end}}", "none"),
            ("{{slice .Name 1 3}}", "we"),
            ("{{lt 1 2}} {{ge 1 2}} {{or \"\" \"b\"}}", "true false b"),
        ] {
            assert_eq!(run(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors() {
        for (text, expected) in [
            ("{{.Name", "template: :1: unclosed action"),
            ("{{foo .Name}}", "template: :1: function \"foo\" not defined"),
            ("{{if .Name}}x", "template: :1: unexpected EOF"),
            ("{{end}}", "template: :1: unexpected {{end}}"),
            ("{{$x}}", "template: :1: undefined variable \"$x\""),
            (
                "{{.Name.Foo}}",
                "template: :1:7: executing \"\" at <.Name.Foo>: can't evaluate field Foo in type \
                 interface {}",
            ),
            (
                "{{index .Args 9}}",
                "template: :1:2: executing \"\" at <index .Args 9>: error calling index: reflect: \
                 slice index out of range",
            ),
        ] {
            assert_eq!(run(text), Err(expected.to_owned()), "{text}");
        }
        let template = Template::parse("", "{{.State.Foo}}").unwrap();
        assert_eq!(
            template.execute(&data(), MissingKey::Error),
            Err("template: :1:8: executing \"\" at <.State.Foo>: map has no entry for key \"Foo\""
                .to_owned())
        );
    }
}
