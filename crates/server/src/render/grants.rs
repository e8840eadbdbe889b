//! What somebody says yes to in advance, as they read it before they do.

use askfirst_core::approval::edit;
use askfirst_core::{Approval, Bound, Pointer, Terms};
use serde_json::Value;

use super::tree::Fields;
use super::{Account, Field, Kind, Piece, Section, account};

/// The account of an approval; right after what is asked for, what else a voter would say yes to
/// with it.
#[must_use]
pub fn account_with(approval: &Approval, terms: &Terms) -> Account {
    let mut account = account(approval);
    let mut fields = Fields::default();
    let times = if terms.uses == 1 { "once".into() } else { format!("{} times", terms.uses) };
    fields.push(Field::known("How often", format!("at most {times}, within {}", terms.lasts)));
    fields.string("Asked by the key", &approval.asker.label);
    fields.push(Field::known("What", "the same again; the title may differ"));
    for (pointer, bound) in &terms.bounds {
        let place = edit::value_at(&terms.action, pointer).unwrap_or_default();
        bound_at(&mut fields, pointer, bound, &place);
    }
    if terms.bounds.is_empty() {
        fields.push(Field::known("What may differ", "nothing else"));
    }
    account.hidden += fields.hidden;
    account.warnings += fields.list.iter().map(|field| field.warnings.len()).sum::<usize>();
    let heading = "MORE OF THE KIND, IN ADVANCE";
    let section = Section { kind: Kind::Grant, heading, fields: fields.list, closing: None };
    let action = account.sections.iter().position(|part| part.kind == Kind::Action);
    account.sections.insert(action.map_or(0, |at| at + 1), section);
    account
}

fn bound_at(fields: &mut Fields, pointer: &Pointer, bound: &Bound, now: &Value) {
    // The place is of the agent's naming, as keys in the action are.
    let mut label = vec![Piece::Text("But ".into())];
    label.extend(fields.key(pointer.as_str()));
    let said = match bound {
        Bound::Any => in_words(bound),
        Bound::OneOf(values) => {
            return fields.labelled(label, &Value::Array(values.clone()));
        }
        Bound::Within { .. } => format!("{}; here it is {now}", in_words(bound)),
    };
    fields.push(Field { label, ..Field::known("", said) });
}

/// What may stand at a place, in words.
#[must_use]
pub fn in_words(bound: &Bound) -> String {
    match bound {
        Bound::Any => "anything".into(),
        Bound::OneOf(values) => {
            let values: Vec<_> = values.iter().map(Value::to_string).collect();
            format!("one of {}", values.join(", "))
        }
        Bound::Within { at_least, at_most } => match (at_least, at_most) {
            (Some(least), Some(most)) => format!("a number from {least} to {most}"),
            (Some(least), None) => format!("a number, at least {least}"),
            (None, Some(most)) => format!("a number, at most {most}"),
            (None, None) => "any number".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use askfirst_core::Seconds;
    use serde_json::json;

    use super::*;
    use crate::render::glyphs::is_unsafe;
    use crate::render::tests::sample_approval;

    #[test]
    fn an_agents_name_for_a_place_cannot_write_a_line_or_hide() {
        let places =
            ["x: anything\n\nWHO ASKS\nKey: \"ceo\"", "\u{202e}evil\u{200b}", "a\u{1b}[2Jb"];
        for place in places {
            let mut approval = sample_approval();
            Arc::make_mut(&mut approval.action).arguments = json!({ place: 3 });
            let pointer: Pointer = format!("/arguments/{place}").parse().unwrap();
            let number = |number: i32| Some(number.into());
            for bound in [
                Bound::Any,
                Bound::OneOf(vec![json!(place)]),
                Bound::Within { at_least: number(0), at_most: number(3) },
            ] {
                let bounds = BTreeMap::from([(pointer.clone(), bound)]);
                let terms = Terms {
                    asker: approval.asker.key,
                    policy: approval.policy.digest,
                    action: Arc::clone(&approval.action),
                    bounds,
                    lasts: Seconds(3_600),
                    uses: 5,
                };
                let account = account_with(&approval, &terms);
                let text = account.to_text();
                assert!(!text.chars().any(|c| c != '\n' && is_unsafe(c)), "{text:?}");
                assert_eq!(text.matches("\nWHO ASKS\n").count(), 1, "{text}");
                assert!(account.hidden > 0, "{text}");
            }
        }
    }
}
