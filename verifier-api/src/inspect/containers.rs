//! Arrays and maps of the walk, and strings in chunks.

use mdoc::cbor::ErrorKind;

use super::fault::Fault;
use super::head::{Head, is_break};
use super::node::{Form, Key, Meaning, Member};
use super::place::{Place, counted, is_key, kind};
use super::scalar::Scalar;
use super::schema::{self, ANY, HIDDEN};
use super::tree::Stop;
use super::walk::Walk;
use super::words;

impl Walk<'_, '_> {
    pub(super) fn array(
        &mut self,
        place: Place<'_>,
        head: Head,
        summary: Option<&str>,
    ) -> Result<usize, Stop> {
        let handover = (place.node.meaning == Meaning::Handover).then(|| self.handover(head, place.end));
        self.line(place, &counted("array", head), summary.or(handover))?;
        let method = (place.node.meaning == Meaning::RetrievalMethod)
            .then(|| {
                Scalar::read(self.bytes, head.content, place.end)
                    .ok()
                    .flatten()?
                    .0
                    .as_i64()
            })
            .flatten();
        let mut at = head.content;
        let mut index = 0;
        while self.another(head, index, at, place.end) {
            let node = match place.node.form {
                Form::Array(node) => node,
                Form::Tuple(nodes) => match (nodes.get(index), method) {
                    (Some(_), Some(method)) if index == 2 => schema::retrieval_options(method),
                    (Some(node), _) => node,
                    (None, _) => &ANY,
                },
                Form::Certificates => place.node,
                _ if place.node.personal => &HIDDEN,
                _ => &ANY,
            };
            at = self.item(place.inside(at, place.end, node))?;
            index += 1;
        }
        if let Form::Tuple(nodes) = place.node.form
            && nodes.len() != index
        {
            self.tree
                .fault(place.at, place.depth + 1, Fault::Length(nodes.len()))?;
        }
        self.after(place, head, at)
    }

    pub(super) fn map(&mut self, place: Place<'_>, head: Head, summary: Option<&str>) -> Result<usize, Stop> {
        self.line(place, &counted("map", head), summary)?;
        let members = match place.node.form {
            Form::Map(members) => members,
            _ => &[],
        };
        let mut seen = vec![false; members.len()];
        let mut at = head.content;
        let mut index = 0;
        while self.another(head, index, at, place.end) {
            at = self.pair(place, at, members, &mut seen)?;
            index += 1;
        }
        for (member, seen) in members.iter().zip(seen) {
            if let (Key::Text(key), true) = (member.key, member.needed && !seen) {
                self.tree.fault(place.at, place.depth + 1, Fault::Missing(key))?;
            }
        }
        self.after(place, head, at)
    }

    fn pair(
        &mut self,
        place: Place<'_>,
        at: usize,
        members: &[Member],
        seen: &mut [bool],
    ) -> Result<usize, Stop> {
        let key = match Scalar::read(self.bytes, at, place.end) {
            Ok(key) => key,
            Err(fault) => return self.broken(place.inside(at, place.end, &ANY), fault),
        };
        let hidden = if place.node.personal { &HIDDEN } else { &ANY };
        let Some((key, value_at)) = key else {
            let key_place = Place {
                label: "(a key)",
                ..place.inside(at, place.end, hidden)
            };
            let value_at = self.item(key_place)?;
            return self.item(place.inside(value_at, place.end, hidden));
        };
        let member = members.iter().position(|member| is_key(member.key, key));
        if let Some(slot) = member.and_then(|index| seen.get_mut(index)) {
            *slot = true;
        }
        let node = match (member.and_then(|index| members.get(index)), place.node.form, key) {
            (Some(member), _, _) => member.node,
            (None, Form::MapOf(node), _) => node,
            _ if place.node.personal => &HIDDEN,
            (None, _, Scalar::Text(name)) => schema::known_anywhere(name).unwrap_or(&ANY),
            _ => &ANY,
        };
        // A shifted map could have a value where a key is due.
        let name_is_due =
            matches!(place.node.form, Form::MapOf(_)) && matches!(key, Scalar::Text(_) | Scalar::Unsigned(_));
        let label = if member.is_some() || name_is_due || !place.node.personal || self.settings.values {
            format!("{}: ", key.diagnostic())
        } else {
            "(an unknown key): ".to_owned()
        };
        let value = Place {
            line_at: at,
            label: &label,
            ..place.inside(value_at, place.end, node)
        };
        self.item(value)
    }

    /// A string of indefinite length, which the strict decoder refuses.
    pub(super) fn chunks(&mut self, place: Place<'_>, head: Head) -> Result<usize, Stop> {
        self.line(place, &counted(kind(head), head), None)?;
        let node = if place.node.personal { &HIDDEN } else { &ANY };
        let mut at = head.content;
        while !is_break(self.bytes, at, place.end) {
            at = self.item(place.inside(at, place.end, node))?;
        }
        self.after(place, head, at)
    }

    /// Whether a container has another element at `at`.
    fn another(&self, head: Head, index: usize, at: usize, end: usize) -> bool {
        match head.argument {
            Some(count) => u64::try_from(index).is_ok_and(|index| index < count),
            None => !is_break(self.bytes, at, end),
        }
    }

    /// Where a container ends, after its break if it has one.
    fn after(&mut self, place: Place<'_>, head: Head, at: usize) -> Result<usize, Stop> {
        if head.argument.is_some() {
            return Ok(at);
        }
        self.tree
            .fault(place.at, place.depth + 1, Fault::Cbor(ErrorKind::Indefinite))?;
        Ok(at + 1)
    }

    fn handover(&self, head: Head, end: usize) -> &'static str {
        let first = Scalar::read(self.bytes, head.content, end).ok().flatten();
        let second = first.and_then(|(_, at)| Scalar::read(self.bytes, at, end).ok().flatten());
        words::handover(first.map(|(value, _)| value), second.map(|(value, _)| value))
    }
}
