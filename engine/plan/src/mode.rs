//! How far a target may be changed, as a filter over what was planned.

use entrain_model::{Action, Mode};

/// Whose record the change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// We made it, or are about to.
    Made,
    /// It was there before.
    Found,
}

/// Whether the mode lets the action be done to such a record.
pub fn permits(mode: Mode, action: &Action, origin: Origin) -> bool {
    match (mode, action) {
        (Mode::Observe | Mode::Full, _) => true,
        (Mode::CreateOnly, Action::Link { write_anchor, .. }) => !write_anchor,
        (Mode::CreateOnly, Action::AddReference { .. }) => origin == Origin::Made,
        (Mode::CreateOnly | Mode::Upsert, Action::Create { .. } | Action::Restore { .. } | Action::Unlink { .. })
        | (Mode::Upsert, Action::Link { .. } | Action::Update { .. } | Action::AddReference { .. })
        // It is given to users that we made, and completes their creation.
        | (Mode::CreateOnly | Mode::Upsert, Action::Issue { .. }) => true,
        (Mode::CreateOnly, Action::Update { .. })
        | (
            Mode::CreateOnly | Mode::Upsert,
            Action::RemoveReference { .. } | Action::Disable { .. } | Action::RevokeSessions { .. } | Action::Delete { .. },
        ) => false,
    }
}
