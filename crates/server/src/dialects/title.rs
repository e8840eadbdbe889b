//! What is seen first of a question that came as a text.

/// The longest title of an approval, in characters.
const LONGEST: usize = 300;

/// The action, as far as it fits on one line.
pub(super) fn title(action: &str) -> String {
    let line = action.trim();
    if line.chars().count() <= LONGEST {
        return line.to_owned();
    }
    let start: String = line.chars().take(LONGEST - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_title_fits_whatever_the_action_is(action in "\\PC{0,400}") {
            prop_assert!(title(&action).chars().count() <= LONGEST);
        }
    }

    #[test]
    fn a_long_action_is_cut_in_its_title_alone() {
        assert_eq!(title("  Deploy?\n"), "Deploy?");
        let long = "ä".repeat(301);
        assert_eq!(title(&long), format!("{}…", "ä".repeat(299)));
        assert_eq!(title(&long[2..]), "ä".repeat(300));
    }
}
