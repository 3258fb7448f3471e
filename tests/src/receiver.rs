//! A receiver of webhooks: it keeps what it is told.

#![expect(clippy::unwrap_used, reason = "for tests alone, where a failure is a panic")]

use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A message as it came in.
#[derive(Clone, Debug)]
pub struct Message {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`.
    pub seconds: i64,
    /// `webhook-signature`.
    pub signature: String,
    /// The body as it came.
    pub body: String,
}

impl Message {
    /// The body.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether it is about an alarm of a kind that turned so.
    pub fn is(&self, kind: &str, turn: &str) -> bool {
        self.json()["type"] == format!("alarm.{turn}") && self.json()["data"]["kind"] == kind
    }
}

/// Somebody who listens. The first messages are refused.
#[derive(Debug)]
pub struct Receiver {
    /// Where.
    pub url: String,
    /// What came in.
    pub messages: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    /// Begins to listen.
    pub async fn start(refused: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/entrain", listener.local_addr().unwrap());
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(message) = receive(&mut stream).await else { continue };
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(message);
                    kept.len()
                };
                let status = if number <= refused { "503 Service Unavailable" } else { "204 No Content" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, messages }
    }

    /// The alarms of a kind that turned so.
    pub fn of(&self, kind: &str, turn: &str) -> Vec<Message> {
        self.messages.lock().unwrap().iter().filter(|message| message.is(kind, turn)).cloned().collect()
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
            };
            if body.len() >= header("content-length")?.parse().ok()? {
                return Some(Message {
                    id: header("webhook-id")?,
                    seconds: header("webhook-timestamp")?.parse().ok()?,
                    signature: header("webhook-signature")?,
                    body: body.to_owned(),
                });
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
