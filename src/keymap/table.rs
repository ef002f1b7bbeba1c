//! The table of keys: which action has which keys in which place.
//!
//! Rules a test holds: no key twice in a place, no letter with two meanings outside menus, nothing
//! that needs Ctrl, no key that browsers or multiplexers keep, no movement letter in a menu.

use super::{Action, Code, Key, Place};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The verb.
    pub action: Action,
    /// Where the keys mean it.
    pub places: &'static [Place],
    /// The keys, the one to show first.
    pub keys: &'static [Key],
}

const fn row(action: Action, places: &'static [Place], keys: &'static [Key]) -> Binding {
    Binding {
        action,
        places,
        keys,
    }
}

const fn named(code: Code) -> Key {
    Key::plain(code)
}

const EVERYWHERE: &[Place] = &[Place::Everywhere];
const LISTS: &[Place] = &[Place::Lists];
const FINDINGS: &[Place] = &[Place::Findings];
const JUDGED: &[Place] = &[Place::Findings, Place::Compare];
const FILTERED: &[Place] = &[
    Place::Findings,
    Place::Compare,
    Place::Components,
    Place::History,
    Place::Help,
];
const IMAGE: &[Place] = &[Place::Images, Place::Verdict];
const FORMS: &[Place] = &[Place::Verdict, Place::Promote];
const DECISION: &[Place] = &[Place::DecisionMenu];
const SORT: &[Place] = &[Place::SortMenu];
const COPY: &[Place] = &[Place::CopyMenu];
const DRAFT: &[Place] = &[Place::DraftMenu];
const UNDONE: &[Place] = &[Place::Findings, Place::Verdict, Place::History];

/// Every binding, in the order in which the footer shows them.
pub const BINDINGS: &[Binding] = &[
    row(Action::Open, LISTS, &[named(Code::Enter)]),
    row(Action::Decide, JUDGED, &[Key::char('v')]),
    row(Action::Approve, IMAGE, &[Key::char('a')]),
    row(Action::Reject, IMAGE, &[Key::char('r')]),
    row(
        Action::Save,
        &[Place::Verdict, Place::Offers],
        &[Key::char('w')],
    ),
    row(Action::Edit, FORMS, &[Key::char('e')]),
    row(Action::Choose, FORMS, &[Key::char(' ')]),
    row(Action::Discard, &[Place::Verdict], &[Key::char('D')]),
    row(Action::Plan, &[Place::Promote], &[Key::char('p')]),
    row(Action::Commands, &[Place::Promote], &[Key::char('C')]),
    row(Action::Mark, FINDINGS, &[Key::char(' ')]),
    row(Action::Detail, FINDINGS, &[Key::char('d')]),
    row(Action::RaiseSeverity, FINDINGS, &[Key::char('+')]),
    row(Action::LowerSeverity, FINDINGS, &[Key::char('-')]),
    row(Action::Fixable, FINDINGS, &[Key::char('f')]),
    row(Action::Sort, FINDINGS, &[Key::char('s')]),
    row(Action::Mode, &[Place::Compare], &[Key::char('m')]),
    row(Action::Tree, &[Place::Components], &[Key::char('t')]),
    row(Action::Licences, &[Place::Components], &[Key::char('L')]),
    row(Action::Filter, FILTERED, &[Key::char('/')]),
    row(Action::NextUndecided, FINDINGS, &[Key::char('n')]),
    row(Action::PreviousUndecided, FINDINGS, &[Key::char('N')]),
    row(Action::MarkAll, FINDINGS, &[Key::char('M')]),
    row(Action::Clear, FILTERED, &[Key::char('c')]),
    row(Action::Reverse, FINDINGS, &[Key::char('S')]),
    row(Action::Undo, UNDONE, &[Key::char('u')]),
    row(Action::Redo, UNDONE, &[Key::char('U')]),
    row(
        Action::CarryOver,
        &[Place::Findings, Place::Offers, Place::Verdict],
        &[Key::char('o')],
    ),
    row(Action::Offers, FINDINGS, &[Key::char('O')]),
    row(Action::Expiring, &[Place::History], &[Key::char('E')]),
    row(Action::Copy, LISTS, &[Key::char('y')]),
    row(Action::Down, LISTS, &[Key::char('j'), named(Code::Down)]),
    row(Action::Up, LISTS, &[Key::char('k'), named(Code::Up)]),
    row(
        Action::PageDown,
        LISTS,
        &[named(Code::PageDown), Key::char('J'), Key::control('d')],
    ),
    row(
        Action::PageUp,
        LISTS,
        &[named(Code::PageUp), Key::char('K'), Key::control('u')],
    ),
    row(Action::First, LISTS, &[Key::char('g'), named(Code::Home)]),
    row(Action::Last, LISTS, &[Key::char('G'), named(Code::End)]),
    row(Action::Left, LISTS, &[Key::char('h'), named(Code::Left)]),
    row(Action::Right, LISTS, &[Key::char('l'), named(Code::Right)]),
    row(Action::NextPane, EVERYWHERE, &[named(Code::Tab)]),
    row(Action::PreviousPane, EVERYWHERE, &[named(Code::BackTab)]),
    row(Action::Help, EVERYWHERE, &[Key::char('?')]),
    row(
        Action::Back,
        &[
            Place::Everywhere,
            Place::DecisionMenu,
            Place::SortMenu,
            Place::CopyMenu,
            Place::DraftMenu,
        ],
        &[Key::char('q'), named(Code::Esc)],
    ),
    row(Action::Message, EVERYWHERE, &[Key::char('!')]),
    row(Action::Reload, EVERYWHERE, &[Key::char('R')]),
    row(
        Action::Redraw,
        EVERYWHERE,
        &[Key::char('z'), Key::control('l')],
    ),
    row(
        Action::Leave,
        EVERYWHERE,
        &[Key::char('Q'), Key::control('c')],
    ),
    row(Action::Attached, EVERYWHERE, &[Key::char('A')]),
    row(Action::ShowImages, EVERYWHERE, &[Key::char('1')]),
    row(Action::ShowFindings, EVERYWHERE, &[Key::char('2')]),
    row(Action::ShowCompare, EVERYWHERE, &[Key::char('3')]),
    row(Action::ShowComponents, EVERYWHERE, &[Key::char('4')]),
    row(Action::ShowHygiene, EVERYWHERE, &[Key::char('5')]),
    row(Action::ShowVerdict, EVERYWHERE, &[Key::char('6')]),
    row(
        Action::ShowPromote,
        EVERYWHERE,
        &[Key::char('7'), Key::char('P')],
    ),
    row(Action::ShowHistory, EVERYWHERE, &[Key::char('8')]),
    row(Action::AcceptRisk, DECISION, &[Key::char('x')]),
    row(Action::NotAffected, DECISION, &[Key::char('o')]),
    row(Action::Affected, DECISION, &[Key::char('t')]),
    row(Action::FalsePositive, DECISION, &[Key::char('p')]),
    row(Action::UnderInvestigation, DECISION, &[Key::char('i')]),
    row(Action::SortSeverity, SORT, &[Key::char('s')]),
    row(Action::SortRisk, SORT, &[Key::char('e')]),
    row(Action::SortId, SORT, &[Key::char('i')]),
    row(Action::SortPackage, SORT, &[Key::char('p')]),
    row(Action::SortVersion, SORT, &[Key::char('v')]),
    row(Action::SortFix, SORT, &[Key::char('f')]),
    row(Action::SortScanners, SORT, &[Key::char('c')]),
    row(Action::SortVerdict, SORT, &[Key::char('d')]),
    row(Action::CopyId, COPY, &[Key::char('i')]),
    row(Action::CopyPackage, COPY, &[Key::char('p')]),
    row(Action::CopyDigest, COPY, &[Key::char('d')]),
    row(Action::CopyLine, COPY, &[Key::char('t')]),
    row(Action::TakeUp, DRAFT, &[Key::char('t')]),
    row(Action::ThrowAway, DRAFT, &[Key::char('x')]),
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn no_key_has_two_meanings_in_a_place() {
        for place in Place::ALL {
            let mut seen = BTreeMap::new();
            for wider in place.chain() {
                for binding in BINDINGS.iter().filter(|row| row.places.contains(wider)) {
                    for key in binding.keys {
                        let before = seen.insert(*key, binding.action);
                        assert_eq!(before, None, "{key} in {}", place.name());
                    }
                }
            }
        }
    }

    #[test]
    fn no_letter_has_two_meanings_outside_menus() {
        let mut seen: BTreeMap<Key, Action> = BTreeMap::new();
        for binding in BINDINGS {
            if binding.places.iter().all(|place| place.is_menu()) {
                continue;
            }
            for key in binding.keys.iter().filter(|key| **key != Key::char(' ')) {
                let before = seen.insert(*key, binding.action);
                assert_eq!(before, None, "{key}");
            }
        }
    }

    #[test]
    fn every_action_has_a_plain_key() {
        for action in Action::all() {
            let rows: Vec<_> = BINDINGS.iter().filter(|row| row.action == action).collect();
            assert_eq!(rows.len(), 1, "{}", action.name());
            let shown = rows[0].keys.first().unwrap();
            assert!(!shown.control, "{}", action.name());
        }
    }

    #[test]
    fn nothing_a_browser_or_a_multiplexer_keeps_is_bound() {
        let kept: BTreeSet<char> = "twnqabhijmrpfsz[\\".chars().collect();
        for key in BINDINGS.iter().flat_map(|row| row.keys) {
            if let (true, Code::Char(character)) = (key.control, key.code) {
                assert!(!kept.contains(&character), "{key}");
            }
        }
    }

    #[test]
    fn menu_letters_are_no_movement() {
        for binding in BINDINGS {
            if binding.places.iter().all(|place| place.is_menu()) {
                for key in binding.keys {
                    assert!(!"jkghlnqGar".contains(key.typed().unwrap()), "{key}");
                }
            }
        }
    }
}
