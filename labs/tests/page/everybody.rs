//! Whether everybody can use the page: by keyboard, with a screen reader, in the dark, on a phone. And pictures of it.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use waypost_testkit::{Browser, Lab, Look, run};

use super::{DESKTOP, SOON, World, go, nothing_in_the_console, pictures, says};

const AUDIT: &str = include_str!("audit.js");

/// Each view, its heading, and what is there when it is complete.
const VIEWS: [(&str, &str, &str, &str); 6] = [
    ("topology", "Topology", ".picture text", "3.3.3.3"),
    ("interfaces", "Interfaces", "td.rate", "bit/s"),
    ("neighbors", "Neighbours", "td", "full"),
    ("routes", "Routes", "td", "198.51.100.0/24"),
    ("configure/to-r1/rip", "Configure", "legend", "accept-filter 2"),
    ("history", "History", ".revisions", "in force"),
];

fn audit(browser: &Browser, what: &str) -> Result<()> {
    let faults = browser.run(AUDIT, &[])?;
    let faults = faults.as_array().map_or(&[][..], Vec::as_slice);
    ensure!(faults.is_empty(), "{what}: {faults:#?}");
    Ok(())
}

#[test]
fn every_view_is_for_everybody() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let browser = world.browser()?;
        let folder = pictures()?;
        let looks = [
            ("light", DESKTOP),
            (
                "dark",
                Look {
                    dark: true,
                    ..DESKTOP
                },
            ),
            (
                "phone",
                Look {
                    width: 390,
                    height: 844,
                    dark: false,
                    mobile: true,
                },
            ),
        ];
        for (look_name, look) in looks {
            browser.look(look)?;
            for (view, heading, place, text) in VIEWS {
                go(&browser, &format!("#/{view}"), heading)?;
                // In the picture text has no layout that `innerText` would tell.
                let script = "return [...document.querySelectorAll(arguments[0])].some((e) => e.textContent.includes(arguments[1]))";
                browser.wait(
                    SOON,
                    &format!("{text} in {view}"),
                    script,
                    &[json!(place), json!(text)],
                )?;
                let name = view.split('/').next().unwrap_or(view);
                browser.screenshot(&folder.join(format!("{look_name}-{name}.png")))?;
                audit(&browser, &format!("{view}, {look_name}"))?;
            }
        }
        browser.look(DESKTOP)?;
        go(&browser, "#/configure/to-r3/ospf", "Configure")?;
        faulty_form(&browser, &world)?;
        browser.screenshot(&folder.join("light-refused.png"))?;
        audit(&browser, "a form with a mistake")?;
        switch(&browser)?;
        nothing_in_the_console(&browser, &["/v1/plan"])
    });
}

/// A form with something wrong in it and something on trial above it.
fn faulty_form(browser: &Browser, world: &World) -> Result<()> {
    world.routers[1].command(&["set", "interfaces.to-r1.ospf.cost=11", "--confirm-within", "10m"])?;
    says(browser, ".banner", "on trial")?;
    let wrong = "const label = [...document.querySelectorAll('label')].find((e) => e.textContent === 'priority'); if (!label) return false; \
                 const input = document.querySelector(`#${label.htmlFor}`); input.value = '256'; input.dispatchEvent(new Event('input', { bubbles: true })); return true";
    browser.wait(SOON, "the form", wrong, &[])?;
    says(browser, ".fault", "value is out of range: 256")
}

/// The switch is stronger than what the system prefers, and remembered.
fn switch(browser: &Browser) -> Result<()> {
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let light = browser.run(ground, &[])?;
    let choose = "const s = document.querySelector('#theme'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))";
    browser.run(choose, &[json!("dark")])?;
    let dark = browser.run(ground, &[])?;
    ensure!(light != dark, "{light}");
    browser.run("location.reload()", &[])?;
    browser.wait(
        SOON,
        "the page anew",
        "return document.querySelector('#sign-out:not([hidden])')",
        &[],
    )?;
    ensure!(browser.run(ground, &[])? == dark, "it is forgotten");
    browser.run(choose, &[json!("system")])?;
    ensure!(browser.run(ground, &[])? == light, "as the system has it");
    Ok(())
}

/// From the top with the Tab key alone: in the order in which it is read, never caught, and always to be seen.
#[test]
fn the_keyboard_is_enough() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let browser = world.browser()?;
        go(&browser, "#/routes", "Routes")?;
        says(&browser, "td", "198.51.100.0/24")?;
        // A view that was opened has the focus, so that a screen reader says where one is.
        let focus = "const e = document.activeElement; return e.matches('h1') ? e.textContent : null";
        ensure!(browser.wait(SOON, "the heading has the focus", focus, &[])? == "Routes");
        browser.run("document.querySelector('.skip').focus()", &[])?;
        let here = "const e = document.activeElement; const o = getComputedStyle(e); \
                    return [e.textContent.trim().slice(0, 20) || e.type, e.getBoundingClientRect().top + scrollY, o.outlineStyle, e.tagName]";
        let mut walked: Vec<Value> = vec![browser.run(here, &[])?];
        for _ in 0..16 {
            browser.press("\u{e004}")?;
            walked.push(browser.run(here, &[])?);
        }
        let names: Vec<&str> = walked.iter().filter_map(|step| step[0].as_str()).collect();
        for (name, earlier) in [
            ("Topology", "Skip to the view"),
            ("History", "Topology"),
            ("Search", "History"),
            ("Why?", "Search"),
        ] {
            let place = |name: &str| names.iter().position(|known| *known == name);
            ensure!(
                place(name)
                    .zip(place(earlier))
                    .is_some_and(|(place, before)| place > before),
                "{name} after {earlier}: {names:?}"
            );
        }
        for step in &walked {
            ensure!(step[2] != "none", "the focus is not to be seen: {step}");
        }
        // By Enter on a link, the view.
        browser.run(
            "document.querySelector('nav a[href=\"#/neighbors\"]').focus()",
            &[],
        )?;
        browser.press("\u{e007}")?;
        super::shown(&browser, "Neighbours")?;
        nothing_in_the_console(&browser, &[])
    });
}

/// A ring of 30 routers with networks between them and some ways across: the same picture every time, and no name on another.
#[test]
fn thirty_routers_can_be_read() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        let browser = world.browser()?;
        says_three(&browser)?;
        let load = "import('/topology.js').then((m) => { window.topology = m; }); ";
        browser.run(load, &[])?;
        browser.wait(SOON, "the module", "return Boolean(window.topology)", &[])?;
        let draw = "const vertices = Array.from({ length: 30 }, (_, n) => ({ kind: 'router', id: `192.0.2.${100 + n}`, roles: n % 7 === 0 ? ['area-border'] : [], distance: n }));
            const links = [];
            for (let n = 0; n < 30; n += 1) {
              for (const far of [1, n % 4 === 0 ? 9 : 1]) {
                links.push({ from: n, to: (n + far) % 30, cost: 10 + n, shortest: n % 3 > 0, virtual: false });
                links.push({ from: (n + far) % 30, to: n, cost: 10 + (n % 2), shortest: false, virtual: false });
              }
            }
            const canvas = document.querySelector('.canvas');
            const graph = window.topology.area({ 'router-id': '192.0.2.100', vertices, links });
            const twice = [0, 1].map(() => new XMLSerializer().serializeToString(window.topology.draw(graph, canvas.clientWidth)));
            canvas.replaceChildren(window.topology.draw(graph, canvas.clientWidth));
            const boxes = [...canvas.querySelectorAll('.name')].map((e) => e.getBoundingClientRect());
            let over = 0;
            boxes.forEach((a, n) => boxes.slice(n + 1).forEach((b) => { if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) over += 1; }));
            const size = parseFloat(getComputedStyle(canvas.querySelector('.name')).fontSize) * canvas.querySelector('svg').getBoundingClientRect().width / canvas.querySelector('svg').viewBox.baseVal.width;
            return { same: twice[0] === twice[1], names: boxes.length, over, size, wide: canvas.scrollWidth > canvas.clientWidth };";
        for (look_name, look) in [
            ("light", DESKTOP),
            (
                "phone",
                Look {
                    width: 390,
                    height: 844,
                    dark: false,
                    mobile: true,
                },
            ),
        ] {
            browser.look(look)?;
            let found = browser.run(draw, &[])?;
            browser.screenshot(&pictures()?.join(format!("{look_name}-thirty.png")))?;
            ensure!(
                found["same"] == true && found["names"] == 30 && found["over"] == 0,
                "{look_name}: {found}"
            );
            ensure!(
                found["size"].as_f64().is_some_and(|size| size >= 9.0),
                "{look_name}: {found}"
            );
        }
        Ok(())
    });
}

fn says_three(browser: &Browser) -> Result<()> {
    let script = "return document.querySelectorAll('.picture .router').length === 3";
    browser.wait(SOON, "three routers in the picture", script, &[])?;
    Ok(())
}
