//! What we believe to have left of Graph's quotas, and what the answers teach.
//!
//! The price of links that travel together is disputed: one write by the table, a third of a write each by the report of
//! others. Both are kept in parallel, and what the headers say of the account decides between them. The dearer one is
//! believed at first: to be wrong that way costs time, the other way costs a pause.

use std::time::Duration;

use entrain_model::{Lane, Millis};

use super::bucket::Bucket;
use super::cost::Charge;
use crate::Quota;

/// The time over which resource units are counted.
const UNITS_OVER: Duration = Duration::from_secs(10);
/// The time over which writes are counted.
const WRITES_OVER: Duration = Duration::from_secs(150);
/// From this share of a quota on, answers say how much is used.
const TOLD_FROM: f64 = 0.8;
/// Less than this, as a share of the quota, decides nothing: requests overtake each other.
const DOUBT: f64 = 0.04;

/// What a lane leaves to those above it, as a share of the quota: a leaver then never waits for what a full run has spent.
/// Graph does likewise; how much it keeps from the low ones is not published.
fn rest(lane: Lane) -> f64 {
    match lane {
        Lane::Leaver => 0.0,
        Lane::Direct => 0.02,
        Lane::Bulk => 0.12,
    }
}

/// How long a share of the rate is tried before it is changed, in milliseconds.
const DARED_FOR: Millis = 15_000;
/// We always take at least this share: a hundredth is 12 writes a minute.
const DARED_LEAST: f64 = 0.01;

/// What links that travel together cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Price {
    Flat,
    ByThree,
}

/// What an answer says of the accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// `x-ms-resource-unit`.
    pub(crate) units: Option<f64>,
    /// `x-ms-throttle-limit-percentage`, as a share of the limit.
    pub(crate) share: Option<f64>,
    /// The request was refused with 429: for the sake of what, if the answer says so.
    pub(crate) throttled: Option<Limit>,
}

/// Why a request was refused with 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The resource units are used up.
    Units,
    /// The writes are used up.
    Writes,
    /// The answer does not say; it is taken for the quota that the request needed most.
    Unnamed,
    /// It names a reason that is none of the accounts (`CPULimitExceeded`), and so tells nothing of them.
    Elsewhere,
}

impl Told {
    /// Reads an answer's headers (Graph documentation, "Throttling guidance").
    pub(crate) fn read(status: u16, header: impl Fn(&str) -> Option<String>) -> Self {
        let number = |name: &str| header(name)?.parse::<f64>().ok().filter(|number| number.is_finite());
        let limit = || match header("x-ms-throttle-information").as_deref() {
            Some("WriteLimitExceeded") => Limit::Writes,
            Some("ResourceUnitLimitExceeded") => Limit::Units,
            Some(named) if !named.trim().is_empty() => Limit::Elsewhere,
            Some(_) | None => Limit::Unnamed,
        };
        Self {
            units: number("x-ms-resource-unit"),
            share: number("x-ms-throttle-limit-percentage"),
            throttled: (status == 429).then(limit),
        }
    }

    /// What the parts of a batch say together.
    pub(crate) fn and(self, other: Told) -> Told {
        Told {
            // Without one of the parts it is not what the whole cost.
            units: self.units.zip(other.units).map(|(one, two)| one + two),
            share: self.share.into_iter().chain(other.share).reduce(f64::max),
            throttled: match (self.throttled, other.throttled) {
                (Some(Limit::Elsewhere), Some(quota)) => Some(quota),
                (one, other) => one.or(other),
            },
        }
    }
}

/// The accounts.
pub(crate) struct Account {
    units: Bucket,
    flat: Bucket,
    by_three: Bucket,
    price: Price,
    /// Charged, and not answered yet.
    on_the_wire: Charge,
    /// The share of the published rate that we dare to use: others may be using the tenant as well.
    dared: f64,
    /// When it was changed last.
    dared_at: Millis,
    /// An answer without a share says that little is used. Not believed any more once a refusal came out of such a silence.
    silence_counts: bool,
}

impl Account {
    pub(crate) fn new(quota: Quota, now: Millis) -> Self {
        let writes = Bucket::new(f64::from(quota.writes), WRITES_OVER, now);
        Self {
            units: Bucket::new(f64::from(quota.units), UNITS_OVER, now),
            flat: writes,
            by_three: writes,
            price: Price::ByThree,
            on_the_wire: Charge::default(),
            dared: 1.0,
            dared_at: now,
            silence_counts: true,
        }
    }

    fn writes(&mut self) -> &mut Bucket {
        match self.price {
            Price::Flat => &mut self.flat,
            Price::ByThree => &mut self.by_three,
        }
    }

    fn doubt(&self) -> f64 {
        self.flat.capacity() * DOUBT
    }

    fn cost(&self, charge: Charge) -> f64 {
        match self.price {
            Price::Flat => charge.writes_flat,
            Price::ByThree => charge.writes_by_three,
        }
    }

    /// How long until a request of this lane can pay the charge.
    pub(crate) fn wait(&mut self, charge: Charge, lane: Lane, now: Millis) -> Option<Duration> {
        let (cost, rest) = (self.cost(charge), rest(lane));
        let writes = if cost > 0.0 { self.writes().wait(cost, rest, now) } else { None };
        self.units.wait(charge.units, rest, now).max(writes)
    }

    pub(crate) fn take(&mut self, charge: Charge, now: Millis) {
        self.units.take(charge.units, now);
        self.flat.take(charge.writes_flat, now);
        self.by_three.take(charge.writes_by_three, now);
        self.on_the_wire = self.on_the_wire + charge;
    }

    /// A request is answered or given up.
    pub(crate) fn landed(&mut self, charge: Charge) {
        let less = Charge { units: -charge.units, writes_flat: -charge.writes_flat, writes_by_three: -charge.writes_by_three };
        self.on_the_wire = self.on_the_wire + less;
    }

    /// Corrects the accounts after the answer to a request of this charge.
    pub(crate) fn learn(&mut self, charge: Charge, told: Told, now: Millis) {
        if told.throttled == Some(Limit::Elsewhere) {
            return;
        }
        if let Some(units) = told.units {
            self.units.take(units - charge.units, now);
        }
        self.silence_counts |= told.share.is_some();
        let writes = charge.writes_flat > 0.0;
        if writes && told.throttled.is_none() {
            self.dare_more(now);
        }
        if let Some(limit) = told.throttled {
            self.emptied(writes && limit != Limit::Units, now);
        } else if writes && self.units.level(now) > self.units.capacity() * (1.0 - TOLD_FROM) {
            match told.share {
                Some(share) => self.observed(self.flat.capacity() * (1.0 - share).max(0.0), now),
                None if self.silence_counts => self.at_least(self.flat.capacity() * (1.0 - TOLD_FROM), now),
                None => {}
            }
        }
    }

    /// Graph says that there is nothing left: whatever we believed, it is less.
    fn emptied(&mut self, writes: bool, now: Millis) {
        if !writes {
            let level = self.units.level(now).min(0.0);
            self.units.set(level, now);
            return;
        }
        if self.writes().level(now) > self.doubt() {
            self.price = Price::ByThree;
            self.silence_counts = false;
        } else {
            self.dare_less(now);
        }
        for bucket in [&mut self.flat, &mut self.by_three] {
            let level = bucket.level(now).min(0.0);
            bucket.set(level, now);
        }
    }

    /// We kept the account, and there was nothing left all the same: others use it too, so we take half of it. One refusal
    /// has many witnesses, of which the first counts.
    fn dare_less(&mut self, now: Millis) {
        if now.saturating_sub(self.dared_at) >= DARED_FOR || self.dared >= 1.0 {
            self.dare((self.dared / 2.0).max(DARED_LEAST), now);
        }
    }

    /// It went well for a while: we try a little more.
    fn dare_more(&mut self, now: Millis) {
        if self.dared < 1.0 && now.saturating_sub(self.dared_at) >= 2 * DARED_FOR {
            self.dare((self.dared * 1.25).min(1.0), now);
        }
    }

    fn dare(&mut self, share: f64, now: Millis) {
        (self.dared, self.dared_at) = (share, now);
        self.flat.dare(share, now);
        self.by_three.dare(share, now);
    }

    /// So much is left, less what is on the wire.
    fn observed(&mut self, left: f64, now: Millis) {
        let (flat, by_three) = (self.flat.level(now), self.by_three.level(now));
        let off_flat = (left - self.on_the_wire.writes_flat - flat).abs();
        let off_by_three = (left - self.on_the_wire.writes_by_three - by_three).abs();
        if (off_flat - off_by_three).abs() > self.doubt() {
            self.price = if off_flat < off_by_three { Price::Flat } else { Price::ByThree };
        }
        self.flat.set(left - self.on_the_wire.writes_flat, now);
        self.by_three.set(left - self.on_the_wire.writes_by_three, now);
    }

    /// At least so much is left, or the answer would have said so.
    fn at_least(&mut self, left: f64, now: Millis) {
        let (flat, by_three) = (self.flat.level(now), self.by_three.level(now));
        let lowest = left - self.on_the_wire.writes_by_three - self.doubt();
        if by_three < lowest {
            if flat >= left {
                self.price = Price::Flat;
            }
            self.by_three.set(lowest, now);
        }
        let lowest = left - self.on_the_wire.writes_flat - self.doubt();
        if flat < lowest {
            self.flat.set(lowest, now);
        }
    }

    /// Of twenty links, Graph's limit, three times six cost the least where three cost one.
    pub(crate) fn links(&self) -> usize {
        match self.price {
            Price::Flat => 20,
            Price::ByThree => 18,
        }
    }

    /// How long that many writes and links take, if nothing leaves before `start`: until then the account fills.
    pub(crate) fn time_for(&self, changes: u64, links: u64, groups: u64, start: Millis) -> Duration {
        let count = |n: u64| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let links = match self.price {
            Price::Flat => count(links) / 20.0 + count(groups) / 2.0,
            Price::ByThree => count(links) / 3.0 + count(groups) / 3.0,
        };
        let rest = rest(Lane::Bulk) * self.flat.capacity();
        let mut writes = match self.price {
            Price::Flat => self.flat,
            Price::ByThree => self.by_three,
        };
        writes.time_for(count(changes) + links + rest, start)
    }
}
