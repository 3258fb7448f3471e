//! Each test is one state, one difference, and the decisions as lines.

mod attributes;
mod authority;
mod builder;
mod candidates;
mod claims;
mod contests;
mod drift;
mod judge;
mod linked;
mod matching;
mod mode;
mod order;
mod properties;
mod removal;
mod render;
mod undo;
mod validate;
mod whatif;
