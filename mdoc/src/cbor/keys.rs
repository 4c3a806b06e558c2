//! Detection of duplicate map keys: none where they ascend; else compared as they come up to
//! sixteen, sorted above.

const FEW: usize = 16;

/// The keys of one map, as encoded. Shortest forms only, so that equal keys have equal bytes.
pub(super) struct Keys<'a> {
    few: [&'a [u8]; FEW],
    count: usize,
    many: Vec<&'a [u8]>,
    last: &'a [u8],
    /// Each key so far is greater than the one before: none needs to be compared with all.
    ascending: bool,
}

impl<'a> Keys<'a> {
    pub(super) const fn new() -> Self {
        Self {
            few: [&[]; FEW],
            count: 0,
            many: Vec::new(),
            last: &[],
            ascending: true,
        }
    }

    /// Takes one more key; `false` when it is known at once to be a duplicate.
    pub(super) fn insert(&mut self, key: &'a [u8]) -> bool {
        // Any order serves; by length first few bytes need to be looked at.
        self.ascending &=
            key.len() > self.last.len() || key.len() == self.last.len() && key.iter().gt(self.last.iter());
        self.last = key;
        if self.many.is_empty() {
            if !self.ascending && self.few.iter().take(self.count).any(|known| *known == key) {
                return false;
            }
            if let Some(slot) = self.few.get_mut(self.count) {
                *slot = key;
                self.count += 1;
                return true;
            }
            self.many.reserve(4 * FEW);
            self.many.extend_from_slice(&self.few);
        }
        self.many.push(key);
        true
    }

    /// Whether all keys taken so far differ.
    pub(super) fn are_distinct(mut self) -> bool {
        if self.ascending {
            return true;
        }
        self.many.sort_unstable();
        !self.many.array_windows().any(|[left, right]| left == right)
    }
}
