//! Names, rotation and ends of credentials, on both databases.

#![allow(clippy::disallowed_methods)]
