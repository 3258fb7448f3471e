//! Reason codes: stable words for what is decided, documented in `docs/reasons.md`.

/// Gives an enumeration its codes. A choice without a code does not compile.
#[macro_export]
macro_rules! codes {
    ($name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $name {
            /// Every reason code there is.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// The stable reason code that is stored and shown.
            pub fn code(&self) -> &'static str {
                match self {
                    $($name::$variant { .. } => $code),+
                }
            }
        }
    };
}
