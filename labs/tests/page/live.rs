//! Changing the router on its page, and what the page says when there is no router.

use anyhow::{Result, ensure};
use serde_json::json;
use waypost_testkit::{Browser, Lab, run};

use super::{BY_R2, DIRECT, LAN3, SOON, World, go, nothing_in_the_console, says, shown};

/// The control of an option, and what is said below it.
fn option(browser: &Browser, name: &str) -> Result<(String, String)> {
    let script = "const label = [...document.querySelectorAll('.options > .field > label')].find((e) => e.textContent === arguments[0]); \
                  return label && [label.htmlFor, document.querySelector(`#${label.htmlFor}`).closest('.field').querySelector('.fault').id]";
    let found = browser.wait(SOON, &format!("the option {name}"), script, &[json!(name)])?;
    let id = |place: usize| format!("#{}", found[place].as_str().unwrap_or_default());
    Ok((id(0), id(1)))
}

fn cost_form(browser: &Browser) -> Result<(String, String)> {
    go(browser, "#/configure/to-r3/ospf", "Configure")?;
    option(browser, "cost")
}

const PLAN: &str = "section[aria-label=Plan]";
const APPLY: &str = "section[aria-label=Plan] button[type=submit]";

#[test]
fn a_cost_is_changed_and_the_neighbour_follows() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let browser = world.browser()?;
        let address = browser.run("return location.href", &[])?;
        ensure!(
            address == "http://127.0.0.1:8480/#/topology",
            "the token is gone: {address}"
        );
        says(&browser, "#state", "running, revision 1")?;

        // A mistake is refused where it is made, in the daemon's words, and nothing is applied.
        let (cost, fault) = cost_form(&browser)?;
        browser.type_into(&cost, "99999")?;
        says(
            &browser,
            &fault,
            "value is out of range: 99999 (allowed: 1..=65535)",
        )?;
        browser.click(APPLY)?;
        let focus = browser.wait(
            SOON,
            "the focus on the mistake",
            "return document.activeElement.getAttribute('aria-invalid') && `#${document.activeElement.id}`",
            &[],
        )?;
        ensure!(focus == cost.as_str(), "{focus}");
        says(&browser, "#state", "revision 1")?;

        // What it would do is shown before; then the neighbour's kernel follows.
        browser.type_into(&cost, "50")?;
        says(&browser, PLAN, "1 change: live, no neighbour is reset.")?;
        says(&browser, PLAN, "interfaces.to-r3.ospf.cost")?;
        ensure!(
            browser.run(
                "return document.querySelector(arguments[0]).textContent",
                &[json!(fault)]
            )? == "",
            "what was put right is not wrong any more"
        );
        world.r1.wait_for_route(LAN3, &[BY_R2], SOON)?;
        browser.click(APPLY)?;
        says(&browser, PLAN, "Revision 2 is in force.")?;
        world.r1.wait_for_route(LAN3, &[DIRECT], SOON)?;
        ensure!(world.routers[1].command(&["get", "interfaces.to-r3.ospf.cost"])? == "50\n");

        // Undone.
        browser.click(".done button")?;
        says(&browser, PLAN, "Undone: revision 3 is in force.")?;
        world.r1.wait_for_route(LAN3, &[BY_R2], SOON)?;

        // On trial, and taken back by the banner that every view has.
        let (cost, _) = option(&browser, "cost")?;
        browser.type_into(&cost, "60")?;
        says(&browser, PLAN, "1 change: live")?;
        browser.run(
            "const s = document.querySelector('.terms select'); s.value = '300'; s.dispatchEvent(new Event('change'))",
            &[],
        )?;
        browser.click(APPLY)?;
        says(
            &browser,
            ".banner",
            "Revision 4 is on trial: back to revision 3 unless it is kept.",
        )?;
        world.r1.wait_for_route(LAN3, &[DIRECT], SOON)?;
        go(&browser, "#/history", "History")?;
        says(&browser, ".revisions li.current", "on trial")?;
        browser.click(".banner button:last-child")?;
        world.r1.wait_for_route(LAN3, &[BY_R2], SOON)?;
        says(&browser, ".revisions li.current", "in force")?;

        // The history has who did it, what it was, and the way back.
        says(&browser, ".revisions li", "page (root)")?;
        browser.click("button[aria-label='Changes of revision 2']")?;
        says(&browser, ".diff .more", "+cost = 50")?;
        browser.click("button[aria-label='Return to revision 2']")?;
        says(&browser, ".inner", "Returning to revision 2: 1 change: live")?;
        browser.click(".inner button.main")?;
        says(&browser, "#state", "revision 6")?;
        world.r1.wait_for_route(LAN3, &[DIRECT], SOON)?;
        nothing_in_the_console(&browser, &["/v1/plan"])
    });
}

/// The list of records that RIP's filters are, and an option that only the whole of them contradicts.
#[test]
fn lists_of_records_are_edited() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let browser = world.browser()?;
        go(&browser, "#/configure/to-r1/rip", "Configure")?;
        says(&browser, ".items", "accept-filter 2")?;
        browser.click("button[aria-label='Add to accept-filter']")?;
        says(&browser, ".items", "accept-filter 3")?;
        // The focus is on the new one; what it is a member of is told by its legend.
        let member = browser.run(
            "const e = [...document.querySelectorAll('.items > li')][2]; \
             const label = [...e.querySelectorAll('label')].find((l) => l.textContent === 'permit'); return `#${label.htmlFor}`",
            &[],
        )?;
        let member = member.as_str().unwrap_or_default().to_owned();
        browser.type_into(&member, "10.1.0.0/99")?;
        says(
            &browser,
            ".items > li:nth-child(3) .fault",
            "prefix length 99 is larger than 32",
        )?;
        browser.type_into(&member, "10.1.0.0/16")?;
        says(&browser, PLAN, "1 change")?;
        browser.click("button[aria-label='Move accept-filter 3 up']")?;
        says(&browser, PLAN, "1 change")?;
        browser.click("button[aria-label='Remove accept-filter 1']")?;
        says(&browser, ".changes ins", "[{\"permit\":\"10.1.0.0/16\"}")?;
        browser.click(APPLY)?;
        says(&browser, PLAN, "Revision 2 is in force.")?;
        let filter = world.routers[1].command(&["--json", "get", "interfaces.to-r1.rip.accept-filter"])?;
        let filter: serde_json::Value = serde_json::from_str(&filter)?;
        ensure!(
            filter == json!([{ "permit": "10.1.0.0/16" }, { "permit": "0.0.0.0/0 le 32", "add-metric": 1 }]),
            "{filter}"
        );
        // The protocol leaves the interface, and is asked to come again.
        browser.click("#on")?;
        says(&browser, PLAN, "leaves the interface")?;
        nothing_in_the_console(&browser, &["/v1/plan"])
    });
}

#[test]
fn routes_are_searched_and_explained() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let lines: Vec<String> = (0..120)
            .map(|number| format!("203.0.113.{number}/32 dev to-r3"))
            .collect();
        let file = world.r2.directory().join("routes.txt");
        std::fs::write(&file, lines.join("\n"))?;
        world.routers[1].command(&["routes", "load", &file.display().to_string()])?;
        let browser = world.browser()?;
        go(&browser, "#/routes", "Routes")?;
        says(&browser, "[role=status]", "Page 1: ")?;
        browser.type_into("input[type=search]", "203.0.113.0/24")?;
        browser.press("\u{e007}")?;
        says(&browser, "[role=status]", "Page 1: 50 routes, and more after it")?;
        for page in ["Page 2: 50 routes, and more", "Page 3: 20 routes"] {
            browser.click(".pages button:last-child")?;
            says(&browser, "[role=status]", page)?;
        }
        browser.click(".pages button:first-child")?;
        says(&browser, "[role=status]", "Page 2")?;
        browser.type_into("input[type=search]", "203.0.113.300")?;
        browser.press("\u{e007}")?;
        says(
            &browser,
            "#routes-fault",
            "the query parameter 'within' is not valid: 203.0.113.300",
        )?;
        browser.type_into("input[type=search]", LAN3)?;
        browser.press("\u{e007}")?;
        says(&browser, "[role=status]", "Page 1: 1 route")?;
        browser.click("td button")?;
        says(
            &browser,
            ".explanation",
            "follow 198.51.100.0/24 of ospf; it is the only route; the kernel has it",
        )?;
        nothing_in_the_console(&browser, &["/v1/routes"])
    });
}

/// The daemon is killed under the page, and comes back with another token.
#[test]
fn it_says_when_nobody_answers() {
    run(|lab: &Lab| -> Result<()> {
        let mut world = World::new(lab)?;
        let browser = world.browser()?;
        go(&browser, "#/interfaces", "Interfaces")?;
        says(&browser, "td", "to-r3")?;
        world.routers[1].kill()?;
        says(&browser, ".banner", "The daemon has not answered since")?;
        says(&browser, "td", "to-r3")?;
        world.routers[1].start_again()?;
        shown(&browser, "Sign in")?;
        says(&browser, ".fault", "the daemon was started anew")?;
        let url = world.url()?;
        browser.type_into("input[type=password]", "wrong")?;
        browser.press("\u{e007}")?;
        says(&browser, ".fault", "this is not the token of the running daemon")?;
        browser.type_into("input[type=password]", &url)?;
        browser.press("\u{e007}")?;
        shown(&browser, "Interfaces")?;
        browser.click("#sign-out")?;
        shown(&browser, "Sign in")?;
        // Signed out is signed out, also of what is asked without the page.
        let status = browser.run(
            "const r = new XMLHttpRequest(); r.open('GET', '/v1/status', false); r.send(); return r.status",
            &[],
        )?;
        ensure!(status == 401, "{status}");
        nothing_in_the_console(&browser, &["/v1/", "/session", "status of 401"])
    });
}
