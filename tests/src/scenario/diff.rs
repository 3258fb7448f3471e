//! How two texts differ, by lines.

/// Lines of context around a difference.
const AROUND: usize = 3;

/// The lines that differ, `-` expected and `+` actual, with a few that do not.
pub fn difference(expected: &str, actual: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let lines = align(&left, &right);
    let near = |place: usize| {
        let from = place.saturating_sub(AROUND);
        lines.iter().skip(from).take(place - from + AROUND + 1).any(|(sign, _)| *sign != ' ')
    };
    let mut shown = String::new();
    let mut skipped = false;
    for (place, (sign, line)) in lines.iter().enumerate() {
        if near(place) {
            shown.push_str(&format!("{sign} {line}\n"));
            skipped = false;
        } else if !skipped {
            shown.push_str("  ...\n");
            skipped = true;
        }
    }
    shown
}

/// The longest common subsequence decides which lines stay. Transcripts are short.
fn align<'t>(left: &[&'t str], right: &[&'t str]) -> Vec<(char, &'t str)> {
    let mut common = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for (i, l) in left.iter().enumerate().rev() {
        for (j, r) in right.iter().enumerate().rev() {
            common[i][j] = if l == r { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            lines.push((' ', left[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || i < left.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', left[i]));
            i += 1;
        } else {
            lines.push(('+', right[j]));
            j += 1;
        }
    }
    lines
}
