//! What an operator should look at in a snapshot, although it can be used.

use mdoc::time::UnixTime;

use super::TrustSnapshot;

impl TrustSnapshot {
    /// One sentence for each thing that is left aside, missing, or past its time at `now`.
    pub fn remarks(&self, now: UnixTime) -> Vec<String> {
        let mut remarks: Vec<String> = self
            .skipped()
            .iter()
            .map(|(file, reason)| format!("{file} is left aside: {reason}"))
            .collect();
        if self.anchor_count() == 0 {
            remarks.push("the trust directory holds no anchor; nothing can be accepted".to_owned());
        }
        for held in self.trust_lists() {
            if let Err(error) = held.list.judge(now, now) {
                remarks.push(format!("{}: {error}; nothing is accepted on it", held.file));
            } else if let Some(since) = held.list.stale_since(now) {
                remarks.push(format!("{}: a newer list has been due since {since}", held.file));
            }
        }
        for list in self.evidence().crls() {
            let number = list
                .number()
                .map(|number| format!(" {number}"))
                .unwrap_or_default();
            match list.next_update() {
                Some(end) if end < now => {
                    remarks.push(format!(
                        "the CRL{number} of {} is past its end, {end}",
                        list.this_update()
                    ));
                }
                _ => {}
            }
        }
        for token in self.evidence().tokens() {
            if let Some(end) = token.expires_at().filter(|end| *end < now) {
                remarks.push(format!("the list {} expired at {end}", token.subject()));
            }
        }
        remarks
    }
}
