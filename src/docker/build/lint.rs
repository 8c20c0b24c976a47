//! Warnings of BuildKit's linter (`frontend/dockerfile/linter`): the rules that beginners meet.

use crate::docker::build::dockerfile::Instruction;
use crate::docker::reference::ImageRef;

/// A warning: rule, text, line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    pub(crate) rule: &'static str,
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Warning {
    /// `Rule: text (line 2)`.
    pub(crate) fn show(&self) -> String {
        format!("{}: {} (line {})", self.rule, self.text, self.line)
    }
}

/// Parts of names that sound secret.
const SECRET: [&str; 10] = [
    "apikey",
    "auth",
    "credential",
    "credentials",
    "key",
    "password",
    "pword",
    "passwd",
    "secret",
    "token",
];

fn sounds_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    let mut parts = lower.split('_');
    !lower.contains("public") && parts.any(|p| SECRET.contains(&p))
}

/// All warnings about a file, by line.
pub(crate) fn lint(instructions: &[Instruction]) -> Vec<Warning> {
    let mut all = Vec::new();
    let mut last_of: Vec<(&str, usize)> = Vec::new();
    let upper = instructions.iter().filter(|i| i.written == i.word).count();
    let mixed = upper > 0 && upper < instructions.len();
    for i in instructions {
        let line = i.lines.0;
        let mut warn = |rule, text: String| all.push(Warning { rule, text, line });
        let word = i.word.as_str();
        if mixed && (i.written == i.word) != (upper * 2 >= instructions.len()) {
            let way = if upper * 2 >= instructions.len() { "uppercase" } else { "lowercase" };
            let written = &i.written;
            warn(
                "ConsistentInstructionCasing",
                format!(
                    "Command '{written}' should match the case of the command majority ({way})"
                ),
            );
        }
        match word {
            "FROM" => {
                last_of.clear();
                from(i, &mut warn);
            }
            "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => {
                if let Some((_, before)) = last_of.iter().find(|(w, _)| *w == word) {
                    all.push(Warning {
                        rule: "MultipleInstructionsDisallowed",
                        text: format!(
                            "Multiple {word} instructions should not be used in the same stage \
                             because only the last one will be used"
                        ),
                        line: *before,
                    });
                }
                last_of.retain(|(w, _)| *w != word);
                last_of.push((word, line));
                if i.json.is_none() && word != "HEALTHCHECK" && !i.rest.is_empty() {
                    all.push(Warning {
                        rule: "JSONArgsRecommended",
                        text: format!(
                            "JSON arguments recommended for {word} to prevent unintended behavior \
                             related to OS signals"
                        ),
                        line,
                    });
                }
            }
            "MAINTAINER" => warn(
                "MaintainerDeprecated",
                "Maintainer instruction is deprecated in favor of using label".to_owned(),
            ),
            "ENV" | "ARG" => variables(i, &mut warn),
            "WORKDIR" if !i.rest.starts_with(['/', '$']) => {
                let path = &i.rest;
                warn(
                    "WorkdirRelativePath",
                    format!(
                        "Relative workdir {path:?} can have unexpected results if the base image \
                         changes"
                    ),
                );
            }
            _ => {}
        }
    }
    all.sort_by_key(|w| w.line);
    all
}

/// FROM: its image, its casing, its stage's name.
fn from(i: &Instruction, warn: &mut impl FnMut(&'static str, String)) {
    let mut parts = i.rest.split_whitespace();
    let image = parts.next().unwrap_or("");
    if !image.contains('$') && ImageRef::parse(image).is_err() && image != "scratch" {
        warn(
            "InvalidDefaultArgInFrom",
            format!(
                "Default value for ARG {image} results in empty or invalid base image \
                 name"
            ),
        );
    }
    if let (Some("as"), "FROM") = (parts.next(), i.written.as_str()) {
        warn("FromAsCasing", "'as' and 'FROM' keywords' casing do not match".to_owned());
    }
    if let Some(name) = parts.next().filter(|n| n.chars().any(char::is_uppercase)) {
        warn("StageNameCasing", format!("Stage name '{name}' should be lowercase"));
    }
}

/// ENV and ARG: the old form, and names of secrets.
fn variables(i: &Instruction, warn: &mut impl FnMut(&'static str, String)) {
    let word = &i.word;
    let legacy = i.word == "ENV" && !i.rest.split_whitespace().next().unwrap_or("").contains('=');
    if legacy {
        warn(
            "LegacyKeyValueFormat",
            "\"ENV key=value\" should be used instead of legacy \"ENV key value\" format"
                .to_owned(),
        );
    }
    let names: Vec<String> = if legacy {
        i.rest.split_whitespace().take(1).map(str::to_owned).collect()
    } else {
        let words = crate::docker::build::words::split(&i.rest);
        words.iter().map(|w| w.split('=').next().unwrap_or("").to_owned()).collect()
    };
    for name in names.iter().filter(|n| sounds_secret(n)) {
        warn(
            "SecretsUsedInArgOrEnv",
            format!("Do not use ARG or ENV instructions for sensitive data ({word} {name:?})"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::build::dockerfile;

    #[test]
    fn rules() {
        for (text, rules) in [
            ("FROM a\nCMD echo $HOME\n", vec!["JSONArgsRecommended"]),
            ("FROM a\nCMD [\"a\"]\nCMD [\"b\"]\n", vec!["MultipleInstructionsDisallowed"]),
            ("FROM a\nENV DB_PASSWORD=x\nARG API_TOKEN\n", vec!["SecretsUsedInArgOrEnv"; 2]),
            ("FROM a\nMAINTAINER me\n", vec!["MaintainerDeprecated"]),
            ("from a\ncmd [\"true\"]\n", vec![]),
            ("FROM a\nWORKDIR /app\nENV A=1\n", vec![]),
        ] {
            let got: Vec<&str> =
                lint(&dockerfile::parse(text).unwrap()).iter().map(|w| w.rule).collect();
            assert_eq!(got, rules, "{text}");
        }
    }
}
