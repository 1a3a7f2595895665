//! What happened, for whoever has to understand a violation. Off, it costs nothing.

/// Lines, if they are wanted.
#[derive(Debug, Default)]
pub struct Trace(Option<Vec<String>>);

impl Trace {
    /// One that keeps lines.
    pub fn on() -> Self {
        Self(Some(Vec::new()))
    }

    /// One that keeps nothing.
    pub fn off() -> Self {
        Self(None)
    }

    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.0 {
            lines.push(line());
        }
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }
}
