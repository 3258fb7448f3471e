//! When the credential of a target runs out, or is passed over for another one.

use entrain_model::{Millis, RefusedCredential, TargetCredential};
use entrain_store::{Alarm, AlarmKind};
use serde_json::json;

const DAY: Millis = 86_400_000;

/// So many days before, a person is told: each is graver than the one before.
const STEPS: [i64; 5] = [60, 30, 14, 7, 1];

/// The end of one credential.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expiry(pub(crate) TargetCredential);

impl Expiry {
    /// The alarm of today, if there is one. What has run out proves by this very look that it is not the one in use.
    pub(crate) fn alarm(&self, now: Millis) -> Option<Alarm> {
        let Expiry(credential) = self;
        let left = credential.expires_at.saturating_sub(now);
        if left <= 0 {
            return None;
        }
        let level = STEPS.iter().filter(|days| left <= **days * DAY).count();
        if level == 0 {
            return None;
        }
        let what = credential.kind.as_str();
        let days = left / DAY;
        let when = if days == 0 { "within a day".to_owned() } else { format!("in {days} days") };
        let message = format!(
            "the {what} `{}` runs out {when}: add a new one to the application and to the configuration",
            credential.name
        );
        let body = json!({ "id": credential.id, "name": credential.name, "what": what, "expires_at": credential.expires_at });
        Some(Alarm {
            kind: AlarmKind::CredentialExpiring,
            about: credential.id.clone(),
            level: i64::try_from(level).unwrap_or_default(),
            message,
            body,
        })
    }
}

/// The alarm of a credential that does not sign in while another one does.
pub(crate) fn passed_over(refused: &RefusedCredential) -> Alarm {
    let RefusedCredential { credential, why, since } = refused;
    let what = credential.kind.as_str();
    let message = format!(
        "the {what} `{}` does not sign in, and all depends on another one: {why}. Mend it, or take it out of the configuration",
        credential.name
    );
    let body = json!({ "id": credential.id, "name": credential.name, "what": what, "why": why, "since": since });
    Alarm { kind: AlarmKind::CredentialRefused, about: credential.id.clone(), level: 0, message, body }
}

#[cfg(test)]
mod tests {
    use entrain_model::CredentialKind;

    use super::*;

    #[test]
    fn it_grows_graver_60_30_14_7_and_1_days_before() {
        let expiry = |days: i64| {
            let expires_at = 1_800_000_000_000 + days * DAY;
            Expiry(TargetCredential { id: "k".into(), name: "ours".into(), kind: CredentialKind::Secret, expires_at })
        };
        let level = |days: i64| expiry(days).alarm(1_800_000_000_000).map(|alarm| alarm.level);
        let levels = [61, 60, 31, 30, 15, 14, 8, 7, 2, 1].map(level);
        assert_eq!(levels, [None, Some(1), Some(1), Some(2), Some(2), Some(3), Some(3), Some(4), Some(4), Some(5)]);
        assert_eq!((level(0), level(-5)), (None, None), "it is not in use any more");
        let alarm = expiry(7).alarm(1_800_000_000_000).unwrap();
        assert!(alarm.message.contains("client secret `ours` runs out in 7 days"), "{}", alarm.message);
    }
}
