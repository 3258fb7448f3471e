//! How much a script may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The bounds of one evaluation. Beyond any of them the script fails; it cannot catch that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Steps of the interpreter, those inside callbacks included.
    pub operations: u64,
    /// Script functions that call each other.
    pub call_levels: usize,
    /// Nesting of expressions.
    pub expression_depth: usize,
    /// Bytes of one text, and of all texts in one array or map.
    pub string_bytes: usize,
    /// Values of one array, nested ones included.
    pub array_values: usize,
    /// Entries of one map, nested ones included.
    pub map_entries: usize,
    /// Bytes of one script.
    pub script_bytes: usize,
    /// Wall time of one evaluation in milliseconds.
    pub wall_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 200_000,
            call_levels: 16,
            expression_depth: 48,
            string_bytes: 64 * 1024,
            array_values: 4_096,
            map_entries: 4_096,
            script_bytes: 256 * 1024,
            wall_ms: 250,
        }
    }
}

impl Limits {
    /// Wall time of one evaluation.
    pub fn wall(&self) -> Duration {
        Duration::from_millis(self.wall_ms)
    }
}
