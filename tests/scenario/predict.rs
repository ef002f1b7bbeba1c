//! Predict, then reveal: nothing is told of an image before its reviewer has said what to expect.

use super::drafts::session;
use super::*;

#[test]
fn counts_are_covered_until_they_are_predicted() {
    let mut session = session();
    session.predict = true;
    session.size = (120, 36);
    paused().block_on(session.play(async |mut hands: Hands| {
        let images = hands.see("Images 1").await;
        assert!(images.contains("gate: .."), "{images}");
        assert!(images.contains("covered until you predict"), "{images}");
        let tells = |picture: &str| picture.contains("12") && picture.contains("/12");
        assert!(!tells(&images), "{images}");
        assert!(
            !images.contains("gate: closed") && !images.contains("gate closed"),
            "{images}"
        );
        for tab in ["2", "3", "4", "5", "6", "7"] {
            hands.press(tab).await;
            let covered = hands.see("Predict before the first look").await;
            assert!(!covered.contains("CVE-") && !tells(&covered), "{covered}");
            hands.press("Esc").await;
            hands.see("Images 1").await;
        }
        hands.press("2").await;
        hands.type_text("lots").await;
        hands.press("Enter").await;
        hands.see("`lots` is no expectation").await;
        hands
            .press("Backspace Backspace Backspace Backspace Enter")
            .await;
        hands.see("nothing is predicted yet").await;
        hands.type_text("fixable-high=10, critical=0").await;
        assert!(!session.ledger().exists());
        hands.press("Enter").await;
        let revealed = hands.see("Predicted and found").await;
        assert!(
            revealed.contains("predicted 10     found 12     2 more"),
            "{revealed}"
        );
        assert!(
            revealed.contains("predicted 0      found 0      as predicted"),
            "{revealed}"
        );
        assert!(session.ledger().join("000000000001.json").exists());
        hands.press("Esc").await;
        hands.see("row 1/12").await;
        hands.press("Q").await;
    }));
    // It was predicted: the next session shows it at once.
    paused().block_on(session.play(async |mut hands: Hands| {
        let images = hands.see("12/12").await;
        assert!(images.contains("gate: closed"), "{images}");
        hands.press("Q").await;
    }));
    // Another reviewer has not, and may look without.
    session.reviewer = "ann";
    paused().block_on(session.play(async |mut hands: Hands| {
        hands.see("covered until you predict").await;
        hands.press("Enter").await;
        hands.see("Predict before the first look").await;
        hands.type_text("skip").await;
        hands.press("Enter").await;
        hands.see("row 1/12").await;
        hands.press("R").await;
        hands.see("row 1/12").await;
        hands.press("Q").await;
    }));
}
