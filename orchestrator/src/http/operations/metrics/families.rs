//! The text form (https://prometheus.io/docs/instrumenting/exposition_formats/): a family's help and kind, then its samples.

use std::fmt::Write as _;

/// A sample: its labels and its value.
pub(super) type Sample = (Vec<(&'static str, String)>, f64);

/// The kind of a family.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Goes up only.
    Counter,
}

/// Families of samples, in the order in which they are added.
#[derive(Debug, Default)]
pub(super) struct Families {
    text: String,
}

impl Families {
    /// Adds one. What has no samples is named all the same, so that whoever looks for it finds what it means.
    pub fn add(&mut self, kind: Kind, name: &str, help: &str, samples: Vec<Sample>) {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.text, "{name}{labels} {value}");
        }
    }

    /// All of it.
    pub fn text(self) -> String {
        self.text
    }
}

/// The one sample of a family without labels.
pub(super) fn no_label(value: f64) -> Vec<Sample> {
    vec![(Vec::new(), value)]
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_agents_call_things_can_not_break_a_line() {
        let mut families = Families::default();
        families.add(Kind::Gauge, "disk", "Free.", vec![(vec![("mount", "/a \"b\"\\\n".to_owned())], 1.5)]);
        assert_eq!(families.text(), "# HELP disk Free.\n# TYPE disk gauge\ndisk{mount=\"/a \\\"b\\\"\\\\\\n\"} 1.5\n");
    }
}
