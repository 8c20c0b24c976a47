//! Running a template.

use super::functions;
use super::parse::{Command, Node, Operand, Pipeline};
use super::value::Value;

/// Most bytes that a template may print.
const MAX_OUTPUT: usize = 16 << 20;

/// What a key that a map does not have gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKey {
    /// `<no value>`.
    NoValue,
    /// An error.
    Error,
}

/// A problem while running.
pub(super) struct ExecError {
    pub(super) at: usize,
    pub(super) context: String,
    pub(super) message: String,
}

enum Flow {
    Next,
    Break,
    Continue,
}

struct State<'a> {
    variables: Vec<(String, Value)>,
    missing: MissingKey,
    out: String,
    root: &'a Value,
}

pub(super) fn run(nodes: &[Node], data: &Value, missing: MissingKey) -> Result<String, ExecError> {
    let variables = vec![("$".to_owned(), data.clone())];
    let mut state = State { variables, missing, out: String::new(), root: data };
    let root = state.root;
    state.nodes(nodes, root)?;
    Ok(state.out)
}

impl State<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, ExecError> {
        for node in nodes {
            let scope = self.variables.len();
            let flow = match node {
                Node::Text(text) => {
                    self.out.push_str(text);
                    Flow::Next
                }
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.print(&value);
                    }
                    continue;
                }
                Node::If(branches, otherwise) => self.branches(branches, otherwise, dot, false)?,
                Node::With(branches, otherwise) => self.branches(branches, otherwise, dot, true)?,
                Node::Range(pipeline, body, otherwise) => {
                    self.range(pipeline, body, otherwise, dot)?
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            };
            self.variables.truncate(scope);
            if !matches!(flow, Flow::Next) {
                return Ok(flow);
            }
            if self.out.len() > MAX_OUTPUT {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Result<Value, ()>) {
        match value {
            // A missing key, and nil inside an interface, print so.
            Err(()) | Ok(Value::Nil) => self.out.push_str("<no value>"),
            Ok(value) => self.out.push_str(&value.print()),
        }
    }

    fn branches(
        &mut self,
        branches: &[(Pipeline, Vec<Node>)],
        otherwise: &[Node],
        dot: &Value,
        with: bool,
    ) -> Result<Flow, ExecError> {
        for (pipeline, body) in branches {
            let value = self.pipeline(pipeline, dot)?.unwrap_or_default();
            if value.is_true() {
                return self.nodes(body, if with { &value } else { dot });
            }
        }
        self.nodes(otherwise, dot)
    }

    fn range(
        &mut self,
        pipeline: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow, ExecError> {
        let scope = self.variables.len();
        let plain = Pipeline { variables: Vec::new(), ..pipeline.clone() };
        let value = self.pipeline(&plain, dot)?.unwrap_or_default();
        let items: Vec<(Value, Value)> = match value {
            Value::List(list) => {
                (0_i64..).zip(list).map(|(at, item)| (Value::Int(at), item)).collect()
            }
            Value::Map(map) => map.into_iter().map(|(k, v)| (Value::Str(k), v)).collect(),
            Value::Int(n) => (0..n.min(100_000)).map(|i| (Value::Int(i), Value::Int(i))).collect(),
            Value::Nil | Value::Absent => Vec::new(),
            other @ (Value::Bool(_) | Value::Float(_) | Value::Str(_) | Value::Struct(_)) => {
                let at = pipeline.commands.first().map_or(0, |c| c.at);
                return Err(ExecError {
                    at,
                    context: pipeline.text.clone(),
                    message: format!("range can't iterate over {}", other.print()),
                });
            }
        };
        if items.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, item) in items {
            self.variables.truncate(scope);
            match pipeline.variables.as_slice() {
                [one] => self.variables.push((one.clone(), item.clone())),
                [first, second, ..] => {
                    self.variables.push((first.clone(), key));
                    self.variables.push((second.clone(), item.clone()));
                }
                [] => {}
            }
            if let Flow::Break = self.nodes(body, &item)? {
                break;
            }
            if self.out.len() > MAX_OUTPUT {
                break;
            }
        }
        self.variables.truncate(scope);
        Ok(Flow::Next)
    }

    /// The value of a pipeline; `Err(())` inside for a key that is missing.
    fn pipeline(
        &mut self,
        pipeline: &Pipeline,
        dot: &Value,
    ) -> Result<Result<Value, ()>, ExecError> {
        let mut last: Option<Result<Value, ()>> = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, dot, last)?);
        }
        let value = last.unwrap_or(Ok(Value::Nil));
        for name in &pipeline.variables {
            let kept = value.clone().unwrap_or_default();
            if pipeline.declares {
                self.variables.push((name.clone(), kept));
            } else if let Some(slot) = self.variables.iter_mut().rev().find(|(n, _)| n == name) {
                slot.1 = kept;
            }
        }
        Ok(value)
    }

    fn command(
        &mut self,
        command: &Command,
        dot: &Value,
        piped: Option<Result<Value, ()>>,
    ) -> Result<Result<Value, ()>, ExecError> {
        let Some((first, rest)) = command.operands.split_first() else { return Ok(Ok(Value::Nil)) };
        let error =
            |at: usize, message: String| ExecError { at, context: command.text.clone(), message };
        let Operand::Function(at, name) = first else {
            // A method with one argument, such as `.Label "tier"`, is a map in a field `(Label)`.
            if let (Operand::Field(_, names), [argument], None) = (first, rest, &piped)
                && let [name] = names.as_slice()
                && let Some(Value::Map(map)) = dot.get(&format!("({name})"))
            {
                let key = self.operand(argument, command, dot)?.unwrap_or_default().print();
                let found = map.get(&key).cloned();
                return Ok(Ok(found.unwrap_or_else(|| Value::Str(String::new()))));
            }
            if !rest.is_empty() || piped.is_some() {
                let text = match first {
                    Operand::Field(_, names) => names.last().cloned().unwrap_or_default(),
                    Operand::Dot
                    | Operand::Literal(_)
                    | Operand::Variable(..)
                    | Operand::Function(..)
                    | Operand::Paren(..) => {
                        let message = "can't give argument to non-function ".to_owned();
                        return Err(error(command.at, message + &command.text));
                    }
                };
                return Err(error(command.at, format!("{text} is not a method but has arguments")));
            }
            return self.operand(first, command, dot);
        };
        // `and` and `or` stop at the first value that decides.
        let mut arguments = Vec::new();
        for operand in rest {
            let value = self.operand(operand, command, dot)?.unwrap_or_default();
            let decides = match name.as_str() {
                "and" => !value.is_true(),
                "or" => value.is_true(),
                _ => false,
            };
            arguments.push(value);
            if decides {
                return Ok(Ok(arguments.pop().unwrap_or_default()));
            }
        }
        if let Some(piped) = piped {
            arguments.push(piped.unwrap_or_default());
        }
        functions::call(name, &arguments).map(Ok).map_err(|message| error(*at, message))
    }

    fn operand(
        &mut self,
        operand: &Operand,
        command: &Command,
        dot: &Value,
    ) -> Result<Result<Value, ()>, ExecError> {
        match operand {
            Operand::Dot => Ok(Ok(dot.clone())),
            Operand::Literal(value) => Ok(Ok(value.clone())),
            Operand::Field(at, names) => {
                let context = format!(".{}", names.join("."));
                self.fields(dot, names, *at, &context)
            }
            Operand::Variable(at, name, names) => {
                let found = self.variables.iter().rev().find(|(n, _)| n == name);
                let value = found.map(|(_, v)| v.clone()).unwrap_or_default();
                let context = names.iter().fold(name.clone(), |text, n| format!("{text}.{n}"));
                self.fields(&value, names, *at, &context)
            }
            Operand::Paren(pipeline, at, names) => {
                let value = self.pipeline(pipeline, dot)?;
                if names.is_empty() {
                    return Ok(value);
                }
                let value = value.unwrap_or_default();
                self.fields(&value, names, *at, &command.text)
            }
            Operand::Function(at, name) => functions::call(name, &[])
                .map(Ok)
                .map_err(|message| ExecError { at: *at, context: command.text.clone(), message }),
        }
    }

    fn fields(
        &self,
        from: &Value,
        names: &[String],
        at: usize,
        context: &str,
    ) -> Result<Result<Value, ()>, ExecError> {
        let fail = |message: String| ExecError { at, context: context.to_owned(), message };
        let mut value = from;
        for (index, name) in names.iter().enumerate() {
            match value {
                Value::Map(map) => match map.get(name) {
                    Some(next) => value = next,
                    None if self.missing == MissingKey::Error => {
                        return Err(fail(format!("map has no entry for key {name:?}")));
                    }
                    None if index + 1 == names.len() => return Ok(Err(())),
                    None => {
                        let next = names.get(index + 1).map_or("", String::as_str);
                        return Err(fail(format!("nil pointer evaluating interface {{}}.{next}")));
                    }
                },
                Value::Struct(_) => match value.get(name) {
                    Some(next) => value = next,
                    None => {
                        return Err(fail(format!("can't evaluate field {name} in type struct")));
                    }
                },
                Value::Nil | Value::Absent => {
                    return Err(fail(format!("nil pointer evaluating interface {{}}.{name}")));
                }
                Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Str(_)
                | Value::List(_) => {
                    return Err(fail(format!(
                        "can't evaluate field {name} in type interface {{}}"
                    )));
                }
            }
        }
        Ok(Ok(value.clone()))
    }
}
