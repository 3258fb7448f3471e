//! What may happen in a simulation, and how often.

use entrain_model::{Removal, Step};
use proptest::prelude::*;

const USERS: u8 = 5;
const GROUPS: u8 = 3;

/// One simulation: all that happens follows from it.
#[derive(Clone, Debug)]
pub struct Case {
    /// For the directory's own chances.
    pub seed: u64,
    /// What becomes of records whose objects left.
    pub removal: Removal,
    /// How many disables, deletions and lost references a run may do without approval.
    pub limit: u64,
    /// How the directory does in the beginning.
    pub weather: Weather,
    /// What happens, each after a pause in milliseconds.
    pub deeds: Vec<(u32, Deed)>,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Deed {
    /// The source is edited.
    Source(Edit),
    /// Somebody else changes the tenant.
    Tenant(Tampering),
    /// From now on the directory fails this often.
    Weather(Weather),
    /// Cursors that were given out are no longer valid.
    ExpireCursors,
    /// The process dies at its `n`th step from now.
    Die(u16),
    /// The next write is refused because of the credential, which an operator then corrects.
    Refuse,
    /// A full sync is due now.
    Full,
}

/// What somebody else does in the tenant. Records are counted as they stand there: the `nth` live one that is ours.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Tampering {
    /// A managed attribute is changed.
    Drift { nth: u8, title: u8 },
    /// A record gets another name.
    Rename { nth: u8, name: u8 },
    /// Whoever is blocked may sign in again.
    Enable(u8),
    /// Our anchor is cleared.
    Unanchor(u8),
    /// Another system puts its anchor in the place of ours.
    Usurp(u8),
    /// A user gets a privileged role.
    Promote(u8),
    /// Another directory becomes the master of a record.
    Master(u8),
    /// References come and go.
    Tie(Tie),
    /// Records go to the recycle bin and come back.
    Bin(Bin),
    /// Another system makes a user with a login that the source may want.
    Squat(u8),
}

/// What somebody else does to references.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Tie {
    /// A user gets another manager.
    Manage { nth: u8, manager: u8 },
    /// A member is taken out of a group of ours.
    Strip(u8),
    /// A user of ours is put into a group of ours.
    Enrol { nth: u8, group: u8 },
    /// A user of ours is put into a group that is not.
    Invite(u8),
    /// A stranger is put into a group of ours.
    Intrude(u8),
}

/// What somebody else does with the recycle bin.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Bin {
    /// A record is moved to the recycle bin.
    Discard(u8),
    /// The `nth` record in the recycle bin is restored.
    Undelete(u8),
    /// It is removed for good.
    Purge(u8),
}

/// An edit of the source.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Edit {
    Put { user: u8, login: u8, title: Option<u8>, active: bool, manager: Option<u8> },
    Remove(u8),
    Group { group: u8, name: u8 },
    RemoveGroup(u8),
    Join { group: u8, user: u8 },
    Leave { group: u8, user: u8 },
    Nest { outer: u8, inner: u8 },
}

/// How the directory does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// All works and is visible at once.
    Fair,
    /// Changes become visible late.
    Late,
    /// Answers are lost, calls are throttled, reads break off and show old things again.
    Stormy,
    /// Both.
    Worst,
}

fn edit() -> impl Strategy<Value = Edit> {
    let manager = proptest::option::of(0..USERS);
    prop_oneof![
        6 => (0..USERS, 0..USERS, proptest::option::of(0..4_u8), prop::bool::weighted(0.8), manager)
            .prop_map(|(user, login, title, active, manager)| Edit::Put { user, login, title, active, manager }),
        2 => (0..USERS).prop_map(Edit::Remove),
        3 => (0..GROUPS, 0..4_u8).prop_map(|(group, name)| Edit::Group { group, name }),
        1 => (0..GROUPS).prop_map(Edit::RemoveGroup),
        4 => (0..GROUPS, 0..USERS).prop_map(|(group, user)| Edit::Join { group, user }),
        2 => (0..GROUPS, 0..USERS).prop_map(|(group, user)| Edit::Leave { group, user }),
        1 => (0..GROUPS, 0..GROUPS).prop_map(|(outer, inner)| Edit::Nest { outer, inner }),
    ]
}

fn tampering() -> impl Strategy<Value = Tampering> {
    let nth = || 0..8_u8;
    prop_oneof![
        3 => (nth(), 0..4_u8).prop_map(|(nth, title)| Tampering::Drift { nth, title }),
        1 => (nth(), 0..4_u8).prop_map(|(nth, name)| Tampering::Rename { nth, name }),
        1 => nth().prop_map(Tampering::Enable),
        1 => nth().prop_map(Tampering::Unanchor),
        1 => nth().prop_map(Tampering::Usurp),
        1 => nth().prop_map(Tampering::Promote),
        1 => nth().prop_map(Tampering::Master),
        1 => (nth(), nth()).prop_map(|(nth, manager)| Tampering::Tie(Tie::Manage { nth, manager })),
        1 => (0..4_u8).prop_map(|nth| Tampering::Tie(Tie::Strip(nth))),
        1 => (nth(), 0..4_u8).prop_map(|(nth, group)| Tampering::Tie(Tie::Enrol { nth, group })),
        1 => nth().prop_map(|nth| Tampering::Tie(Tie::Invite(nth))),
        1 => (0..4_u8).prop_map(|nth| Tampering::Tie(Tie::Intrude(nth))),
        2 => nth().prop_map(|nth| Tampering::Bin(Bin::Discard(nth))),
        1 => (0..4_u8).prop_map(|nth| Tampering::Bin(Bin::Undelete(nth))),
        1 => (0..4_u8).prop_map(|nth| Tampering::Bin(Bin::Purge(nth))),
        1 => (0..USERS).prop_map(Tampering::Squat),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    prop_oneof![1 => Just(Weather::Fair), 1 => Just(Weather::Late), 1 => Just(Weather::Stormy), 2 => Just(Weather::Worst)]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        14 => edit().prop_map(Deed::Source),
        9 => tampering().prop_map(Deed::Tenant),
        2 => weather().prop_map(Deed::Weather),
        1 => Just(Deed::ExpireCursors),
        1 => (1..150_u16).prop_map(Deed::Die),
        2 => (1..1500_u16).prop_map(Deed::Die),
        1 => Just(Deed::Refuse),
        2 => Just(Deed::Full),
    ]
}

fn pause() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..3_000_u32, 2 => 0..60_000_u32, 1 => 0..2_000_000_u32]
}

/// A leaver is blocked and goes out of the groups at once, and is deleted a day later.
const STEP_BY_STEP: Removal = Removal { remove_from_groups: Step::Take, delete_after_days: Some(1), ..Removal::DISABLE };

/// Any simulation.
pub fn case() -> impl Strategy<Value = Case> {
    let removal = prop_oneof![
        2 => Just(Removal::LEAVE),
        2 => Just(Removal::DISABLE),
        4 => Just(Removal::DELETE),
        1 => Just(STEP_BY_STEP),
    ];
    let limit = prop_oneof![1 => Just(0_u64), 1 => Just(1), 3 => Just(100)];
    let deeds = prop::collection::vec((pause(), deed()), 1..24);
    (any::<u64>(), removal, limit, weather(), deeds).prop_map(|(seed, removal, limit, weather, deeds)| Case {
        seed,
        removal,
        limit,
        weather,
        deeds,
    })
}
