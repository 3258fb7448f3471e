//! Which of several certificates signs in: the newest that is valid, and an older one while the tenant refuses it.
//!
//! So a certificate is changed without a gap: the new one stands in the configuration beside the old one, before or after the
//! application knows it.

use std::sync::{Arc, Mutex, PoisonError};

use entrain_model::{Clock, CredentialKind, DirectoryError, Millis, RefusedCredential, TargetCredential};
use secrecy::{ExposeSecret as _, SecretString};

use super::certificate;
use crate::ClientCertificate;

/// So long a certificate that was refused is not tried first, in milliseconds.
const AGAIN: Millis = 600_000;

/// A certificate that can be tried.
#[derive(Clone, Debug)]
pub(crate) struct Usable {
    /// As operators are told of it.
    pub(crate) credential: TargetCredential,
    /// Key and certificate.
    pub(super) pem: SecretString,
    starts: Millis,
}

/// Reads certificates: those that can be tried, newest first, and what is wrong with the others.
pub(crate) fn read(certificates: &[ClientCertificate], now: Millis) -> (Vec<Usable>, Vec<RefusedCredential>) {
    let (mut usable, mut unusable) = (Vec::new(), Vec::new());
    for given in certificates {
        match one(given) {
            Ok(one) => usable.push(one),
            Err(why) => unusable.push(RefusedCredential { credential: named(&given.place, &given.place, 0), why, since: now }),
        }
    }
    usable.sort_by_key(|one| std::cmp::Reverse((one.starts, one.credential.expires_at)));
    (usable, unusable)
}

fn one(given: &ClientCertificate) -> Result<Usable, String> {
    let pem = given.pem.as_ref().map_err(Clone::clone)?;
    let known = certificate::of(pem.expose_secret()).ok_or_else(|| match certificate::bytes(pem.expose_secret()) {
        Ok(_) => "the certificate is not readable".to_owned(),
        Err(why) => why,
    })?;
    let name = format!("{} ({})", known.thumbprint, given.place);
    let credential = named(&known.thumbprint, &name, known.ends);
    Ok(Usable { credential, pem: pem.clone(), starts: known.starts })
}

fn named(id: &str, name: &str, expires_at: Millis) -> TargetCredential {
    TargetCredential { id: id.to_owned(), name: name.to_owned(), kind: CredentialKind::Certificate, expires_at }
}

/// Whose turn it is.
pub(super) struct Rotation {
    /// Newest first.
    usable: Vec<Usable>,
    unusable: Vec<RefusedCredential>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The place of the one that signed in last.
    taken: Option<usize>,
    refusals: Vec<Option<Refusal>>,
}

#[derive(Clone)]
struct Refusal {
    why: String,
    since: Millis,
    last: Millis,
}

impl Rotation {
    pub(super) fn new(usable: Vec<Usable>, unusable: Vec<RefusedCredential>, clock: Arc<dyn Clock>) -> Self {
        let state = State { taken: None, refusals: vec![None; usable.len()] };
        Self { usable, unusable, clock, state: Mutex::new(state) }
    }

    /// For what is no certificate: always the turn of the only one.
    pub(super) fn one(clock: Arc<dyn Clock>) -> Self {
        let only = Usable { credential: named("", "", Millis::MAX), pem: SecretString::default(), starts: Millis::MIN };
        Self::new(vec![only], Vec::new(), clock)
    }

    /// The places in the order in which they are to be tried now.
    pub(super) fn order(&self) -> Vec<usize> {
        let (now, state) = (self.clock.now(), self.state());
        let lately = |place: &usize| state.refusals[*place].as_ref().is_some_and(|refusal| now - refusal.last < AGAIN);
        let all = 0..self.usable.len();
        let valid: Vec<usize> = all.clone().filter(|place| self.usable[*place].is_valid(now)).collect();
        // By a clock that is wrong none may be: the tenant has its own.
        let mut order = if valid.is_empty() { all.collect() } else { valid };
        order.sort_by_key(lately);
        order
    }

    /// This one signed in.
    pub(super) fn taken(&self, place: usize) {
        let mut state = self.state();
        state.taken = Some(place);
        state.refusals[place] = None;
    }

    /// The tenant refused this one.
    pub(super) fn refused(&self, place: usize, error: &DirectoryError) {
        let (now, mut state) = (self.clock.now(), self.state());
        let since = state.refusals[place].as_ref().map_or(now, |refusal| refusal.since);
        if state.refusals[place].is_none() && self.usable.len() > 1 {
            let name = &self.usable[place].credential.name;
            tracing::warn!("certificate {name} is refused, the next one is tried: {}", error.message);
        }
        state.refusals[place] = Some(Refusal { why: error.message.clone(), since, last: now });
    }

    /// All were refused.
    pub(super) fn nobody(&self) {
        self.state().taken = None;
    }

    /// Which do not sign in although they would come before the one that does; `None` while none does.
    pub(super) fn passed_over(&self) -> Option<Vec<RefusedCredential>> {
        let (now, state) = (self.clock.now(), self.state());
        let taken = state.taken?;
        let mut over = self.unusable.clone();
        for (one, refusal) in self.usable.iter().zip(&state.refusals).take(taken) {
            let ended = one.credential.expires_at;
            let (why, since) = match refusal {
                Some(refusal) => (refusal.why.clone(), refusal.since),
                None if ended <= now => ("it has run out".to_owned(), ended),
                // Its time is still to come.
                None => continue,
            };
            over.push(RefusedCredential { credential: one.credential.clone(), why, since });
        }
        Some(over)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Usable {
    fn is_valid(&self, now: Millis) -> bool {
        (self.starts..self.credential.expires_at).contains(&now)
    }
}

#[cfg(test)]
mod tests {
    use entrain_model::Fault;

    use super::*;
    use crate::testing::FakeClock;

    const DAY: Millis = 86_400_000;

    fn usable(name: &str, starts: Millis, ends: Millis) -> Usable {
        Usable { credential: named(name, name, ends), pem: "".into(), starts }
    }

    /// Two certificates, the second of which is older and ends after 30 days; and a clock at the beginning of day 0.
    fn two(newer: (Millis, Millis)) -> (Rotation, Arc<FakeClock>, Millis) {
        let clock = FakeClock::new();
        let now = clock.now();
        let both = vec![usable("new", now + newer.0 * DAY, now + newer.1 * DAY), usable("old", now - 300 * DAY, now + 30 * DAY)];
        (Rotation::new(both, Vec::new(), clock.clone()), clock, now)
    }

    fn refusal() -> DirectoryError {
        DirectoryError::new(Fault::Unauthorized, "AADSTS700027".to_owned())
    }

    fn over(rotation: &Rotation) -> Vec<(String, String)> {
        let over = rotation.passed_over().unwrap().into_iter();
        over.map(|refused| (refused.credential.id, refused.why)).collect()
    }

    #[test]
    fn the_newest_that_is_valid_goes_first() {
        assert_eq!(two((-1, 90)).0.order(), [0, 1]);
        let (rotation, clock, now) = two((2, 90));
        assert_eq!(rotation.order(), [1], "its time is still to come");
        rotation.taken(1);
        assert_eq!(over(&rotation), []);
        clock.set(now + 2 * DAY);
        assert_eq!(rotation.order(), [0, 1]);
        clock.set(now + 31 * DAY);
        assert_eq!(rotation.order(), [0], "the old one has ended");
        clock.set(now + 91 * DAY);
        assert_eq!(rotation.order(), [0, 1], "both have, unless the clock is wrong");
    }

    #[test]
    fn what_was_refused_comes_last_for_a_while_and_is_told() {
        let (rotation, clock, now) = two((-1, 90));
        assert_eq!(rotation.passed_over(), None, "nobody knows yet");
        rotation.refused(0, &refusal());
        rotation.taken(1);
        assert_eq!(rotation.order(), [1, 0]);
        assert_eq!(over(&rotation), [("new".to_owned(), "AADSTS700027".to_owned())]);
        clock.set(now + AGAIN);
        assert_eq!(rotation.order(), [0, 1], "it is tried again");
        rotation.refused(0, &refusal());
        assert_eq!(rotation.passed_over().unwrap()[0].since, now, "it was refused all the time");
        clock.set(now + 2 * AGAIN);
        rotation.taken(0);
        assert_eq!((over(&rotation), rotation.order()), (vec![], vec![0, 1]));
        rotation.nobody();
        assert_eq!(rotation.passed_over(), None, "the halt tells it");
    }

    #[test]
    fn one_that_ended_before_an_older_one_is_told() {
        let (rotation, clock, now) = two((-1, 5));
        clock.set(now + 6 * DAY);
        assert_eq!(rotation.order(), [1]);
        rotation.taken(1);
        assert_eq!(over(&rotation), [("new".to_owned(), "it has run out".to_owned())]);
    }

    #[test]
    fn certificates_are_sorted_by_their_beginning_and_the_unreadable_are_told() {
        let made = |year: i32| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut wanted = rcgen::CertificateParams::new(vec!["entrain.test".into()]).unwrap();
            (wanted.not_before, wanted.not_after) = (rcgen::date_time_ymd(year, 1, 1), rcgen::date_time_ymd(2040, 1, 1));
            format!("{}{}", key.serialize_pem(), wanted.self_signed(&key).unwrap().pem())
        };
        let given = |place: &str, pem: Result<String, &str>| ClientCertificate {
            place: place.to_owned(),
            pem: pem.map(SecretString::from).map_err(str::to_owned),
        };
        let certificates = [
            given("a", Ok(made(2024))),
            given("b", Ok(made(2026))),
            given("c", Err("c cannot be read")),
            given("d", Ok("nothing".to_owned())),
        ];
        let (usable, unusable) = read(&certificates, 7);
        let names: Vec<&str> = usable.iter().map(|one| one.credential.name.rsplit(' ').next().unwrap()).collect();
        assert_eq!(names, ["(b)", "(a)"]);
        let told: Vec<(&str, &str)> = unusable.iter().map(|one| (one.credential.id.as_str(), one.why.as_str())).collect();
        assert_eq!(told, [("c", "c cannot be read"), ("d", "the PEM text has no certificate")]);
    }
}
