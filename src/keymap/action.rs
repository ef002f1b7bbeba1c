//! Actions: every verb a person has in the console, once.
//!
//! Which keys stand for them is in `table`; what they do is the screens' business.

/// A verb. What it acts on is decided by the screen in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Shows the help.
    Help,
    /// Goes back, closes or clears.
    Back,
    /// Leaves the program.
    Leave,
    /// Shows the images.
    ShowImages,
    /// Shows the findings.
    ShowFindings,
    /// Shows the comparison.
    ShowCompare,
    /// Shows the components.
    ShowComponents,
    /// Shows the findings that are not vulnerabilities.
    ShowHygiene,
    /// Shows the verdict.
    ShowVerdict,
    /// Shows the promotion.
    ShowPromote,
    /// Shows the ledger.
    ShowHistory,
    /// Moves to the next pane or field.
    NextPane,
    /// Moves to the previous pane or field.
    PreviousPane,
    /// Types a filter or a search.
    Filter,
    /// Shows the last message in full.
    Message,
    /// Reads the inputs again.
    Reload,
    /// Draws the whole screen again.
    Redraw,
    /// Moves down.
    Down,
    /// Moves up.
    Up,
    /// Moves a page down.
    PageDown,
    /// Moves a page up.
    PageUp,
    /// Moves to the first row.
    First,
    /// Moves to the last row.
    Last,
    /// Scrolls left or folds.
    Left,
    /// Scrolls right or unfolds.
    Right,
    /// Opens what is selected.
    Open,
    /// Asks what to copy.
    Copy,
    /// Copies the id.
    CopyId,
    /// Copies the package.
    CopyPackage,
    /// Copies the digest.
    CopyDigest,
    /// Copies the whole line.
    CopyLine,
    /// Moves to the next finding without a verdict.
    NextUndecided,
    /// Moves to the previous finding without a verdict.
    PreviousUndecided,
    /// Marks or unmarks the row.
    Mark,
    /// Marks every row that is shown.
    MarkAll,
    /// Clears filter and marks.
    Clear,
    /// Raises the least severity shown.
    RaiseSeverity,
    /// Lowers the least severity shown.
    LowerSeverity,
    /// Shows all, fixable, not fixable.
    Fixable,
    /// Asks what to sort by.
    Sort,
    /// Sorts by severity.
    SortSeverity,
    /// Sorts by id.
    SortId,
    /// Sorts by package.
    SortPackage,
    /// Sorts by installed version.
    SortVersion,
    /// Sorts by fix.
    SortFix,
    /// Sorts by scanner.
    SortScanners,
    /// Sorts by verdict.
    SortVerdict,
    /// Sorts by risk.
    SortRisk,
    /// Turns the order round.
    Reverse,
    /// Shows or hides the detail pane.
    Detail,
    /// Asks which decision.
    Decide,
    /// Decides accept-risk.
    AcceptRisk,
    /// Decides not-affected.
    NotAffected,
    /// Decides affected.
    Affected,
    /// Decides false-positive.
    FalsePositive,
    /// Decides under-investigation.
    UnderInvestigation,
    /// Approves the image.
    Approve,
    /// Rejects the image.
    Reject,
    /// Takes back the last verdict.
    Undo,
    /// Carries an earlier verdict over.
    CarryOver,
    /// Shows the earlier verdicts that are offered.
    Offers,
    /// Shows which accepted risks end when.
    Expiring,
    /// Restores what was taken back last.
    Redo,
    /// Goes on with the draft of an earlier session.
    TakeUp,
    /// Throws the draft of an earlier session away.
    ThrowAway,
    /// Shows another selection of rows.
    Mode,
    /// Shows tree or list.
    Tree,
    /// Groups by licence.
    Licences,
    /// Starts typing in the form.
    Edit,
    /// Chooses or acknowledges.
    Choose,
    /// Saves the verdict.
    Save,
    /// Throws the draft away.
    Discard,
    /// Works out the plan.
    Plan,
    /// Shows the equivalent commands.
    Commands,
    /// Shows what hangs on the image in the registry.
    Attached,
}

/// One row of the list of actions: the action, its name in the configuration, its summary.
type Row = (Action, &'static str, &'static str);

const ROWS: [Row; 75] = [
    (Action::Help, "help", "help"),
    (
        Action::Back,
        "back",
        "back, close, clear; at the top: leave",
    ),
    (Action::Leave, "leave", "leave; asks while a promotion runs"),
    (Action::ShowImages, "show-images", "images"),
    (Action::ShowFindings, "show-findings", "findings"),
    (
        Action::ShowCompare,
        "show-compare",
        "scanner against scanner",
    ),
    (Action::ShowComponents, "show-components", "components"),
    (
        Action::ShowHygiene,
        "show-hygiene",
        "secrets, configuration, licences",
    ),
    (Action::ShowVerdict, "show-verdict", "verdict"),
    (Action::ShowPromote, "show-promote", "promotion"),
    (Action::ShowHistory, "show-history", "history"),
    (Action::NextPane, "next-pane", "next pane or field"),
    (
        Action::PreviousPane,
        "previous-pane",
        "previous pane or field",
    ),
    (Action::Filter, "filter", "filter or search"),
    (Action::Message, "message", "last message in full"),
    (Action::Reload, "reload", "read the inputs again"),
    (Action::Redraw, "redraw", "draw the screen again"),
    (Action::Down, "down", "down"),
    (Action::Up, "up", "up"),
    (Action::PageDown, "page-down", "page down"),
    (Action::PageUp, "page-up", "page up"),
    (Action::First, "first", "first"),
    (Action::Last, "last", "last"),
    (Action::Left, "left", "scroll left, fold"),
    (Action::Right, "right", "scroll right, unfold"),
    (Action::Open, "open", "open"),
    (Action::Copy, "copy", "copy …"),
    (Action::CopyId, "copy-id", "id"),
    (Action::CopyPackage, "copy-package", "package"),
    (Action::CopyDigest, "copy-digest", "digest"),
    (Action::CopyLine, "copy-line", "whole line"),
    (
        Action::NextUndecided,
        "next-undecided",
        "next without a verdict",
    ),
    (
        Action::PreviousUndecided,
        "previous-undecided",
        "previous without a verdict",
    ),
    (Action::Mark, "mark", "mark"),
    (Action::MarkAll, "mark-all", "mark all shown"),
    (Action::Clear, "clear", "clear filter and marks"),
    (
        Action::RaiseSeverity,
        "raise-severity",
        "raise the least severity",
    ),
    (
        Action::LowerSeverity,
        "lower-severity",
        "lower the least severity",
    ),
    (Action::Fixable, "fixable", "fixable: all, yes, no"),
    (Action::Sort, "sort", "sort by …"),
    (Action::SortSeverity, "sort-severity", "severity"),
    (Action::SortId, "sort-id", "id"),
    (Action::SortPackage, "sort-package", "package"),
    (Action::SortVersion, "sort-version", "installed version"),
    (Action::SortFix, "sort-fix", "fix"),
    (Action::SortScanners, "sort-scanners", "scanners"),
    (Action::SortVerdict, "sort-verdict", "verdict"),
    (Action::SortRisk, "sort-risk", "risk"),
    (Action::Reverse, "reverse", "turn the order round"),
    (Action::Detail, "detail", "detail"),
    (Action::Decide, "decide", "decide …"),
    (Action::AcceptRisk, "accept-risk", "accept-risk"),
    (Action::NotAffected, "not-affected", "not-affected"),
    (Action::Affected, "affected", "affected"),
    (Action::FalsePositive, "false-positive", "false-positive"),
    (
        Action::UnderInvestigation,
        "under-investigation",
        "under-investigation",
    ),
    (Action::Approve, "approve", "approve the image"),
    (Action::Reject, "reject", "reject the image"),
    (Action::Undo, "undo", "take back the last verdict"),
    (
        Action::CarryOver,
        "carry-over",
        "carry the earlier verdict over",
    ),
    (Action::Offers, "offers", "earlier verdicts offered"),
    (Action::Expiring, "expiring", "accepted risks by their end"),
    (Action::Redo, "redo", "restore"),
    (Action::TakeUp, "take-up", "go on with it"),
    (Action::ThrowAway, "throw-away", "throw it away"),
    (Action::Mode, "mode", "other rows"),
    (Action::Tree, "tree", "tree or list"),
    (Action::Licences, "licences", "by licence"),
    (Action::Edit, "edit", "type"),
    (Action::Choose, "choose", "choose, acknowledge"),
    (Action::Save, "save", "save the verdict"),
    (Action::Discard, "discard", "discard the draft"),
    (Action::Plan, "plan", "work out the plan"),
    (Action::Commands, "commands", "equivalent commands"),
    (
        Action::Attached,
        "attached",
        "signatures and SBOMs in the registry",
    ),
];

impl Action {
    /// Returns every action, in the order of the help.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|(action, _, _)| *action)
    }

    /// Returns the name used in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("", |(_, name, _)| name)
    }

    /// Returns what it does, in a few words.
    #[must_use]
    pub fn summary(self) -> &'static str {
        self.row().map_or("", |(_, _, summary)| summary)
    }

    /// Returns one or two words for the footer.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Filter => "filter",
            Self::Clear => "clear",
            Self::RaiseSeverity => "higher",
            Self::LowerSeverity => "lower",
            Self::NextUndecided => "next open",
            Self::PreviousUndecided => "previous open",
            Self::MarkAll => "mark all",
            Self::Reverse => "reverse",
            Self::Undo => "undo",
            Self::CarryOver => "carry over",
            Self::Offers => "offers",
            Self::Expiring => "expiring",
            Self::UnderInvestigation => "investigating",
            Self::Save => "save",
            Self::Discard => "discard",
            Self::Plan => "plan",
            Self::Commands => "commands",
            Self::Message => "message",
            Self::Attached => "attached",
            Self::Reload => "reload",
            Self::SortVersion => "version",
            _ => self
                .summary()
                .split([',', ';', ':', '…'])
                .next()
                .unwrap_or_default()
                .trim_end(),
        }
    }

    /// Returns the action of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ROWS.iter()
            .find(|(_, known, _)| *known == name)
            .map(|(action, _, _)| *action)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|(action, _, _)| *action == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_one_row_with_a_name_of_its_own() {
        let mut names: Vec<&str> = Action::all().map(Action::name).collect();
        assert!(Action::all().all(|action| !action.summary().is_empty()));
        assert!(Action::all().all(|action| Action::from_name(action.name()) == Some(action)));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }
}
