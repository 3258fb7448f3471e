//! The text that Prometheus reads (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A page under way: the lines of each figure stand together, whoever adds them.
#[derive(Default)]
pub(super) struct Page(BTreeMap<&'static str, Figure>);

struct Figure {
    help: &'static str,
    sort: &'static str,
    lines: String,
}

/// Names and values of labels.
pub(super) type Labels<'a> = [(&'a str, &'a str)];

impl Page {
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: f64) {
        self.line(name, "gauge", help, "", labels, value);
    }

    pub(super) fn counter(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: f64) {
        self.line(name, "counter", help, "", labels, value);
    }

    /// One line of a histogram: `_bucket`, `_sum` or `_count`.
    pub(super) fn histogram(&mut self, name: &'static str, help: &'static str, part: &str, labels: &Labels<'_>, value: f64) {
        self.line(name, "histogram", help, part, labels, value);
    }

    fn line(&mut self, name: &'static str, sort: &'static str, help: &'static str, part: &str, labels: &Labels<'_>, value: f64) {
        let figure = self.0.entry(name).or_insert_with(|| Figure { help, sort, lines: String::new() });
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        // Writing to a string does not fail.
        let _ = writeln!(figure.lines, "{name}{part}{braces} {value}");
    }

    pub(super) fn finish(self) -> String {
        let mut page = String::new();
        for (name, figure) in self.0 {
            let _ = write!(page, "# HELP {name} {}\n# TYPE {name} {}\n{}", figure.help, figure.sort, figure.lines);
        }
        page
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_figure_stand_together_and_labels_are_escaped() {
        let mut page = Page::default();
        page.gauge("b", "Second.", &[("target", "x\"y\\z")], 2.5);
        page.counter("a", "First.", &[], 1.0);
        page.gauge("b", "Second.", &[("target", "other")], 0.0);
        let expected = "# HELP a First.\n# TYPE a counter\na 1\n# HELP b Second.\n# TYPE b gauge\nb{target=\"x\\\"y\\\\z\"} 2.5\nb{target=\"other\"} 0\n";
        assert_eq!(page.finish(), expected);
    }
}
