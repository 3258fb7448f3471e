//! What an operator types at night, in the wrong order and with the wrong files: each answer says what happened and what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use entrain::cli::Exit;
use entrain_tests::operator::Operator;
use serde_json::json;

async fn says(operator: &Operator, words: &[&str], exit: Exit, parts: &[&str]) -> String {
    let (ended, said) = operator.entrain(words).await.unwrap();
    assert_eq!(ended, exit, "{words:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{words:?} does not say {part:?}: {said}");
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_mode_observe_a_sync_says_that_it_wrote_nothing() {
    let operator = Operator::new("").await.unwrap();
    operator.hire(1, "Clerk").await.unwrap();
    operator.configure("observe", "").unwrap();
    let parts = ["planned: create 1", "nothing is written in mode observe: look at `entrain plan`"];
    says(&operator, &["sync"], Exit::Converged, &parts).await;
    operator.configure("full", "").unwrap();
    let said = says(&operator, &["sync"], Exit::Converged, &["done: create 1"]).await;
    assert!(!said.contains("observe"), "{said}");
    let run = operator.latest().await.unwrap();
    let said = says(&operator, &["runs", &run], Exit::Converged, &["  done: create 1\n", "done     + user u1: create"]).await;
    assert!(!said.contains('{'), "a report is told in words: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_meets_a_halt_is_told_how_it_goes_on() {
    let operator = Operator::new("").await.unwrap();
    operator.hire(1, "Clerk").await.unwrap();
    let secret = std::fs::read_to_string(operator.path("secret")).unwrap();
    std::fs::write(operator.path("secret"), "wrong").unwrap();
    let parts = ["the client secret is wrong", "  mend it, then: entrain resume test\n"];
    let commands: [&[&str]; 5] = [&["sync"], &["plan"], &["adoption"], &["halts"], &["resume", "test"]];
    for words in commands {
        let said = says(&operator, words, Exit::Halted, &parts).await;
        assert!(!said.contains("CLASS"), "no table of what was not looked at: {said}");
    }
    says(&operator, &["explain", "user", "u1"], Exit::Converged, &parts).await;
    std::fs::write(operator.path("secret"), secret).unwrap();
    says(&operator, &["resume", "test"], Exit::Converged, &["target test goes on"]).await;
    says(&operator, &["pause", "test", "--reason", "a move"], Exit::Converged, &[]).await;
    says(&operator, &["sync"], Exit::Halted, &["paused: a move", "  when it may go on: entrain resume test\n"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_that_is_still_refused_is_not_resumed() {
    let operator = Operator::new("").await.unwrap();
    operator.hire(1, "Clerk").await.unwrap();
    let domain = |how: &str| json!([{ "name": "contoso.example", "authentication": how, "verified": true }]);
    operator.emulator.control("PUT", "domains", &domain("Federated")).unwrap();
    let parts = ["sign in by `onPremisesImmutableId`: choose `employeeId`", "  mend it, then: entrain resume test\n"];
    says(&operator, &["sync"], Exit::Halted, &parts).await;
    says(&operator, &["resume", "test"], Exit::Halted, &[parts[0], "is still halted"]).await;
    operator.emulator.control("PUT", "domains", &domain("Managed")).unwrap();
    says(&operator, &["resume", "test"], Exit::Converged, &["target test goes on"]).await;
    says(&operator, &["sync"], Exit::Converged, &["done: create 1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wrong_key_is_told_with_how_to_make_the_right_one() {
    let operator = Operator::new("").await.unwrap();
    operator.hire(1, "Clerk").await.unwrap();
    let parts = ["plan.pub.pem holds no private key", "`openssl genpkey -algorithm ed25519`"];
    says(&operator, &["plan", "--out", "new.json", "--sign", "plan.pub.pem"], Exit::Failure, &parts).await;
    says(&operator, &["plan", "--out", "new.json", "--sign", "plan.pem"], Exit::Converged, &["signed it"]).await;
    let parts = ["plan.pem holds no public key", "`openssl pkey -in KEY -pubout` writes one"];
    says(&operator, &["apply", "new.json", "--verify", "plan.pem"], Exit::Failure, &parts).await;
    says(&operator, &["apply", "new.json", "--verify", "plan.pub.pem"], Exit::Converged, &["done: create 1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_back_says_so_and_what_is_held_is_not_parked() {
    let operator = Operator::new("").await.unwrap();
    for n in 1..=2 {
        operator.hire(n, "Clerk").await.unwrap();
    }
    says(&operator, &["plan"], Exit::Converged, &[]).await;
    let planned = operator.latest().await.unwrap();
    let nothing = format!("nothing of run {planned} is to be taken back");
    let said = says(&operator, &["undo", &planned], Exit::Converged, &[&nothing]).await;
    assert!(!said.contains("--apply"), "{said}");

    says(&operator, &["sync"], Exit::Converged, &["done: create 2"]).await;
    for n in 1..=2 {
        operator.hire(n, "Boss").await.unwrap();
    }
    says(&operator, &["sync"], Exit::Converged, &["done: update 2"]).await;
    let run = operator.latest().await.unwrap();
    operator.configure("full", "limits = { change = { jobTitle = { count = 1 } } }").unwrap();
    let said = says(&operator, &["undo", &run, "--apply"], Exit::NeedsApproval, &["entrain approve"]).await;
    assert!(!said.contains("are parked"), "{said}");
    let held = operator.latest().await.unwrap();
    says(&operator, &["approve", &held], Exit::Converged, &["done: update 2"]).await;
    says(&operator, &["sync"], Exit::Partial, &["held: parked 2"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slip_of_the_finger_takes_no_audit_away_and_a_half_login_finds_its_user() {
    let operator = Operator::new("").await.unwrap();
    for n in [1, 3, 30] {
        operator.hire(n, "Clerk").await.unwrap();
    }
    says(&operator, &["sync"], Exit::Converged, &[]).await;
    let refused = operator.entrain(&["audit", "prune", "--older-than-days", "0"]).await.unwrap_err().to_string();
    assert!(refused.contains("0 is not in 1.."), "{refused}");
    let (_, audit) = operator.answer(&["audit"]).await.unwrap();
    assert!(audit["audit"].as_array().map_or(0, Vec::len) >= 3, "{audit}");
    says(&operator, &["explain", "user", "USER3"], Exit::Usage, &["never seen; similar ids: u3,"]).await;
    let (_, told) = operator.answer(&["explain", "user", "user30"]).await.unwrap();
    assert!(told.to_string().contains("\"similar\":[{\"id\":\"u30\""), "{told}");
}
