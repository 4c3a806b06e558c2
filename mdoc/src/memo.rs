//! A small memory of answers that never change, such as whether a key signed a list.

use core::borrow::Borrow;
use core::fmt;
use std::sync::{PoisonError, RwLock};

/// Answers kept. Lists have one issuer and, during a rollover, two.
const CAPACITY: usize = 16;

/// Remembers the answer for the last few questions. Owner and answers live and die together.
pub(crate) struct Memo<K, V> {
    known: RwLock<Vec<(K, V)>>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self {
            known: RwLock::new(Vec::new()),
        }
    }
}

/// Says how many answers it holds.
impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Memo({})", known.len())
    }
}

impl<K, V: Clone> Memo<K, V> {
    /// The answer for `question`: remembered, or found and then remembered.
    pub(crate) fn get_or_insert<Q>(&self, question: &Q, find: impl FnOnce() -> V) -> V
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + PartialEq + ?Sized,
    {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = known.iter().find(|(key, _)| key.borrow() == question) {
            return answer.clone();
        }
        drop(known);
        let answer = find();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CAPACITY {
            known.remove(0);
        }
        known.push((question.to_owned(), answer.clone()));
        answer
    }

    /// The questions that are remembered.
    pub(crate) fn questions(&self) -> Vec<K>
    where
        K: Clone,
    {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(question, _)| question.clone()).collect()
    }

    /// A question that is remembered with this answer.
    pub(crate) fn question_of(&self, answer: &V) -> Option<K>
    where
        K: Clone,
        V: PartialEq,
    {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut known = known.iter();
        known
            .find(|(_, found)| found == answer)
            .map(|(question, _)| question.clone())
    }
}
