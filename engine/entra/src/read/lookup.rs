//! One record by its id, and records by the value of an attribute.

use std::collections::BTreeSet;

use entrain_model::{DirectoryError, Fault, Kind, Observed, Pages, Read, Shape, Subset, TargetId, fold};

use super::observe::View;
use super::{collection, complete, hand};
use crate::Entra;
use crate::call::Call;
use crate::classify::Meaning;
use crate::odata;
use crate::schema::GROUP_ANCHOR;

/// Properties that only the search index answers, even for equality (Graph documentation, "Advanced query capabilities").
const INDEXED_ONLY: &[&str] = &[
    "companyName",
    "employeeHireDate",
    "employeeType",
    "mobilePhone",
    "officeLocation",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "postalCode",
    "preferredLanguage",
    "streetAddress",
];

impl Entra {
    pub(super) async fn record(
        &self,
        kind: Kind,
        id: &TargetId,
        attributes: &BTreeSet<String>,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        let view = self.view(kind, attributes);
        let place = format!("/{}/{}", collection(kind), odata::escape(id.as_str()));
        self.single(Call::get(format!("{place}?{}", odata::query(&[("select", &view.select())]))), &view, |_| true, into).await
    }

    pub(super) async fn matching(
        &self,
        kind: Kind,
        attribute: &str,
        value: &str,
        attributes: &BTreeSet<String>,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        let mut attributes = attributes.clone();
        attributes.insert(attribute.to_owned());
        let view = self.view(kind, &attributes);
        let select = odata::query(&[("select", &view.select())]);
        match (kind, attribute) {
            (Kind::User, "userPrincipalName") if value.contains('@') => {
                let call = Call::get(format!("{}?{select}", user_by_login(value))).shown_as("/users/{userPrincipalName}");
                let wanted = fold(value);
                let same =
                    |seen: &Observed| seen.attributes.get(attribute).and_then(|v| v.as_str()).map(fold) == Some(wanted.clone());
                self.single(call, &view, same, into).await
            }
            (Kind::Group, GROUP_ANCHOR) => {
                let call = Call::get(format!("{}?{select}", group_by_key(value))).shown_as("/groups(uniqueName='{key}')");
                self.single(call, &view, |_| true, into).await
            }
            _ => self.filtered(kind, attribute, value, &view, into).await,
        }
    }

    /// A call that brings one record or says that there is none.
    async fn single(
        &self,
        call: Call,
        view: &View,
        wanted: impl Fn(&Observed) -> bool,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        match self.client.send(call).await {
            Ok(answer) => {
                if let Some(seen) = view.observe(&answer.body).filter(wanted) {
                    hand(into, vec![seen]).await?;
                }
                Ok(complete(1))
            }
            Err(refusal) if refusal.meaning == Meaning::Missing => Ok(complete(1)),
            Err(refusal) => Err(refusal.error),
        }
    }

    async fn filtered(
        &self,
        kind: Kind,
        attribute: &str,
        value: &str,
        view: &View,
        into: &mut dyn Pages,
    ) -> Result<Read, DirectoryError> {
        let mut list = self.list(self.filter(&format!("/{}", collection(kind)), kind, attribute, value, view));
        loop {
            match list.page().await {
                Ok(None) => return Ok(list.complete()),
                Ok(Some(items)) => hand(into, items.iter().filter_map(|item| view.observe(item)).collect()).await?,
                Err(error) if error.fault == Fault::Unsupported => {
                    return Ok(Read::Partial(Subset::NotOffered(error.to_string())));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A list of the records whose attribute has the value.
    pub(super) fn filter(&self, place: &str, kind: Kind, attribute: &str, value: &str, view: &View) -> Call {
        let path = attribute.replace('.', "/");
        let root = attribute.split('.').next().unwrap_or_default();
        let listed = self.schema.of(kind).attributes.get(root).is_some_and(|row| row.shape == Shape::Texts);
        let filter = match listed {
            true => format!("{path}/any(x:x eq {})", odata::literal(value)),
            false => format!("{path} eq {}", odata::literal(value)),
        };
        let mut options = vec![("filter", filter.as_str())];
        let select = view.select();
        options.push(("select", &select));
        let advanced = INDEXED_ONLY.contains(&root);
        if advanced {
            options.push(("count", "true"));
        }
        let call = Call::get(format!("{place}?{}", odata::query(&options)));
        if advanced { call.advanced() } else { call }
    }
}

/// The address of a user by the sign-in name. One that begins with `$` would be taken for an option in the short form.
fn user_by_login(login: &str) -> String {
    match login.starts_with('$') {
        true => format!("/users('{}')", odata::escape(&login.replace('\'', "''"))),
        false => format!("/users/{}", odata::escape(login)),
    }
}

/// The address of a group by its alternate key.
pub(crate) fn group_by_key(value: &str) -> String {
    format!("/groups{}", odata::key(GROUP_ANCHOR, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_escaped_and_a_leading_dollar_takes_the_long_form() {
        assert_eq!(user_by_login("o'hara#1@contoso.com"), "/users/o%27hara%231@contoso.com");
        assert_eq!(user_by_login("$a'b@contoso.com"), "/users('%24a%27%27b@contoso.com')");
    }
}
