//! Whether a patient's id gives the patient away.

use crate::error::Warning;

/// Words of ids that name nobody.
const PLAIN: &[&str] = &[
    "acne",
    "active",
    "anon",
    "anonymous",
    "arm",
    "case",
    "center",
    "centre",
    "clinic",
    "cohort",
    "control",
    "demo",
    "example",
    "group",
    "left",
    "patient",
    "person",
    "phantom",
    "pilot",
    "placebo",
    "proband",
    "pseudonym",
    "random",
    "right",
    "sample",
    "scar",
    "scars",
    "site",
    "skin",
    "study",
    "subject",
    "test",
    "treated",
    "treatment",
    "trial",
    "untreated",
    "visit",
    "volunteer",
];

/// A warning where `id` looks like a person's name or a date of birth.
pub(super) fn warning(id: &str) -> Option<Warning> {
    let what = match () {
        () if holds_date(id) => "a date of birth",
        () if holds_name(id) => "a person's name",
        () => return None,
    };
    let message = format!(
        "the patient id {id} looks like {what}, and every output carries it; name the patient by a pseudonym \
         such as P001"
    );
    Some(Warning::new("patient_id_identifying", message))
}

/// Whether words of it could be a name: one that stands alone, or several.
fn holds_name(id: &str) -> bool {
    let digits = id.chars().any(|c| c.is_ascii_digit());
    let words: Vec<&str> =
        id.split(|c: char| !c.is_alphabetic()).filter(|word| could_be_name(word)).collect();
    match words.as_slice() {
        [] => false,
        [word] => !digits || word.chars().count() >= 4,
        _ => true,
    }
}

fn could_be_name(word: &str) -> bool {
    let lower = word.to_lowercase();
    if !word.is_ascii() {
        return word.chars().count() >= 2;
    }
    let shouted_code = word.len() <= 4 && word.chars().all(|c| c.is_ascii_uppercase());
    let hexadecimal = lower.chars().all(|c| c.is_ascii_hexdigit());
    let speakable = lower.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    word.len() >= 3 && speakable && !shouted_code && !hexadecimal && !PLAIN.contains(&lower.as_str())
}

/// Whether it holds a day of a year from 1900 to 2049, in any usual order,
/// with separators or as eight digits; or six digits, a separator and more
/// digits, as in national identity numbers.
fn holds_date(id: &str) -> bool {
    let groups: Vec<&str> = id.split(|c: char| !c.is_ascii_digit()).collect();
    let day_of_year = |year: &str, month: &str, day: &str| {
        let number = |text: &str| text.parse::<u32>().unwrap_or(0);
        let within = (1..=12).contains(&number(month)) && (1..=31).contains(&number(day));
        within && month.len() <= 2 && day.len() <= 2 && (1900..=2049).contains(&number(year))
    };
    let ordered = |[a, b, c]: [&str; 3]| day_of_year(a, b, c) || day_of_year(c, b, a) || day_of_year(c, a, b);
    let together = |group: &&str| {
        group.len() == 8
            && (day_of_year(&group[..4], &group[4..6], &group[6..])
                || ordered([&group[..2], &group[2..4], &group[4..]]))
    };
    let identity = |pair: &[&str]| {
        pair[0].len() == 6
            && (3..=5).contains(&pair[1].len())
            && ordered([&pair[0][..2], &pair[0][2..4], &format!("19{}", &pair[0][4..])])
    };
    groups.iter().any(together)
        || groups.windows(3).any(|three| ordered([three[0], three[1], three[2]]))
        || groups.windows(2).any(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_dates_of_birth_are_told_from_pseudonyms() {
        for id in [
            "Anna Schmidt",
            "schmidt_anna",
            "SCHMIDT, ANNA",
            "Schmidt",
            "müller",
            "王小明",
            "Smith1980",
            "19800312",
            "1980-03-12",
            "12.03.1980",
            "P1_03-12-1980",
            "12031980",
            "120380-1234",
            "J. Jones",
        ] {
            assert!(warning(id).is_some(), "{id} passed");
        }
        for id in [
            "P001",
            "p17",
            "patient_12",
            "clinic 3-17",
            "SITE-04-0017",
            "a3f9bc",
            "deadbeef01",
            "kxqzjw",
            "Control 4",
            "100%",
            "2026-17",
            "123456",
            "98765432",
            "ABC-1",
            "study2_arm1_subject3",
            "x",
        ] {
            assert!(warning(id).is_none(), "{:?}", warning(id));
        }
    }
}
