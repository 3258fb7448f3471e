use std::path::Path;
use std::time::Duration;

use entrain_model::{Authority, Begins, Kind, Limit, Limits, MatchKey, Mode, Operation, Removal, Share};
use secrecy::ExposeSecret as _;

use super::*;

const HEAD: &str = "[store]\nurl = \"sqlite://x.sqlite3\"\n";

/// A target with the required keys, then `more`.
fn with_target(more: &str) -> String {
    format!("{HEAD}[[target]]\nname = \"a\"\ntenant = \"t\"\n{more}\n[target.credential]\ntype = \"managed_identity\"\n")
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("dir/entrain.toml"))
}

/// What the file is told, one message a line.
fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn an_embedded_database_is_beside_the_configuration_wherever_a_command_is_given() {
    let url = |text: &str| {
        let config = Config::parse(&format!("[store]\nurl = \"{text}\"\n"), Path::new("dir/entrain.toml")).unwrap();
        config.store.url.read("the URL").unwrap().expose_secret().to_owned()
    };
    for (written, meant) in [
        ("sqlite://x.sqlite3", "sqlite://dir/x.sqlite3"),
        ("sqlite:x.sqlite3", "sqlite://dir/x.sqlite3"),
        ("sqlite://a/x.sqlite3?mode=rwc", "sqlite://dir/a/x.sqlite3?mode=rwc"),
        ("sqlite:///srv/x.sqlite3", "sqlite:///srv/x.sqlite3"),
        ("sqlite::memory:", "sqlite::memory:"),
        ("postgres://u@h/d", "postgres://u@h/d"),
    ] {
        assert_eq!(url(written), meant);
    }
}

#[test]
fn the_template_is_a_configuration_with_the_defaults_it_names() {
    let config = parse(TEMPLATE).unwrap();
    let target = config.target("example").unwrap();
    assert_eq!(target.mode, Mode::Observe);
    assert_eq!(target.scope.service_accounts, Choice::Exclude);
    assert_eq!(target.scope.groups, Choice::Include);
    assert_eq!(target.limits, Limits::default());
}

#[test]
fn the_defaults_that_the_template_comments_out_are_the_defaults() {
    let lines = TEMPLATE.lines().filter(|line| !line.contains("not the default"));
    let mut in_endpoints = false;
    let shown: Vec<&str> = lines
        .map(|line| {
            let body = line.strip_prefix("# ").unwrap_or(line);
            in_endpoints = if body.starts_with('[') { body == "[target.endpoints]" } else { in_endpoints };
            let is_key = body.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            if is_key && !in_endpoints { body } else { line }
        })
        .collect();
    let explicit = parse(&shown.join("\n")).unwrap();
    assert!(shown.iter().filter(|line| !line.starts_with('#')).count() > 30, "the comments were not uncommented");
    let implicit = parse(TEMPLATE).unwrap();
    let (one, other) = (&explicit.targets[0], &implicit.targets[0]);
    let user_keys = ["userPrincipalName", "mail"].map(|attribute| MatchKey { attribute: attribute.into(), source: None });
    assert_eq!(one.user_keys.as_deref(), Some(&user_keys[..]));
    let same = |target: &TargetConfig| {
        let mut target = target.clone();
        (target.user_keys, target.group_keys) = (None, None);
        format!("{target:?}")
    };
    assert_eq!(same(one), same(other));
    assert_eq!(explicit.log, implicit.log);
}

#[test]
fn a_removal_is_a_word_or_a_table_and_a_first_password_needs_somebody_to_tell() {
    let target = |rest: &str| parse(&with_target(rest));
    let steps = "[target.removal]\nusers = { disable = true, remove_from_groups = true, delete_after_days = 30 }\n";
    let removal = target(steps).unwrap().targets[0].user_removal;
    assert_eq!((removal.disable.is_taken(), removal.revoke_sessions.is_taken()), (true, false));
    assert_eq!((removal.remove_from_groups.is_taken(), removal.delete_after_days), (true, Some(30)));
    for (wrong, what) in [
        ("[target.removal]\nusers = { delete_after = 3 }\n", "delete_after_days"),
        ("[target.removal]\nusers = { delete_after_days = 9000 }\n", "write 0 to 3650"),
        ("[target.removal]\ngroups = { remove_from_groups = true }\n", "only users are removed from groups"),
        ("[target.first_password]\nkind = \"temporary_access_pass\"\n", "name a receiver"),
        ("[target.first_password]\nusable_once = true\n", "temporary_access_pass"),
    ] {
        let error = target(wrong).unwrap_err().to_string();
        assert!(error.contains(what), "{wrong}: {error}");
    }
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let text = format!(
        "{HEAD}[log]\nformat = \"json\"\nlevel = \"debug\"\n[[target]]\nname = \"b-1\"\ntenant = \"corp.example\"\ncloud = \"china\"\n\
         mode = \"full\"\nsettling_seconds = 7\n[target.credential]\ntype = \"secret\"\n\
         client_id = \"app\"\nsecret = {{ file = \"secret.txt\" }}\n[target.anchor]\nusers = \"extensionAttribute15\"\n\
         [target.settings]\ndomain = \"corp.example\"\ndeep = {{ n = 3 }}\n[target.scope]\ngroup = \"g1\"\nusers_where = \"true\"\n\
         groups_where = \"false\"\nservice_accounts = \"include\"\ngroups = \"exclude\"\n[target.removal]\nusers = \"disable\"\n\
         groups = \"delete\"\n[target.limits]\ndelete = {{ count = 3 }}\ncreate = {{ count = 50, day = {{ count = 1000000 }} }}\n\
         disable = {{ percent = 0.5, count = 9000, day = {{ count = 9001 }} }}\nremove_reference_of_group = {{ percent = 10 }}\n\
         clear.count = 900\nclear.mobilePhone = {{ count = 7 }}\nchange.\"*\" = {{ count = 80 }}\n\
         [target.limits.group.\"g 1\"]\nadd_reference = {{ count = 3 }}\n\
         [target.limits.groups]\ndelete = {{ count = 0 }}\n[target.limits.users.change]\n\
         jobTitle = {{ percent = 5, minimum_population = 200 }}\n[target.match]\n\
         users = [{{ attribute = \"employeeId\", source = \"employeeNumber\" }}]\n[target.schedule]\ncron = \"0 0 6 * * *\"\n\
         time_zone = \"Europe/Zurich\"\njitter = \"2m\"\n[target.graph]\nconcurrency = 4\nbinds_per_batch = 20\n\
         writes_per_150_seconds = 9000\nunits_per_10_seconds = 8000\n"
    );
    let config = parse(&text).unwrap();
    assert_eq!(config.log, LogConfig { level: "debug".into(), format: LogFormat::Json });
    let target = &config.targets[0];
    assert_eq!((target.mode, &target.cloud, target.anchor), (Mode::Full, &CloudConfig::China, UserAnchor::Extension(15)));
    assert_eq!(target.anchor.path(), "onPremisesExtensionAttributes.extensionAttribute15");
    assert_eq!(target.settings["deep"]["n"], 3);
    assert_eq!(target.scope.group.as_deref(), Some("g1"));
    assert_eq!(target.scope_rules().users.as_deref(), Some("true"));
    assert_eq!((target.scope.service_accounts, target.scope.groups), (Choice::Include, Choice::Exclude));
    assert_eq!((target.user_removal, target.group_removal), (Removal::DISABLE, Removal::DELETE));
    let limit = |count, percent, minimum_population| Limit { count, percent, minimum_population };
    let allowance = |operation, kind, share| target.limits.rule(operation, kind, share).unwrap().allowance;
    let delete = allowance(Operation::Delete, Kind::User, Share::Linked);
    assert_eq!((delete.run, delete.day), (limit(3, 2.0, 150), limit(500, 5.0, 150)));
    let disable = allowance(Operation::Disable, Kind::User, Share::Linked);
    assert_eq!(
        (disable.run, disable.hour, disable.day),
        (limit(9_000, 0.5, 150), limit(9_000, 2.0, 150), limit(9_001, 5.0, 150))
    );
    assert_eq!(allowance(Operation::Delete, Kind::Group, Share::Linked).run.count, 0, "groups may differ from users");
    assert_eq!(allowance(Operation::RemoveReference, Kind::Group, Share::EachGroup).run.percent, 10.0);
    let create = allowance(Operation::Create, Kind::User, Share::Linked);
    assert_eq!((create.run.allowed(0), create.day.allowed(0)), (50, 1_000_000));
    let named = |operation, name: &str| {
        let mut rules = target.limits.0.iter().filter(|rule| rule.operation == operation && rule.kind == Kind::User);
        rules.find(|rule| rule.attribute.as_deref() == Some(name)).unwrap().allowance.run
    };
    assert_eq!(
        (named(Operation::Clear, "mobilePhone").count, allowance(Operation::Clear, Kind::User, Share::Linked).run.count),
        (7, 900)
    );
    assert_eq!(allowance(Operation::Change, Kind::Group, Share::Linked).run, limit(80, 5.0, 500));
    let group = target.limits.0.iter().find(|rule| rule.group == Some("g 1".into())).unwrap();
    assert_eq!((group.operation, group.share, group.begins), (Operation::AddReference, Share::EachGroup, Begins::AtOnce));
    assert_eq!(group.allowance.run, limit(3, 50.0, 200));
    let titles = target.limits.0.iter().find(|rule| rule.attribute.as_deref() == Some("jobTitle")).unwrap();
    assert_eq!(
        (titles.operation, titles.allowance.run),
        (Operation::Change, limit(80, 5.0, 200)),
        "measured from the limit of each attribute"
    );
    assert_eq!(target.user_keys.as_ref().unwrap()[0].source.as_deref(), Some("employeeNumber"));
    assert_eq!(target.schedule.time_zone.name(), "Europe/Zurich");
    assert_eq!(target.schedule.jitter, Duration::from_secs(120));
    assert_eq!(target.settling, Duration::from_secs(7));
    assert_eq!(
        target.graph,
        GraphOptions { concurrency: 4, binds_per_batch: 20, writes_per_150_seconds: 9000, units_per_10_seconds: 8000 }
    );
    let CredentialConfig::Application { proof: ClientProof::Secret(Sourced::File(path)), .. } = &target.credential else {
        panic!("{:?}", target.credential)
    };
    assert_eq!(path, Path::new("dir/secret.txt"));
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let text = with_target("mood = \"full\"");
    let message = complaint(&text);
    assert!(message.starts_with("dir/entrain.toml:6: target #1: mood: unknown field `mood`"), "{message}");
}

#[test]
fn a_wrong_type_or_word_names_the_key() {
    assert!(complaint(&with_target("mode = 3")).starts_with("dir/entrain.toml:6: target #1: mode: "));
    assert!(
        complaint(&with_target("mode = \"write\""))
            .contains("unknown variant `write`, expected one of `observe`, `create-only`, `upsert`, `full`")
    );
    assert!(complaint("[store]\nurl = 3\n").starts_with("dir/entrain.toml:2: store.url: "));
    assert!(complaint("[store\n").starts_with("dir/entrain.toml:1: "));
    assert!(
        complaint("[[target]]\nname = \"a\"\n").contains("missing field `tenant`"),
        "{}",
        complaint("[[target]]\nname = \"a\"\n")
    );
}

#[test]
fn every_wrong_value_is_reported_at_once_in_the_order_of_the_file() {
    let text = with_target(
        "cloud = \"mars\"\nanchor.users = \"mail\"\nremoval.groups = \"disable\"\nschedule.cron = \"0 17 * * *\"\nschedule.time_zone = \"Zürich\"\n\
         schedule.jitter = \"soon\"\nlimits.delete.percent = 200.0\nmapping.users = [\"no-such.rhai\"]\ngraph.binds_per_batch = 21",
    );
    let message = complaint(&text);
    let starts: Vec<&str> = message.lines().map(|line| line.rsplit_once(": ").map_or(line, |_| line)).collect();
    let expected = [
        ":6: target #1: cloud: `mars` is no cloud",
        ":7: target #1: anchor.users: `mail` cannot carry the anchor",
        ":8: target #1: removal.groups: a group has no sign-in",
        ":9: target #1: schedule.cron: `0 17 * * *` has 5 fields",
        ":10: target #1: schedule.time_zone: `Zürich` is no time zone",
        ":11: target #1: schedule.jitter: `soon` is no length of time",
        ":12: target #1: limits.delete.percent: 200 is no share",
        ":13: target #1: mapping.users: there is no file dir/no-such.rhai",
        ":14: target #1: graph.binds_per_batch: 21 is out of range",
    ];
    assert_eq!(starts.len(), expected.len(), "{message}");
    for (line, expected) in starts.iter().zip(expected) {
        assert!(line.starts_with(&format!("dir/entrain.toml{expected}")), "{line}\nis not\n{expected}");
    }
}

#[test]
fn a_schedule_has_six_fields_that_mean_something() {
    assert!(complaint(&with_target("schedule.cron = \"0 99 * * * *\"")).contains("is no schedule"));
    assert!(complaint(&with_target("schedule.cron = \"every 4 hours\"")).contains("has 3 fields"));
    assert!(complaint(&with_target("schedule.cron = \"0 0 0 1 1 * 2030\"")).contains("has 7 fields"));
    assert!(parse(&with_target("schedule.cron = \"0 17 */4 * * *\"")).is_ok());
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_shown() {
    let text = format!(
        "{HEAD}[[target]]\nname = \"a\"\ntenant = \"t\"\n[target.credential]\ntype = \"secret\"\nclient_id = \"app\"\nsecret = \"hunter2\"\n"
    );
    let message = complaint(&text);
    assert!(message.starts_with("dir/entrain.toml:9: target #1: credential.secret: a secret does not stand"), "{message}");
    assert!(!message.contains("hunter2"));
    let misplaced = complaint(&text.replace("secret = \"hunter2\"", "sekret = \"hunter2\""));
    assert!(misplaced.contains("unknown field `sekret`") && !misplaced.contains("hunter2"), "{misplaced}");
}

#[test]
fn a_credential_has_what_its_type_needs_and_nothing_else() {
    let credential = |body: &str| format!("{HEAD}[[target]]\nname = \"a\"\ntenant = \"t\"\n[target.credential]\n{body}\n");
    let missing = complaint(&credential("type = \"certificate\""));
    assert!(missing.contains("credential.client_id: `client_id` is missing"), "{missing}");
    assert!(missing.contains("credential.certificate_file: `certificate_file` is missing"), "{missing}");
    let foreign = complaint(&credential("type = \"managed_identity\"\nsecret = { env = \"X\" }"));
    assert!(foreign.contains(":8: target #1: credential.secret: `secret` does not belong"), "{foreign}");
    assert!(
        complaint(&credential("type = \"secret\"\nclient_id = \"a\"\nsecret = { env = \"A\", file = \"b\" }"))
            .contains("and nothing else")
    );
    assert!(parse(&credential("type = \"workload_identity\"")).is_ok());
    assert!(complaint(&credential("client_id = \"a\"")).contains(":6: target #1: credential: say which"));
    let inferred = parse(&credential("client_id = \"a\"\nsecret = { env = \"A\" }")).unwrap();
    assert!(matches!(&inferred.targets[0].credential, CredentialConfig::Application { proof: ClientProof::Secret(_), .. }));
}

#[test]
fn a_custom_cloud_needs_its_endpoints_over_tls() {
    assert!(complaint(&with_target("cloud = \"custom\"")).contains("needs a table [target.endpoints]"));
    let endpoints = "endpoints = { authority = \"http://localhost:1\", graph = \"https://localhost:1\" }";
    let message = complaint(&with_target(&format!("cloud = \"custom\"\n{endpoints}")));
    assert!(message.contains(":7: target #1: endpoints.authority: `http://localhost:1` is no https:// URL"), "{message}");
    assert!(complaint(&with_target(&endpoints.replace("http:", "https:"))).contains("endpoints go with cloud = \"custom\""));
}

#[test]
fn two_targets_of_one_name_and_an_unknown_database_are_refused() {
    let text = with_target("") + "[[target]]\nname = \"a\"\ntenant = \"t\"\n[target.credential]\ntype = \"managed_identity\"\n";
    assert!(complaint(&text).contains("target #2: name: another target is called `a` too"));
    assert!(complaint("[store]\nurl = \"mysql://u:pw@h/d\"\n").starts_with("dir/entrain.toml:2: store.url: write sqlite:"));
    assert!(!complaint("[store]\nurl = \"mysql://u:pw@h/d\"\n").contains("pw"));
}

#[test]
fn values_are_read_from_their_place_when_needed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.txt");
    std::fs::write(&file, "s3cret\r\n").unwrap();
    assert_eq!(Sourced::File(file.clone()).read("the client secret").unwrap().expose_secret(), "s3cret");
    std::fs::write(&file, "\n").unwrap();
    assert!(Sourced::File(file).read("the client secret").unwrap_err().to_string().contains("is empty"));
    let error = Sourced::Env("ENTRAIN_NO_SUCH_VARIABLE".into()).read("the client secret").unwrap_err().to_string();
    assert_eq!(
        error,
        "the environment variable ENTRAIN_NO_SUCH_VARIABLE is not set; the configuration says that it holds the client secret"
    );
    assert!(!format!("{:?}", Sourced::Plain("pw".into())).contains("pw"));
}

#[test]
fn scripts_come_from_files_or_are_built_in() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.rhai"), "#{}").unwrap();
    let text = with_target("mapping.users = [\"own.rhai\"]");
    let config = Config::parse(&text, &folder.path().join("entrain.toml")).unwrap();
    let scripts = config.targets[0].scripts().unwrap();
    assert_eq!(scripts.len(), 2);
    assert_eq!((scripts[0].kind, scripts[0].text.as_str()), (Kind::User, "#{}"));
    assert_eq!((scripts[1].kind, scripts[1].name.as_str()), (Kind::Group, "group.rhai"));
}

#[test]
fn the_configuration_of_the_rehearsal_lacks_nothing_but_its_certificate() {
    let message = complaint(include_str!("../../../../docker/entrain.toml"));
    assert_eq!(message, "dir/entrain.toml:15: target #1: endpoints.ca_file: there is no file /rehearsal/ca.pem");
}

#[test]
fn what_is_watched_and_kept_is_understood() {
    let config = parse(HEAD).unwrap();
    assert_eq!(config.audit, AuditConfig::default());
    assert_eq!((config.alarms.no_full_sync, config.alarms.holds_after), (Duration::from_secs(43_200), Duration::from_secs(3600)));
    assert_eq!((config.alarms.webhooks.len(), config.metrics.listen), (0, None));
    assert_eq!(config.alarms.fight, FightConfig::default());
    let config = parse(&format!(
        "{HEAD}[audit]\nredact = [\"mobilePhone\"]\nredact_after_days = 30\nkeep_days = 400\n[alarms]\nno_full_sync_hours = 5\n\
         holds_after_minutes = 5\nfight_repairs = 5\nfight_window_hours = 48\nwebhooks = [{{ name = \"ops\", url = \"https://ops.example/x\", secret = {{ file = \"k\" }} }}]\n\
         [metrics]\nlisten = \"127.0.0.1:9464\"\n"
    ))
    .unwrap();
    assert!(config.audit.redact.contains("mobilePhone"));
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    assert_eq!((config.audit.redact_after, config.audit.keep), (days(30), days(400)));
    assert_eq!(config.alarms.webhooks[0].secret.to_string(), "the file dir/k");
    assert_eq!(config.metrics.listen.unwrap().port(), 9464);
    assert_eq!(config.alarms.fight, FightConfig { repairs: 5, window: Duration::from_secs(2 * 86_400) });
}

#[test]
fn what_is_told_leaves_this_machine_only_over_https() {
    let webhook =
        |url: &str| format!("{HEAD}[alarms]\nwebhooks = [{{ name = \"a\", url = \"{url}\", secret = {{ env = \"X\" }} }}]\n");
    for safe in ["https://ops.example/x", "http://localhost:8080/x", "http://127.0.0.1/x", "http://[::1]:1"] {
        assert!(parse(&webhook(safe)).is_ok(), "{safe}");
    }
    for unsafe_url in ["http://ops.example/x", "http://localhost.ops.example/", "ftp://x", ""] {
        assert!(complaint(&webhook(unsafe_url)).contains("alarms.webhooks: "), "{unsafe_url}");
    }
    assert!(complaint(&format!("{HEAD}[metrics]\nlisten = \"9464\"\n")).contains("metrics.listen: write an address and a port"));
    assert!(
        complaint(&format!("{HEAD}[alarms]\nno_full_sync_hours = 0\n")).contains("alarms.no_full_sync_hours: write at least 1")
    );
}

#[test]
fn the_table_of_authority_is_understood() {
    let config =
        parse(&with_target("authority.users = { jobTitle = \"yield\", usageLocation = \"create-only\", city = \"manage\" }"))
            .unwrap();
    let authority = &config.targets[0].policy(Vec::new()).authority;
    let over = |name| authority.over(Kind::User, name);
    assert_eq!(
        ["jobTitle", "usageLocation", "city", "country"].map(over),
        [Authority::Yield, Authority::CreateOnly, Authority::Manage, Authority::Manage]
    );
    assert_eq!(authority.over(Kind::Group, "jobTitle"), Authority::Manage);
    assert!(
        complaint(&with_target("authority.users = { jobTitel = \"yield\" }"))
            .contains("authority.users.jobTitel: a user has no attribute")
    );
    assert!(complaint(&with_target("authority.users = { jobTitle = \"theirs\" }")).contains("`theirs`"));
    assert!(complaint(&format!("{HEAD}[alarms]\nfight_repairs = 1\n")).contains("alarms.fight_repairs: write at least 2"));
    assert!(
        complaint(&format!("{HEAD}[alarms]\nfight_window_hours = 0\n")).contains("alarms.fight_window_hours: write at least 1")
    );
}

#[test]
fn one_certificate_or_two_stand_in_files_or_are_sealed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.pem"), "x").unwrap();
    let credential = |body: &str| {
        let text = format!("{HEAD}[[target]]\nname = \"a\"\ntenant = \"t\"\n[target.credential]\nclient_id = \"c\"\n{body}\n");
        Config::parse(&text, &folder.path().join("entrain.toml"))
    };
    let refused = |body: &str| credential(body).unwrap_err().to_string();
    let mut config = credential("certificates = [{ file = \"app.pem\" }, { secret = \"next\" }]").unwrap();
    let places: Vec<String> = config.targets[0].credential.proofs().iter().map(ToString::to_string).collect();
    assert_eq!(places, [format!("the file {}", folder.path().join("app.pem").display()), "the secret next".to_owned()]);
    assert_eq!(config.sealed().map(|(name, _)| name.to_owned()).collect::<Vec<_>>(), ["next"]);
    assert_eq!(credential("certificate_file = \"app.pem\"").unwrap().targets[0].credential.files().count(), 1);
    for none_or_many in ["[]", "[{ secret = \"a\" }, { secret = \"b\" }, { secret = \"c\" }]"] {
        assert!(refused(&format!("certificates = {none_or_many}")).contains("name one certificate, or two while it is changed"));
    }
    assert!(refused("certificates = [{ file = \"gone.pem\" }]").contains("there is no file"));
    assert!(refused("certificates = [\"app.pem\"]").contains("does not stand in this file"));
    assert!(refused("certificate_file = \"app.pem\"\ncertificates = [{ secret = \"a\" }]").contains("not both"));
}
