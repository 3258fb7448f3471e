//! The commented configuration that `entrain init` writes.

/// Its text. It is a configuration that parses: what a new operator has to fill in are values that are clearly not theirs.
pub const TEMPLATE: &str = include_str!("entrain.toml");
