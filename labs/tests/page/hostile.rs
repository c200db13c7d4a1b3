//! What the router says is text, whatever it looks like.

use anyhow::{Result, ensure};
use serde_json::json;
use waypost_testkit::{Lab, run};

use super::{HOSTILE, World, go, nothing_in_the_console, says};

#[test]
fn names_that_look_like_markup_are_text() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let browser = world.browser()?;
        let none = "return document.querySelectorAll('main b, main img, main script, main iframe').length";
        for (view, heading, place) in [
            ("#/interfaces", "Interfaces", "td"),
            ("#/topology", "Topology", "td"),
            ("#/history", "History", ".diff"),
            ("#/configure", "Configure", "select option"),
        ] {
            go(&browser, view, heading)?;
            match view {
                "#/topology" => {
                    browser.run(
                        "const s = document.querySelector('.beside select'); s.value = 'neighbours'; s.dispatchEvent(new Event('change'))",
                        &[],
                    )?;
                    says_in_picture(&browser)?;
                }
                "#/history" => {
                    browser.wait(
                        super::SOON,
                        "the first revision",
                        "return document.querySelector('.revisions button')",
                        &[],
                    )?;
                    browser.click(".revisions button")?;
                }
                _ => {}
            }
            let script = "return [...document.querySelectorAll(arguments[0])].some((e) => e.textContent.includes(arguments[1]))";
            browser.wait(
                super::SOON,
                &format!("{HOSTILE} in {view}"),
                script,
                &[json!(place), json!(HOSTILE)],
            )?;
            let found = browser.run(none, &[])?;
            ensure!(found == 0, "{view}: {found} elements out of text");
        }
        // Its form works as any other, quotes in the path and all.
        let name = browser.run("return encodeURIComponent(arguments[0])", &[json!(HOSTILE)])?;
        let view = format!("#/configure/{}/rip", name.as_str().unwrap_or_default());
        go(&browser, &view, "Configure")?;
        browser.wait(super::SOON, "its note", "return [...document.querySelectorAll('input')].some((e) => e.value === '<script>alert(1)</script>')", &[])?;
        browser.click("#on")?;
        says(&browser, "section[aria-label=Plan]", "leaves the interface")?;
        browser.click("section[aria-label=Plan] button[type=submit]")?;
        says(&browser, "section[aria-label=Plan]", "Revision 2 is in force.")?;
        let found = browser.run(none, &[])?;
        ensure!(found == 0, "{found} elements out of text");
        nothing_in_the_console(&browser, &[])
    });
}

/// A name in the picture, cut where it is too long.
fn says_in_picture(browser: &waypost_testkit::Browser) -> Result<()> {
    let script =
        "return [...document.querySelectorAll('.picture text')].some((e) => e.textContent === arguments[0])";
    browser.wait(super::SOON, "the name in the picture", script, &[json!(HOSTILE)])?;
    Ok(())
}
