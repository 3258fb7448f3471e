//! A mapping of twenty fields beside another, over the whole source: how many objects are compared in a second.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use entrain::config::Config;
use entrain::wiring::{SystemClock, compile, connect_with};
use entrain_mapping::{Script, default_scripts};
use entrain_model::{Kind, Mode, Reason, Scope};
use entrain_store::{RunKind, SourceChange, Store, UserRow};
use entrain_sync::{Ask, Engine, Silent, Target};
use entrain_tests::database::{Database, Dialect};
use entrain_tests::memory::Memory;
use serde_json::{Value as Json, json};

use crate::rounded;

/// Source changes in one transaction.
const TRANSACTION: u64 = 20_000;

const PUBLISHED: &str = r#"
let work = user.address("work");
#{
    userPrincipalName: user.userName,
    mailNickname: mail_nickname(local_part(user.userName)),
    accountEnabled: user.active,
    displayName: join([user.name.givenName, user.name.familyName], " "),
    givenName: or_clear(user.name.givenName),
    surname: or_clear(user.name.familyName),
    jobTitle: or_clear(user.title),
    department: or_clear(user.department),
    companyName: or_clear(user.companyName),
    employeeId: or_clear(to_text(user.employeeNumber)),
    employeeType: or_clear(user.employeeType),
    mobilePhone: or_clear(user.phone("mobile")),
    businessPhones: [user.phone("work")],
    streetAddress: or_clear(work.streetAddress),
    city: or_clear(work.locality),
    state: or_clear(work.region),
    postalCode: or_clear(work.postalCode),
    country: or_clear(work.country),
    preferredLanguage: or_clear(user.preferredLanguage),
    usageLocation: country_code(work.country),
}
"#;

/// Compares twice: with what the published mapping has made already, as after any sync, and with nothing to read.
pub(crate) async fn run(users: u64, store: &str) -> anyhow::Result<Json> {
    let database = Database::new(match store {
        "sqlite" => Dialect::Sqlite,
        "postgres" => Dialect::Postgres,
        other => bail!("--store takes sqlite or postgres, not `{other}`"),
    })?;
    let store = Store::open(database.url(), Arc::new(SystemClock)).await?;
    fill(&store, users).await?;
    let file = database.folder().join("entrain.toml");
    std::fs::write(&file, configuration(database.url()))?;
    let config = Config::load(&file)?;
    let config = config.target("bench").context("the configuration has a target")?;
    let connected = connect_with(config, &scripts(PUBLISHED), Arc::new(SystemClock), None)?.target;
    // The schema is the real one; the tenant is never asked.
    let memory = Arc::new(Memory::new(connected.directory.schema().clone(), 1));
    let target = Arc::new(Target { directory: memory, mode: Mode::Observe, ..Target::clone(&connected) });
    store.put_target(&target.name, target.mode, &target.config_digest, target.mapping.version()).await?;
    let engine = Engine::new(store.clone(), Arc::new(SystemClock), "bench");

    let new = compile(
        config,
        &scripts(&PUBLISHED.replace(
            r#"join([user.name.givenName, user.name.familyName], " ")"#,
            r#"join([user.name.familyName, user.name.givenName], ", ")"#,
        )),
    )?;
    let mut seconds = [0.0; 2];
    let mut fields = 0;
    for (mapped, seconds) in [false, true].into_iter().zip(&mut seconds) {
        if mapped {
            let ask = Ask { kind: RunKind::Plan, ..Ask::sync(Scope::Everything, Reason::Operator) };
            engine.reconcile(&target, ask, &Silent).await?;
        }
        let begun = Instant::now();
        let found = engine.what_if(&target, Arc::clone(&new), &Silent).await?;
        *seconds = begun.elapsed().as_secs_f64();
        ensure!(found.objects == users && found.failed == 0, "{} compared, {} failed", found.objects, found.failed);
        ensure!(found.stored == if mapped { users } else { 0 }, "{} were read", found.stored);
        ensure!(found.groups.counts()[&Kind::User]["displayName"] == users, "{}", found.to_json());
        fields = found.fields;
    }
    let per_second = |seconds: f64| (users as f64 / seconds).round();
    let [evaluated, read] = seconds;
    Ok(json!({
        "benchmark": "what-if", "objects": users, "fields": fields, "seconds": rounded(read), "objects_per_second": per_second(read),
        "both_evaluated": { "seconds": rounded(evaluated), "objects_per_second": per_second(evaluated) },
    }))
}

fn scripts(user: &str) -> Vec<Script> {
    let groups = default_scripts().into_iter().filter(|script| script.kind == Kind::Group);
    let users = Script { name: "user.rhai".to_owned(), kind: Kind::User, text: user.to_owned() };
    std::iter::once(users).chain(groups).collect()
}

fn configuration(url: &str) -> String {
    format!(
        "[store]\nurl = \"{url}\"\n[[target]]\nname = \"bench\"\ntenant = \"contoso.example\"\n\
         credential = {{ type = \"managed_identity\" }}\n"
    )
}

async fn fill(store: &Store, users: u64) -> anyhow::Result<()> {
    let mut from = 0;
    while from < users {
        let to = users.min(from + TRANSACTION);
        let people: Vec<_> = (from..to).map(person).collect();
        let mut writer = store.source_writer().await?;
        writer.apply(&people).await?;
        writer.commit().await?;
        from = to;
    }
    Ok(())
}

fn person(n: u64) -> SourceChange {
    let mut row = UserRow::new(format!("u{n:07}"), format!("user{n}@contoso.example"));
    row.given_name = Some(format!("Given{}", n % 1009));
    row.family_name = Some(format!("Surname{}", n % 997));
    row.display_name = Some(format!("Given{} Surname{}", n % 1009, n % 997));
    row.mail = Some(format!("user{n}@contoso.example"));
    row.document = [
        ("title".to_owned(), json!(format!("Title {}", n % 37))),
        ("department".to_owned(), json!(format!("Department {}", n % 211))),
        ("companyName".to_owned(), json!("Contoso")),
        ("employeeNumber".to_owned(), json!((100_000 + n).to_string())),
        ("employeeType".to_owned(), json!("Employee")),
        ("preferredLanguage".to_owned(), json!("de-CH")),
        (
            "phoneNumbers".to_owned(),
            json!([
                { "type": "work", "value": format!("+41 44 {:07}", n % 10_000_000) },
                { "type": "mobile", "value": format!("+41 79 {:07}", n % 10_000_000) },
            ]),
        ),
        (
            "addresses".to_owned(),
            json!([{
                "type": "work", "streetAddress": format!("Main Street {}", n % 211), "locality": "Zürich", "region": "ZH",
                "postalCode": "8000", "country": "CH",
            }]),
        ),
    ]
    .into();
    SourceChange::PutUser(row)
}
