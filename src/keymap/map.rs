//! The keymap in force: the table, with what the person changed in the configuration.
//!
//! Reading the configuration's file is `config`'s work; this takes names and keys.

use std::collections::BTreeMap;

use crate::error::{ErrorKind, Explain};

use super::{Action, BINDINGS, Key, Place};

/// The keys in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    rows: Vec<(Action, &'static [Place], Vec<Key>)>,
}

/// A change of keys that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// There is no such action.
    #[error("`{0}` is no action")]
    Action(String),
    /// An action without a plain key could not be reached everywhere.
    #[error("`{0}` needs a key that is pressed without Ctrl")]
    Unreachable(&'static str),
    /// The key would mean two things in one place.
    #[error("{key} would mean both `{first}` and `{second}` in {place}")]
    Conflict {
        /// The key.
        key: Key,
        /// One meaning.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// Where.
        place: &'static str,
    },
}

impl Explain for KeymapError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["`countersign keys` lists every action with its keys".to_owned()]
    }
}

impl Default for Keymap {
    fn default() -> Self {
        Self {
            rows: BINDINGS
                .iter()
                .map(|row| (row.action, row.places, row.keys.to_vec()))
                .collect(),
        }
    }
}

impl Keymap {
    /// Returns the table with the keys of some actions replaced.
    ///
    /// # Errors
    /// When an action does not exist, could no longer be reached without Ctrl, or a key would mean
    /// two things in one place.
    pub fn with(changes: &BTreeMap<String, Vec<Key>>) -> Result<Self, KeymapError> {
        let mut map = Self::default();
        for (name, keys) in changes {
            let action =
                Action::from_name(name).ok_or_else(|| KeymapError::Action(name.clone()))?;
            if keys.iter().all(|key| key.control) {
                return Err(KeymapError::Unreachable(action.name()));
            }
            for row in map.rows.iter_mut().filter(|row| row.0 == action) {
                row.2.clone_from(keys);
            }
        }
        map.check().map(|()| map)
    }

    fn check(&self) -> Result<(), KeymapError> {
        for place in Place::ALL {
            let mut seen: BTreeMap<Key, Action> = BTreeMap::new();
            for (action, places, keys) in &self.rows {
                if !places.iter().any(|wider| place.chain().contains(wider)) {
                    continue;
                }
                for key in keys {
                    let before = seen.insert(*key, *action);
                    if let Some(first) = before.filter(|known| known != action) {
                        return Err(KeymapError::Conflict {
                            key: *key,
                            first: first.name(),
                            second: action.name(),
                            place: place.name(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns what `key` means in `place`.
    #[must_use]
    pub fn lookup(&self, place: Place, key: Key) -> Option<Action> {
        place.chain().iter().find_map(|wider| {
            self.rows
                .iter()
                .find(|(_, places, keys)| places.contains(wider) && keys.contains(&key))
                .map(|(action, _, _)| *action)
        })
    }

    /// Returns the keys of an action, the one to show first.
    #[must_use]
    pub fn keys(&self, action: Action) -> &[Key] {
        self.rows
            .iter()
            .find(|(known, _, _)| *known == action)
            .map_or(&[], |(_, _, keys)| keys)
    }

    /// Returns the actions of one place, the wider ones left out, in the order of the footer.
    pub fn actions(&self, place: Place) -> impl Iterator<Item = (Action, &[Key])> {
        self.rows
            .iter()
            .filter(move |(_, places, _)| places.contains(&place))
            .map(|(action, _, keys)| (*action, keys.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, key: Key) -> Result<Keymap, KeymapError> {
        Keymap::with(&BTreeMap::from([(name.to_owned(), vec![key])]))
    }

    #[test]
    fn narrower_places_win_and_text_fields_have_no_letters() {
        let map = Keymap::default();
        assert_eq!(
            map.lookup(Place::Findings, Key::char('j')),
            Some(Action::Down)
        );
        assert_eq!(map.lookup(Place::Findings, Key::char('a')), None);
        assert_eq!(
            map.lookup(Place::Images, Key::char('a')),
            Some(Action::Approve)
        );
        assert_eq!(map.lookup(Place::SortMenu, Key::char('j')), None);
        assert_eq!(map.lookup(Place::Field, Key::char('q')), None);
    }

    #[test]
    fn keys_can_be_changed_but_not_into_a_conflict() {
        let map = change("undo", Key::char('B')).unwrap();
        assert_eq!(
            map.lookup(Place::History, Key::char('B')),
            Some(Action::Undo)
        );
        assert_eq!(map.lookup(Place::History, Key::char('u')), None);
        assert!(matches!(
            change("undo", Key::char('j')),
            Err(KeymapError::Conflict { .. })
        ));
        assert!(matches!(
            change("undo", Key::control('x')),
            Err(KeymapError::Unreachable(_))
        ));
        assert!(matches!(
            change("fly", Key::char('x')),
            Err(KeymapError::Action(_))
        ));
    }
}
