//! Telling people through a webhook. Nothing waits for it: what cannot be told is noted, and the day goes on.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::spec::{Webhook, WebhookFormat};
use crate::units::{Secret, SecretError};

/// What waits to be told; more is left out.
const QUEUE: usize = 64;
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells everybody.
#[derive(Debug)]
pub struct Announcer {
    queue: Option<mpsc::Sender<String>>,
    failed: Arc<Mutex<Vec<String>>>,
    task: Option<JoinHandle<()>>,
}

impl Announcer {
    /// Of these webhooks; relative files of their secrets count from `base`.
    ///
    /// # Errors
    /// When an address cannot be read.
    pub fn start(webhooks: &[Webhook], base: &Path) -> Result<Self, SecretError> {
        let failed = Arc::new(Mutex::new(Vec::new()));
        if webhooks.is_empty() {
            return Ok(Self { queue: None, failed, task: None });
        }
        let hooks: Vec<(usize, Secret, WebhookFormat)> = webhooks
            .iter()
            .enumerate()
            .map(|(index, hook)| Ok((index + 1, hook.url.read(base)?, hook.format.clone())))
            .collect::<Result<_, SecretError>>()?;
        let (queue, mut texts) = mpsc::channel::<String>(QUEUE);
        let noted = failed.clone();
        let task = tokio::spawn(async move {
            let client = reqwest::Client::builder().timeout(PATIENCE).build();
            while let Some(text) = texts.recv().await {
                for (number, url, format) in &hooks {
                    let sent = match &client {
                        Ok(client) => send(client, url, &body(format, &text)).await,
                        Err(error) => Err(error.to_string()),
                    };
                    if let Err(error) = sent {
                        noted
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(format!("webhook {number} was not told \"{text}\": {error}"));
                    }
                }
            }
        });
        Ok(Self { queue: Some(queue), failed, task: Some(task) })
    }

    /// Tells something; returns at once.
    pub fn tell(&self, text: &str) {
        if let Some(queue) = &self.queue
            && queue.try_send(text.to_owned()).is_err()
        {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(format!("not told, too much was waiting: \"{text}\""));
        }
    }

    /// Gives what waits a last chance, and says what was not told.
    pub async fn finish(mut self) -> Vec<String> {
        self.queue = None;
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(2 * PATIENCE, &mut task).await.is_err()
        {
            task.abort();
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).push("the last announcements were still on their way".to_owned());
        }
        std::mem::take(&mut *self.failed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Once, and once more where nobody answered. The address is a secret: errors come without it.
async fn send(client: &reqwest::Client, url: &Secret, body: &str) -> Result<(), String> {
    let mut last = String::new();
    for _ in 0..2 {
        let sent = client.post(url.reveal()).header("content-type", "application/json").body(body.to_owned()).send().await;
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => return Ok(()),
            Ok(status) => return Err(format!("it answered {status}")),
            Err(error) => last = error.without_url().to_string(),
        }
    }
    Err(last)
}

fn body(format: &WebhookFormat, text: &str) -> String {
    match format {
        WebhookFormat::Slack => json!({ "text": text }).to_string(),
        WebhookFormat::Feishu => json!({ "msg_type": "text", "content": { "text": text } }).to_string(),
        WebhookFormat::Teams => json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "content": { "type": "AdaptiveCard", "version": "1.4", "body": [{ "type": "TextBlock", "text": text, "wrap": true }] },
            }],
        })
        .to_string(),
        WebhookFormat::Template(template) => {
            let quoted = json!(text).to_string();
            template.replace("${text}", &quoted[1..quoted.len() - 1])
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::units::SecretSource;

    #[test]
    fn every_format_is_json_whatever_the_text() {
        let text = "a \"quoted\" line\nand \\ another";
        for format in [
            WebhookFormat::Slack,
            WebhookFormat::Feishu,
            WebhookFormat::Teams,
            WebhookFormat::Template(r#"{"message":"squall: ${text}"}"#.to_owned()),
        ] {
            let read: Value = serde_json::from_str(&body(&format, text)).unwrap();
            assert!(read.to_string().contains("quoted"), "{format:?}");
        }
        let own: Value = serde_json::from_str(&body(&WebhookFormat::Template(r#"{"m":"${text}"}"#.to_owned()), text)).unwrap();
        assert_eq!(own["m"], text);
    }

    #[tokio::test]
    async fn people_are_told_in_order_and_failures_are_noted() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            for answer in ["200 OK", "500 No"] {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    let mut some = [0; 1024];
                    let read = socket.read(&mut some).await.unwrap();
                    request.extend_from_slice(&some[..read]);
                }
                heard.push(String::from_utf8(request).unwrap());
                socket.write_all(format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
            }
            heard
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("url"), format!("http://{address}/token-4711\n")).unwrap();
        let hook = Webhook { url: SecretSource::File("url".into()), format: WebhookFormat::Slack };
        let announcer = Announcer::start(&[hook], folder.path()).unwrap();
        announcer.tell("begins");
        announcer.tell("ends");
        let failed = announcer.finish().await;
        let heard = heard.await.unwrap();
        assert!(heard[0].ends_with(r#"{"text":"begins"}"#) && heard[1].ends_with(r#"{"text":"ends"}"#), "{heard:?}");
        assert_eq!(failed.len(), 1);
        assert!(failed[0].contains("500") && !failed[0].contains("token-4711"), "{failed:?}");
    }

    #[tokio::test]
    async fn a_secret_that_is_missing_is_said_at_the_start() {
        let hook = Webhook { url: SecretSource::File("nowhere".into()), format: WebhookFormat::Slack };
        assert!(Announcer::start(&[hook], Path::new("/nonexistent")).is_err());
        assert!(Announcer::start(&[], Path::new("")).unwrap().finish().await.is_empty());
    }
}
