//! What people are told, in their language. The texts are in `locales/`, one file for each
//! language; a test holds all of them to the same keys.

use std::sync::LazyLock;

use askfirst_core::Locale;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Locale::En));
static GERMAN: LazyLock<Bundle> = LazyLock::new(|| bundle(Locale::De));

const fn source(locale: Locale) -> &'static str {
    match locale {
        Locale::En => include_str!("../../locales/en.ftl"),
        Locale::De => include_str!("../../locales/de.ftl"),
    }
}

fn bundle(locale: Locale) -> Bundle {
    let language: LanguageIdentifier = locale.as_str().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // What comes in was made visible: it turns no text around it.
    bundle.set_use_isolating(false);
    let read = FluentResource::try_new(source(locale).to_owned());
    // A test reads each file without mistakes.
    let resource = read.unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

/// One text.
#[must_use]
pub fn say(locale: Locale, key: &str, values: &[(&str, Value<'_>)]) -> String {
    let bundle: &Bundle = match locale {
        Locale::En => &ENGLISH,
        Locale::De => &GERMAN,
    };
    let mut args = FluentArgs::new();
    for (name, value) in values {
        match value {
            Value::Text(text) => args.set(*name, *text),
            Value::Count(count) => args.set(*name, *count),
        }
    }
    let pattern = bundle.get_message(key).and_then(|message| message.value());
    // Each key that is used is in a test.
    let Some(pattern) = pattern else { return key.to_owned() };
    bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
}

/// What a text says of the case at hand.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A word or a text.
    Text(&'a str),
    /// A number, which may change the words around it.
    Count(usize),
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Every key of a file with the variables that it uses.
    fn keys(locale: Locale) -> BTreeMap<String, BTreeSet<String>> {
        let text = source(locale);
        FluentResource::try_new(text.to_owned()).unwrap();
        let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut key = String::new();
        for line in text.lines() {
            if let Some((name, _)) = line.split_once(" =")
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            {
                name.clone_into(&mut key);
                assert!(keys.insert(key.clone(), BTreeSet::new()).is_none(), "{name} twice");
            }
            for used in line.split("$").skip(1) {
                let end = used.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(used.len());
                keys.get_mut(&key).unwrap().insert(used[..end].to_owned());
            }
        }
        keys
    }

    #[test]
    fn every_language_says_everything_with_the_same_values() {
        let english = keys(Locale::En);
        assert!(english.len() > 20);
        for locale in Locale::ALL {
            assert_eq!(keys(locale), english, "{locale:?}");
        }
    }

    #[test]
    fn no_text_is_missing_a_value_and_none_is_unused() {
        let used = [
            include_str!("email.rs"),
            include_str!("email/letter.rs"),
            include_str!("telegram/message.rs"),
            include_str!("../chat.rs"),
            include_str!("../chat/rooms.rs"),
            include_str!("../service/rooms.rs"),
        ];
        let used = used.concat();
        for (key, values) in keys(Locale::En) {
            assert!(used.contains(&format!("\"{key}")), "{key} is never said");
            for locale in Locale::ALL {
                let values: Vec<_> =
                    values.iter().map(|name| (name.as_str(), Value::Text("x"))).collect();
                let text = say(locale, &key, &values);
                assert!(!text.contains('{') && text != key, "{locale:?} {key}: {text}");
            }
        }
    }
}
