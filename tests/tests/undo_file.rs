//! What takes a run back as a file: written, signed, reviewed, and carried out by `entrain apply`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use entrain::cli::Exit;
use entrain_tests::operator::Operator;
use serde_json::{Value as Json, json};

fn titles(operator: &Operator) -> Vec<Json> {
    let dump = operator.emulator.control("GET", "state?kind=users&top=100", &Json::Null).unwrap();
    let mut users: Vec<_> = dump["value"].as_array().unwrap().clone();
    users.sort_by_key(|user| user["userPrincipalName"].to_string());
    users.into_iter().map(|user| user["jobTitle"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_a_run_back_is_reviewed_as_a_file_and_applied() {
    let operator = Operator::new("plan_public_key = \"plan.pub.pem\"").await.unwrap();
    operator.hire(0, "Clerk").await.unwrap();
    operator.hire(1, "Clerk").await.unwrap();
    assert_eq!(operator.answer(&["sync"]).await.unwrap().0, Exit::Converged);
    operator.hire(0, "Boss").await.unwrap();
    operator.hire(1, "Boss").await.unwrap();
    let (exit, done) = operator.answer(&["sync"]).await.unwrap();
    assert_eq!(exit, Exit::Converged, "{done}");
    let id = operator.latest().await.unwrap();

    let (_, plan) = operator.answer(&["undo", &id, "--out", "undo.json", "--sign", "plan.pem"]).await.unwrap();
    assert!(plan["signature"].is_string(), "{plan}");
    assert_eq!(titles(&operator), ["Boss", "Boss"], "it is only written down");
    let file = std::fs::read_to_string(operator.path("undo.json")).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&file).unwrap()["undo"], json!(id));

    // One record is changed before the file is applied: that object is refused, the other is taken back.
    operator.hire(1, "Guest").await.unwrap();
    assert_eq!(operator.answer(&["sync"]).await.unwrap().0, Exit::Converged);
    let (_, applied) = operator.answer(&["apply", "undo.json"]).await.unwrap();
    assert_eq!(applied["report"]["reviewed"]["same"], 1, "{applied}");
    assert_eq!(titles(&operator), ["Clerk", "Guest"]);

    std::fs::write(operator.path("undo.json"), format!("{file} ")).unwrap();
    let (exit, refused) = operator.answer(&["apply", "undo.json"]).await.unwrap();
    assert!(exit != Exit::Converged && refused.as_str().unwrap().contains("signature"), "{refused}");
}
