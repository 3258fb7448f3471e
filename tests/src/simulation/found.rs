//! Storms that chance found once: they are played in each run.

use entrain_model::Removal;

use super::deeds::Deed::{ExpireCursors, Full, Refuse, Source, Tenant};
use super::deeds::Edit::{self, Group, Join, Put, Remove, RemoveGroup};
use super::deeds::Tampering::{Drift, Usurp};
use super::deeds::{Bin, Case, Deed, Tampering, Tie, Weather};
use super::play;

async fn played(seed: u64, removal: Removal, limit: u64, deeds: Vec<(u32, Deed)>) {
    played_in(Weather::Worst, seed, removal, limit, deeds).await;
}

async fn played_in(weather: Weather, seed: u64, removal: Removal, limit: u64, deeds: Vec<(u32, Deed)>) {
    let case = Case { seed, removal, limit, weather, deeds };
    play(&case).await.unwrap();
}

fn put(user: u8, login: u8, title: Option<u8>, manager: Option<u8>) -> Deed {
    Source(Put { user, login, title, active: true, manager })
}

/// A login that a deleted record had was not known to be free, since renames of unknown outcome had come before.
#[tokio::test]
async fn a_deletion_frees_a_login_that_nobody_knew_of() {
    let deeds = vec![
        (1898, put(2, 4, None, None)),
        (661, Source(Group { group: 2, name: 2 })),
        (787, Tenant(Drift { nth: 0, title: 1 })),
        (2026, Source(Join { group: 0, user: 0 })),
        (2428, put(4, 1, Some(0), None)),
        (33911, put(4, 0, None, Some(0))),
        (429, put(4, 4, Some(2), None)),
        (101_362, Tenant(Usurp(2))),
        (2286, Source(Group { group: 1, name: 2 })),
        (1843, Refuse),
        (1484, Source(Group { group: 1, name: 1 })),
        (47_815, ExpireCursors),
        (1060, Source(Remove(2))),
    ];
    played(13_452_062_429_505_429_542, Removal::DELETE, 1, deeds).await;
}

/// A create whose answer was lost stayed in doubt for ever, since its record had come back from the recycle bin with another login.
#[tokio::test]
async fn a_lost_create_is_settled_by_the_record_that_was_restored() {
    let deeds = vec![
        (1111, Full),
        (7169, Source(Group { group: 0, name: 2 })),
        (2960, Source(Put { user: 0, login: 0, title: None, active: false, manager: None })),
        (521_350, Source(Group { group: 0, name: 1 })),
        (2291, put(3, 4, Some(0), Some(3))),
        (2701, Tenant(Tampering::Bin(Bin::Discard(1)))),
        (91, put(3, 0, None, None)),
    ];
    played(18_412_721_926_465_621_713, Removal::LEAVE, 0, deeds).await;
}

/// A create that was done and not answered was forgotten when its repeat was refused, and its object left before another look.
#[tokio::test]
async fn a_repeat_that_is_refused_leaves_the_first_create_in_doubt() {
    let deeds = vec![
        (2364, Full),
        (0, Source(Put { user: 0, login: 3, title: None, active: false, manager: None })),
        (4131, put(2, 3, Some(2), Some(4))),
        (1475, Tenant(Tampering::Rename { nth: 0, name: 1 })),
        (1317, put(3, 0, None, Some(2))),
        (21_841, Deed::Die(688)),
        (467, Source(Group { group: 0, name: 1 })),
        (15_648, Tenant(Tampering::Tie(Tie::Invite(3)))),
        (491, Source(RemoveGroup(0))),
    ];
    played(17_545_733_062_591_847_254, Removal::DELETE, 0, deeds).await;
}

/// What somebody wrote before our own write was read for the first time was taken for what the tenant made of it.
#[tokio::test]
async fn an_edit_that_is_read_first_is_no_echo() {
    let deeds = vec![
        (1, Source(Put { user: 0, login: 0, title: None, active: false, manager: None })),
        (1046, Source(Group { group: 0, name: 0 })),
        (2781, Tenant(Drift { nth: 0, title: 0 })),
        (69, Deed::Die(1105)),
        (2497, Full),
        (538_121, Tenant(Tampering::Tie(Tie::Intrude(0)))),
    ];
    played(16_872_336_101_210_574_938, Removal::LEAVE, 0, deeds).await;
}

/// The record of a leaver that had just been restored was let go, since a late read had told of its deletion once more.
#[tokio::test]
async fn a_record_that_was_believed_deleted_is_looked_at_before_it_is_let_go() {
    let deeds = vec![
        (0, put(2, 0, None, None)),
        (2783, Tenant(Tampering::Bin(Bin::Discard(0)))),
        (5, Full),
        (44_832, Deed::Die(46)),
        (47_998, Deed::Weather(Weather::Worst)),
        (37_061, put(1, 4, None, None)),
        (2934, Source(Remove(2))),
    ];
    played_in(Weather::Late, 8_039_118_902_848_116_849, Removal::DISABLE, 0, deeds).await;
}

/// Somebody waits for the login of a leaver whose record only a person may delete: that is right.
#[tokio::test]
async fn the_login_of_a_record_without_an_anchor_is_waited_for() {
    let inactive = Source(Put { user: 0, login: 4, title: None, active: false, manager: None });
    let deeds = vec![
        (0, Full),
        (0, inactive),
        (1578, Source(Group { group: 2, name: 0 })),
        (1082, Deed::Die(87)),
        (13_939, Source(RemoveGroup(0))),
        (885, Deed::Die(1174)),
        (2857, Source(Join { group: 1, user: 1 })),
        (537, put(2, 1, None, None)),
        (51_564, Source(Remove(0))),
        (676, Source(Edit::Leave { group: 0, user: 1 })),
        (55_743, Source(Join { group: 1, user: 2 })),
        (1174, put(3, 1, Some(3), Some(2))),
        (181_075, put(2, 0, Some(0), None)),
        (45_635, put(2, 4, None, None)),
        (598, Tenant(Tampering::Unanchor(0))),
    ];
    played(3_504_697_454_599_964_867, Removal::DELETE, 0, deeds).await;
}
