//! Texts in the language of the learner: messages of the core and labels of the page, looked up in
//! Fluent catalogues (`static/text/<area>.<lang>.ftl`). Text of real tools never comes from here.

mod particle;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::base::message::{Arg, Message};
use crate::base::time::SimDuration;

/// The languages of the page: code, and its own name.
pub const LANGUAGES: [(&str, &str); 2] = [("en", "English"), ("ko", "한국어")];

/// The catalogues: area, English, Korean. A new area is one line.
pub const AREAS: &[(&str, &str, &str)] = &[
    (
        "ui",
        include_str!("../../static/text/ui.en.ftl"),
        include_str!("../../static/text/ui.ko.ftl"),
    ),
    (
        "world",
        include_str!("../../static/text/world.en.ftl"),
        include_str!("../../static/text/world.ko.ftl"),
    ),
    (
        "machine",
        include_str!("../../static/text/machine.en.ftl"),
        include_str!("../../static/text/machine.ko.ftl"),
    ),
    (
        "docker",
        include_str!("../../static/text/docker.en.ftl"),
        include_str!("../../static/text/docker.ko.ftl"),
    ),
    (
        "compose",
        include_str!("../../static/text/compose.en.ftl"),
        include_str!("../../static/text/compose.ko.ftl"),
    ),
    (
        "kube",
        include_str!("../../static/text/kube.en.ftl"),
        include_str!("../../static/text/kube.ko.ftl"),
    ),
    (
        "kubelet",
        include_str!("../../static/text/kubelet.en.ftl"),
        include_str!("../../static/text/kubelet.ko.ftl"),
    ),
];

/// The texts of one language, with English where a text is missing.
pub struct Catalogue {
    lang: &'static str,
    own: FluentBundle<FluentResource>,
    english: FluentBundle<FluentResource>,
}

impl Catalogue {
    /// The texts of a language; English for an unknown one.
    #[must_use]
    pub fn new(lang: &str) -> Self {
        let lang = LANGUAGES.iter().map(|l| l.0).find(|l| *l == lang).unwrap_or("en");
        Self { lang, own: bundle(lang), english: bundle("en") }
    }

    /// The language's code.
    #[must_use]
    pub const fn lang(&self) -> &'static str {
        self.lang
    }

    /// A message of the core in this language.
    #[must_use]
    pub fn say(&self, message: &Message) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in &message.args {
            args.set(*name, self.value(value));
        }
        self.lookup(message.id, Some(&args))
    }

    /// A label without arguments.
    #[must_use]
    pub fn label(&self, id: &str) -> String {
        self.lookup(id, None)
    }

    /// A label with text arguments.
    #[must_use]
    pub fn label_with(&self, id: &str, args: &[(&'static str, &str)]) -> String {
        let mut map = FluentArgs::new();
        for (name, value) in args {
            map.set(*name, (*value).to_owned());
        }
        self.lookup(id, Some(&map))
    }

    fn lookup(&self, id: &str, args: Option<&FluentArgs<'_>>) -> String {
        for bundle in [&self.own, &self.english] {
            if let Some(pattern) = bundle.get_message(id).and_then(|m| m.value()) {
                let mut errors = Vec::new();
                return bundle.format_pattern(pattern, args, &mut errors).into_owned();
            }
        }
        id.to_owned()
    }

    fn value(&self, value: &Arg) -> FluentValue<'static> {
        match value {
            Arg::Text(text) => container_name(text).to_owned().into(),
            Arg::Number(n) => FluentValue::from(*n),
            Arg::Duration(d) => self.duration(*d).into(),
        }
    }

    /// A length of time in words of the language: `10 s`, `1 min 30 s`, `10초`.
    #[must_use]
    pub fn duration(&self, d: SimDuration) -> String {
        let ms = d.as_millis();
        let (s, min, h) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
        let korean = self.lang == "ko";
        let (hour, minute, second, milli) = if korean {
            ("시간", "분", "초", "밀리초")
        } else {
            (" h", " min", " s", " ms")
        };
        if h > 0 {
            format!("{h}{hour} {}{minute}", min % 60)
        } else if min > 0 {
            format!("{min}{minute} {}{second}", s % 60)
        } else if s >= 10 || ms.is_multiple_of(1_000) {
            format!("{s}{second}")
        } else if s > 0 {
            format!("{s}.{}{second}", ms % 1_000 / 100)
        } else {
            format!("{ms}{milli}")
        }
    }
}

/// The runtime knows the containers of pods as `k8s_<container>_<pod>_<namespace>`, a person by
/// their own name.
fn container_name(text: &str) -> &str {
    let parts = text.strip_prefix("k8s_").and_then(|rest| rest.split_once('_'));
    parts.map_or(text, |(container, _)| container)
}

fn bundle(lang: &str) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = lang.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new(vec![id]);
    bundle.set_use_isolating(false);
    // The only error is a function that is there already.
    let _ = bundle.add_function("JOSA", particle::josa);
    for (_, english, korean) in AREAS {
        let source = if lang == "ko" { korean } else { english };
        let resource = match FluentResource::try_new((*source).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        // A text that stands twice keeps its first form; `texts_are_complete` finds it.
        let _ = bundle.add_resource(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Ids and argument names of a catalogue.
    fn ids(source: &str) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut id = String::new();
        for line in source.lines() {
            if let Some((name, _)) = line.split_once(" =")
                && line.starts_with(|c: char| c.is_ascii_lowercase())
            {
                id = name.to_owned();
                assert!(!found.contains_key(&id), "{id} stands twice");
                found.insert(id.clone(), Vec::new());
            }
            for part in line.split('$').skip(1) {
                let arg: String =
                    part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let args = found.entry(id.clone()).or_default();
                if !args.contains(&arg) {
                    args.push(arg);
                    args.sort();
                }
            }
        }
        found
    }

    #[test]
    fn texts_are_complete() {
        for (area, english, korean) in AREAS {
            let (english, korean) = (ids(english), ids(korean));
            for (id, args) in &english {
                let there = korean.get(id);
                assert!(there.is_some(), "{area}: {id} has no Korean");
                assert_eq!(there, Some(args), "{area}: arguments of {id} differ");
            }
            assert_eq!(english.len(), korean.len(), "{area}: Korean has more");
        }
    }

    #[test]
    fn every_catalogue_parses() {
        for (area, english, korean) in AREAS {
            for source in [english, korean] {
                let parsed = FluentResource::try_new((*source).to_owned());
                assert!(parsed.is_ok(), "{area}: {:?}", parsed.err().map(|e| e.1));
            }
        }
    }

    #[test]
    fn messages_are_said_in_both_languages() {
        let message = Message::new("why-mended").with("target", "node-1");
        assert_eq!(Catalogue::new("en").say(&message), "You mended node-1.");
        assert!(Catalogue::new("ko").say(&message).contains("node-1"));
        assert_eq!(Catalogue::new("xx").label("no-such-id"), "no-such-id");
    }
}
