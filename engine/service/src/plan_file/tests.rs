use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use super::*;

fn line(seq: u64, id: &str) -> Json {
    json!({"seq": seq, "state": "planned", "decision": {
        "object": {"kind": "user", "id": id}, "phase": "leavers", "action": {"do": "disable", "id": "r1"},
    }})
}

fn held(seq: u64) -> Json {
    json!({"seq": seq, "state": "held", "decision": {"object": {"kind": "user", "id": "h"}, "hold": {"code": "settling"}}})
}

/// A plan of these lines, in a folder of its own.
fn plan(lines: &[Json]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let mut digest = entrain_plan::PlanDigest::default();
    lines.iter().for_each(|line| digest.add_json(&line["decision"]));
    let plan = json!({"format": FORMAT, "target": "t", "more": [1, {"x": 2}], "digest": digest.finish(), "lines": lines});
    let path = folder.path().join("plan.json");
    std::fs::write(&path, plan.to_string()).unwrap();
    (folder, path)
}

fn all(path: &Path) -> anyhow::Result<(Header, Vec<String>)> {
    let mut seen = Vec::new();
    let header = read(path, &mut |page| {
        seen.extend(page.into_iter().map(|(object, _)| object.to_string()));
        Ok(())
    })?;
    Ok((header, seen))
}

#[test]
fn a_plan_is_read_page_by_page_without_its_holds() {
    let lines: Vec<Json> = (0..1_203).map(|n| if n == 7 { held(n) } else { line(n, &format!("u{n}")) }).collect();
    let (_folder, path) = plan(&lines);
    let (mut pages, mut most) = (0, 0);
    let header = read(&path, &mut |page| {
        (pages, most) = (pages + 1, most.max(page.len()));
        Ok(())
    });
    let header = header.unwrap();
    assert_eq!((header.target.as_str(), header.changes, pages, most), ("t", 1_202, 3, 500));
    assert_eq!(all(&path).unwrap().1[7], "user u8");
}

#[test]
fn a_plan_that_was_changed_or_cut_off_is_refused() {
    let (_folder, path) = plan(&[line(1, "u1"), line(2, "u2")]);
    let whole = std::fs::read_to_string(&path).unwrap();
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        format!("{:#}", all(&path).unwrap_err())
    };
    assert!(refused(&whole.replace("\"u2\"", "\"admin\"")).contains("was changed after it was made"));
    assert!(refused(&whole[..whole.len() - 5]).contains("is no whole plan"));
    assert!(refused(&format!("{whole}{whole}")).contains("is no whole plan"));
    assert!(refused(&whole.replace(FORMAT, "entrain-plan-9")).contains("is no plan of the form"));
    assert!(refused("[]").contains("is no whole plan"));
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(all(&path).unwrap().1, ["user u1", "user u2"]);
}

/// Keys as an operator makes them.
fn openssl(arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn keys(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (private, public) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.pub.pem")));
    let (private_text, public_text) = (private.to_str().unwrap(), public.to_str().unwrap());
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", private_text]);
    openssl(&["pkey", "-in", private_text, "-pubout", "-out", public_text]);
    (private, public)
}

#[test]
fn a_signature_is_for_one_file_by_one_key() {
    let (folder, path) = plan(&[line(1, "u1")]);
    let (private, public) = keys(folder.path(), "ours");
    let (_, other) = keys(folder.path(), "theirs");
    let (ours, theirs) = (PlanKey::open(&public).unwrap(), PlanKey::open(&other).unwrap());
    assert!(verify(&path, &ours).unwrap_err().to_string().contains("must be signed"));
    let beside = sign(&path, &private).unwrap();
    assert_eq!(beside.file_name().unwrap(), "plan.json.sig");
    verify(&path, &ours).unwrap();
    assert!(verify(&path, &theirs).unwrap_err().to_string().contains("not by the key"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text} ")).unwrap();
    assert!(verify(&path, &ours).is_err(), "one more space is another file");
    assert!(PlanKey::open(&private).is_err(), "a private key is no public key");
    assert!(sign(&path, &public).is_err());
}
