//! News of every node on every node.

use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::news::{NAMES, Outgoing, RESYNC};
use super::{Inner, Supervisor};
use crate::store::StoreError;
use crate::store::bus::{Heard, Listener, PAYLOAD_BYTES};

/// Where news travels.
pub(super) const CHANNEL: &str = "news";
/// Pieces that go over together at most.
const TOGETHER: usize = 64;
/// How long the others may take to be told; what takes longer is lost to them, and they are told that.
const TELL_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize, Deserialize)]
struct Letter {
    from: String,
    news: Vec<(String, Value)>,
}

/// Tells the other nodes what is told here, until the process ends.
pub(super) async fn tell(inner: Weak<Inner>, mut outbox: mpsc::Receiver<Outgoing>) {
    let mut lost = false;
    loop {
        let mut news = Vec::new();
        if outbox.recv_many(&mut news, TOGETHER).await == 0 {
            return;
        }
        let Some(inner) = inner.upgrade() else { return };
        lost |= inner.news.take_overflow();
        if inner.node.is_alone() {
            // Whoever comes in reads everything first.
            lost = false;
            continue;
        }
        if lost {
            news.insert(0, (RESYNC, Arc::new(json!({}))));
        }
        let told = async {
            for letter in letters(inner.node.process(), &news) {
                inner.store.notify(CHANNEL, &letter).await?;
            }
            Ok::<_, StoreError>(())
        };
        lost = !matches!(tokio::time::timeout(TELL_WITHIN, told).await, Ok(Ok(())));
    }
}

/// Packs news into as few letters as hold it. What fits into none is left out, which is said.
fn letters(from: &str, news: &[Outgoing]) -> Vec<String> {
    let pack = |news: &[(String, Value)]| {
        let letter = Letter { from: from.to_owned(), news: news.to_vec() };
        serde_json::to_string(&letter).ok().filter(|letter| letter.len() <= PAYLOAD_BYTES)
    };
    let mut letters = Vec::new();
    let mut waiting: Vec<(String, Value)> = Vec::new();
    for (name, data) in news {
        let mut piece = ((*name).to_owned(), Value::clone(data));
        if pack(std::slice::from_ref(&piece)).is_none() {
            piece = (RESYNC.to_owned(), json!({}));
        }
        waiting.push(piece);
        if pack(&waiting).is_none() {
            let last = waiting.split_off(waiting.len() - 1);
            letters.extend(pack(&waiting));
            waiting = last;
        }
    }
    if !waiting.is_empty() {
        letters.extend(pack(&waiting));
    }
    letters
}

/// Tells those who listen here what other nodes tell, until the process ends.
pub(super) async fn hear(inner: Weak<Inner>, mut listener: Listener) {
    loop {
        let heard = listener.next().await;
        let Some(inner) = inner.upgrade() else { return };
        let supervisor = Supervisor(inner);
        let letter: Option<Letter> = match heard {
            Heard::Missed => None,
            Heard::Word { payload, .. } => serde_json::from_str(&payload).ok(),
        };
        let Some(letter) = letter else {
            supervisor.0.news.tell_here(RESYNC, Arc::new(json!({})));
            continue;
        };
        if letter.from == supervisor.0.node.process() {
            continue;
        }
        for (name, data) in letter.news {
            supervisor.0.remote.hear(&letter.from, &name, &data);
            if let Some(name) = NAMES.iter().find(|known| **known == name) {
                supervisor.0.news.tell_here(name, Arc::new(data));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(letters: &[String]) -> Vec<(String, Value)> {
        letters.iter().flat_map(|letter| serde_json::from_str::<Letter>(letter).unwrap().news).collect()
    }

    proptest! {
        #[test]
        fn everything_arrives_in_order_or_is_said_to_be_missing(sizes in prop::collection::vec(prop_oneof![0..200usize, 0..9000usize], 0..40)) {
            let news: Vec<Outgoing> =
                sizes.iter().enumerate().map(|(n, size)| ("target", Arc::new(json!({ "id": n, "text": "x".repeat(*size) })))).collect();
            let letters = letters("me", &news);
            prop_assert!(letters.iter().all(|letter| letter.len() <= PAYLOAD_BYTES));
            let arrived = read(&letters);
            prop_assert_eq!(arrived.len(), news.len());
            for ((name, data), (_, sent)) in arrived.iter().zip(&news) {
                if name == RESYNC { prop_assert!(sent["text"].as_str().unwrap().len() > 7000) } else { prop_assert_eq!(data, &**sent) }
            }
            prop_assert!(letters.len() <= news.len());
        }
    }
}
