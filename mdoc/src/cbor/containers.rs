//! Arrays and maps of a checked item.

use super::Item;

/// The elements of an array.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Array<'a> {
    content: &'a [u8],
    count: Option<u64>,
}

/// The pairs of a map. The keys are distinct.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Map<'a> {
    content: &'a [u8],
    count: Option<u64>,
}

/// The elements of an [`Array`] in turn.
#[derive(Clone)]
pub struct ArrayIter<'a>(Items<'a>);

/// The pairs of a [`Map`] in the order received.
#[derive(Clone)]
pub struct MapIter<'a>(Items<'a>);

impl<'a> Array<'a> {
    pub(super) const fn new(content: &'a [u8], count: Option<u64>) -> Self {
        Self { content, count }
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        self.count.map_or_else(
            || self.iter().count(),
            |count| usize::try_from(count).unwrap_or(usize::MAX),
        )
    }

    /// Whether there is no element.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// The elements in turn.
    pub const fn iter(self) -> ArrayIter<'a> {
        ArrayIter(Items {
            rest: self.content,
            remaining: self.count,
        })
    }

    /// The elements when there are exactly `N`.
    pub fn exactly<const N: usize>(self) -> Option<[Item<'a>; N]> {
        if self.len() != N {
            return None;
        }
        let mut items = self.iter();
        let mut elements = [Item { encoded: &[] }; N];
        for slot in &mut elements {
            *slot = items.next()?;
        }
        Some(elements)
    }
}

impl<'a> Map<'a> {
    pub(super) const fn new(content: &'a [u8], count: Option<u64>) -> Self {
        Self { content, count }
    }

    /// The number of pairs.
    pub fn len(self) -> usize {
        self.count.map_or_else(
            || self.iter().count(),
            |count| usize::try_from(count).unwrap_or(usize::MAX),
        )
    }

    /// Whether there is no pair.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// The pairs in the order received.
    pub const fn iter(self) -> MapIter<'a> {
        let remaining = match self.count {
            Some(count) => Some(count.saturating_mul(2)),
            None => None,
        };
        MapIter(Items {
            rest: self.content,
            remaining,
        })
    }

    /// The value under a text key.
    pub fn get_text(self, key: &str) -> Option<Item<'a>> {
        self.iter()
            .find(|(name, _)| name.is_text(key))
            .map(|(_, value)| value)
    }

    /// The values under several text keys, in one pass.
    pub fn get_texts<const N: usize>(self, keys: [&str; N]) -> [Option<Item<'a>>; N] {
        let mut found = [None; N];
        for (name, value) in self.iter() {
            let slots = found.iter_mut().zip(keys);
            for (slot, _) in slots.filter(|(_, key)| name.is_text(key)) {
                *slot = Some(value);
            }
        }
        found
    }

    /// The value under an integer key.
    pub fn get_int(self, key: i64) -> Option<Item<'a>> {
        self.iter()
            .find(|(name, _)| name.as_i64() == Some(key))
            .map(|(_, value)| value)
    }
}

impl<'a> Iterator for ArrayIter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

impl<'a> Iterator for MapIter<'a> {
    type Item = (Item<'a>, Item<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

/// Items one after the other: a known number of them, or as many as stand before a break.
#[derive(Clone)]
struct Items<'a> {
    rest: &'a [u8],
    remaining: Option<u64>,
}

impl<'a> Items<'a> {
    fn next(&mut self) -> Option<Item<'a>> {
        match &mut self.remaining {
            Some(0) => return None,
            Some(count) => *count -= 1,
            None if self.rest.first() == Some(&0xff) => return None,
            None => {}
        }
        let (item, rest) = Item::of_checked(self.rest)?;
        self.rest = rest;
        Some(item)
    }
}
