//! The known name that a mistyped one was probably meant to be.

/// The candidate with the fewest edits, if it is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (best, distance) =
        candidates.into_iter().map(|candidate| (candidate, edits(name, candidate))).min_by_key(|(_, distance)| *distance)?;
    (distance <= name.chars().count().div_ceil(3)).then_some(best)
}

/// The Levenshtein distance.
pub fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let substitution = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_name_is_suggested() {
        assert_eq!(nearest("deploy_kumma", ["deploy_kuma", "remove_kuma"]), Some("deploy_kuma"));
        assert_eq!(nearest("reboot", ["deploy_kuma", "remove_kuma"]), None);
    }
}
