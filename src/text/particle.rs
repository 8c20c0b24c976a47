//! Korean particles, whose form depends on whether the word before ends in a consonant:
//! `{ JOSA($name, "은") }` says `web은` or `db는`.

use fluent_bundle::{FluentArgs, FluentValue};

/// Pairs of forms: after a final consonant, after a vowel.
const PAIRS: [(&str, &str); 5] =
    [("은", "는"), ("이", "가"), ("을", "를"), ("과", "와"), ("으로", "로")];

/// The Fluent function: a word and one form of the particle; the word with the right form.
pub(super) fn josa<'a>(positional: &[FluentValue<'a>], _named: &FluentArgs<'_>) -> FluentValue<'a> {
    let text = |value: Option<&FluentValue<'a>>| match value {
        Some(FluentValue::String(text)) => text.to_string(),
        Some(FluentValue::Number(number)) => number.as_string().into_owned(),
        _ => String::new(),
    };
    let (word, form) = (text(positional.first()), text(positional.get(1)));
    let particle = choose(&word, &form);
    FluentValue::from(format!("{word}{particle}"))
}

fn choose<'a>(word: &str, form: &'a str) -> &'a str {
    let pair = PAIRS.iter().find(|(a, b)| *a == form || *b == form);
    let Some((closed, open)) = pair else { return form };
    match ending(word) {
        Ending::Vowel => open,
        // 으로 is 로 after ㄹ.
        Ending::Rieul if *closed == "으로" => open,
        Ending::Consonant | Ending::Rieul => closed,
    }
}

enum Ending {
    Vowel,
    Consonant,
    Rieul,
}

/// How a word ends when it is read aloud in Korean.
fn ending(word: &str) -> Ending {
    let last = word.chars().rev().find(|c| c.is_alphanumeric());
    match last {
        Some(c @ '가'..='힣') => match (u32::from(c) - u32::from('가')) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        },
        // Digits: 영 일 이 삼 사 오 육 칠 팔 구.
        Some('0' | '3' | '6') => Ending::Consonant,
        Some('1' | '7' | '8') => Ending::Rieul,
        Some(c) if c.is_ascii_alphabetic() => english(word),
        _ => Ending::Vowel,
    }
}

/// The end of a word in Latin letters: spelled out where it has no vowels, else as it sounds.
fn english(word: &str) -> Ending {
    let letters = word.trim_end_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
    let at = letters.rfind(|c: char| !c.is_ascii_alphabetic());
    let last = at.and_then(|at| letters.get(at + 1..)).unwrap_or(&letters);
    let vowel = |c: char| "aeiouy".contains(c);
    let mut back = last.chars().rev();
    let (end, before) = (back.next().unwrap_or('a'), back.next().unwrap_or('-'));
    if !last.contains(vowel) {
        return match end {
            'l' | 'r' => Ending::Rieul,
            'm' | 'n' => Ending::Consonant,
            _ => Ending::Vowel,
        };
    }
    match end {
        'l' | 'r' => Ending::Rieul,
        'm' | 'n' => Ending::Consonant,
        'g' if before == 'n' => Ending::Consonant,
        // After another consonant a vowel is put behind: 클라이언트, 네트워크.
        'b' | 'c' | 'k' | 'p' | 't' if vowel(before) || before == 'c' => Ending::Consonant,
        _ => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (word, form, wanted) in [
            ("파드", "은", "는"),
            ("잡", "은", "은"),
            ("node-1", "으로", "로"),
            ("node-3", "을", "을"),
            ("레이블", "으로", "로"),
            ("web", "이", "이"),
            ("db", "이", "가"),
            ("client", "을", "를"),
            ("back-tier", "으로", "로"),
            ("staging", "은", "은"),
            ("shop-sql", "으로", "로"),
            ("redis", "을", "를"),
        ] {
            assert_eq!(choose(word, form), wanted, "{word} {form}");
        }
    }
}
