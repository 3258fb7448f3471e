use serde_json::json;

use super::*;

/// Counts its commands.
#[derive(Default)]
struct Counter(usize);

#[async_trait]
impl World for Counter {
    async fn run(&mut self, command: &Command) -> anyhow::Result<Vec<String>> {
        self.0 += 1;
        anyhow::ensure!(command.word(0, "a verb")? != "break", "it broke");
        Ok((0..self.0).map(|n| format!("{n}: {}", command.words.join("/"))).collect())
    }
}

const TEXT: &str = "# Two commands.\n\n> say hello\n0: say/hello\n\n# Then:\n> say more\n0: say/more\n1: say/more\n";

#[test]
fn a_command_has_words_and_settings() {
    let text = r#"user set "u 1" title="Head of \"X\"" active=false employeeNumber=007 mail=null phones=["1", "2"] a=b=c name.givenName=Ann name.familyName=Lee 2=x"#;
    let command = Command::parse(text, 3).unwrap();
    assert_eq!(command.words, ["user", "set", "u 1", "2=x"]);
    assert_eq!(
        serde_json::to_value(command.attributes()).unwrap(),
        json!({
            "title": "Head of \"X\"", "active": false, "employeeNumber": "007", "mail": null, "phones": ["1", "2"], "a": "b=c",
            "name": {"givenName": "Ann", "familyName": "Lee"},
        })
    );
    assert_eq!(command.setting("title"), Some(&json!("Head of \"X\"")));
    assert_eq!(command.setting("nothing"), None);
    assert_eq!(command.word(5, "a reason").unwrap_err().to_string(), format!("`{text}` lacks a reason"));
}

#[test]
fn malformed_commands_are_named() {
    for (text, expected) in [("a \"b", "not closed"), ("a b=[1", "not closed"), ("a b=[x]", "no JSON"), ("a b=\"x\"y", "no JSON")]
    {
        let error = Command::parse(text, 1).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let error = Transcript::parse("# a\nloose\n").unwrap_err().to_string();
    assert_eq!(error, "line 2: `loose` is the answer to no command");
    assert_eq!(Transcript::parse("\n> a \"b\n").unwrap_err().to_string(), "line 2");
}

#[test]
fn a_transcript_is_its_text_again() {
    let mut transcript = Transcript::parse(TEXT).unwrap();
    assert_eq!(transcript.to_string(), TEXT);
    let lines: Vec<_> = transcript.commands().map(|(command, answer)| (command.line, answer.len())).collect();
    assert_eq!(lines, [(3, 1), (7, 2)]);
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.txt");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[tokio::test]
async fn the_same_answers_pass() {
    let (_folder, path) = file(TEXT);
    check(&path, &mut Counter::default(), Differences::Fail).await.unwrap();
}

#[tokio::test]
async fn other_answers_fail_with_the_difference() {
    let (_folder, path) = file(&TEXT.replace("1: say/more", "1: say/less"));
    let error = check(&path, &mut Counter::default(), Differences::Fail).await.unwrap_err().to_string();
    assert!(error.ends_with("  # Then:\n  > say more\n  0: say/more\n- 1: say/less\n+ 1: say/more\n"), "{error}");
    assert!(error.contains("ENTRAIN_UPDATE_SCENARIOS=1 accepts it"), "{error}");
}

#[tokio::test]
async fn accepted_answers_are_written_and_nothing_else_changes() {
    let (_folder, path) = file("# Two commands.\n\n> say hello\nold\nolder\n\n# Then:\n> say more\n");
    check(&path, &mut Counter::default(), Differences::Accept).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
}

#[tokio::test]
async fn a_command_that_fails_is_named() {
    let (_folder, path) = file("> say x\n0: say/x\n> break it\n");
    let error = check(&path, &mut Counter::default(), Differences::Accept).await.unwrap_err();
    assert_eq!(format!("{error:#}"), format!("{}:3: break it: it broke", path.display()));
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("> break it\n"), "a broken run must not be accepted");
}

#[test]
fn a_folder_without_transcripts_is_an_error() {
    let (folder, path) = file(TEXT);
    std::fs::write(folder.path().join("note.md"), "").unwrap();
    assert_eq!(transcripts(folder.path()).unwrap(), [path]);
    let empty = tempfile::tempdir().unwrap();
    assert!(transcripts(empty.path()).unwrap_err().to_string().ends_with("has no transcripts"));
}

#[test]
fn differences_are_shown_with_a_little_around() {
    let expected = (0..20).map(|n| format!("{n}\n")).collect::<String>();
    let actual = expected.replace("10\n", "ten\nand more\n");
    assert_eq!(difference(&expected, &actual), "  ...\n  7\n  8\n  9\n- 10\n+ ten\n+ and more\n  11\n  12\n  13\n  ...\n");
    assert_eq!(difference("a\n", ""), "- a\n");
    assert_eq!(difference("", "a\n"), "+ a\n");
}
