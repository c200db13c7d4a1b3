//! The page, in a browser on the router itself: what an operator does with it, and whether every operator can.

mod everybody;
mod hostile;
mod live;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use waypost_testkit::{Browser, Lab, Look, Node, Router};

/// On a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// The network behind r3, and the two ways of r1 there.
const LAN3: &str = "198.51.100.0/24";
const BY_R2: &str = "10.0.12.2";
const DIRECT: &str = "10.0.13.3";

/// As long as Linux allows, and all that would be markup.
const HOSTILE: &str = "<b>&lt;<img>";

const DESKTOP: Look = Look {
    width: 1280,
    height: 900,
    dark: false,
    mobile: false,
};

/// ```text
///  r1 -- 10 -- r2 -- 10 -- r3 -- lan3
///   `--------- 25 ---------'
/// ```
/// The page is r2's.
struct World {
    r1: Node,
    r2: Node,
    routers: [Router; 3],
}

fn ospf(name: &str, cost: u32) -> String {
    format!(
        "[interfaces.{name}.ospf]\nnetwork-type = \"point-to-point\"\nhello-interval = 1\ncost = {cost}\n"
    )
}

impl World {
    fn new(lab: &Lab) -> Result<Self> {
        let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
        lab.link((&r1, "to-r2", "10.0.12.1/24"), (&r2, "to-r1", "10.0.12.2/24"))?;
        lab.link((&r2, "to-r3", "10.0.23.2/24"), (&r3, "to-r2", "10.0.23.3/24"))?;
        lab.link((&r1, "slow", "10.0.13.1/24"), (&r3, "slow", "10.0.13.3/24"))?;
        lab.stub(&r3, "lan3", "198.51.100.1/24")?;
        lab.stub(&r2, HOSTILE, "10.66.0.1/24")?;
        let head = |number: u8| {
            format!("[router]\nid = \"{number}.{number}.{number}.{number}\"\n[protocols.ospf]\n")
        };
        let texts = [
            head(1) + &ospf("to-r2", 10) + &ospf("slow", 25),
            head(2)
                + &ospf("to-r1", 10)
                + &ospf("to-r3", 10)
                + "[protocols.rip]\n[interfaces.to-r1.rip]\n"
                + "accept-filter = [{ deny = \"10.99.0.0/16 le 32\" }, { permit = \"0.0.0.0/0 le 32\", add-metric = 1 }]\n"
                + &format!(
                    "[interfaces.\"{HOSTILE}\".rip]\nmetric = 2\nannotate = \"<script>alert(1)</script>\"\n"
                ),
            head(3) + &ospf("to-r2", 10) + &ospf("slow", 25) + "[interfaces.lan3.ospf]\npassive = true\n",
        ];
        let [first, second, third] = &texts;
        let routers = [
            Router::start(&r1, waypost_testkit::Make::Waypost, first)?,
            Router::start_with_page(&r2, second)?,
            Router::start(&r3, waypost_testkit::Make::Waypost, third)?,
        ];
        r1.wait_for_route(LAN3, &[BY_R2], SOON)?;
        Ok(Self { r1, r2, routers })
    }

    /// The address that `waypost page` prints.
    fn url(&self) -> Result<String> {
        Ok(self.routers[1].command(&["page"])?.trim().to_owned())
    }

    /// A browser that has signed in.
    fn browser(&self) -> Result<Browser> {
        let browser = Browser::start(&self.r2)?;
        browser.look(DESKTOP)?;
        browser.open(&self.url()?)?;
        shown(&browser, "Topology")?;
        Ok(browser)
    }
}

/// Opens a view.
fn go(browser: &Browser, view: &str, heading: &str) -> Result<()> {
    browser.run("location.hash = arguments[0]", &[json!(view)])?;
    shown(browser, heading)
}

/// Waits for a view with this heading.
fn shown(browser: &Browser, heading: &str) -> Result<()> {
    let script = "return document.querySelector('h1')?.textContent === arguments[0]";
    browser.wait(SOON, &format!("the view '{heading}'"), script, &[json!(heading)])?;
    Ok(())
}

/// Waits for a text.
fn says(browser: &Browser, selector: &str, text: &str) -> Result<()> {
    let script =
        "return [...document.querySelectorAll(arguments[0])].some((e) => e.innerText.includes(arguments[1]))";
    let what = format!("{selector} says '{text}'");
    browser.wait(SOON, &what, script, &[json!(selector), json!(text)])?;
    Ok(())
}

/// Nothing is wrong in the console; that a request was refused, as these tests wanted it, is a line there.
fn nothing_in_the_console(browser: &Browser, refused: &[&str]) -> Result<()> {
    let lines = browser.console()?;
    let expected = |text: &str| {
        text.contains("Failed to load resource") && refused.iter().any(|path| text.contains(path))
    };
    let wrong: Vec<_> = lines.iter().filter(|(_, text)| !expected(text)).collect();
    ensure!(wrong.is_empty(), "{wrong:?}");
    Ok(())
}

/// Where pictures go, for people to look at.
fn pictures() -> Result<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}
