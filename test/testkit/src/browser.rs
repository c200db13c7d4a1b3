//! A browser on a node: Debian's Chromium without a screen, driven through WebDriver (W3C) by `chromedriver`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::node::Node;
use crate::process::Process;
use crate::wait::wait_for;

const DRIVER: &str = "/usr/bin/chromedriver";
const PROGRAM: &str = "/usr/bin/chromium";
/// A node has a loopback interface of its own, so any number is free.
const PORT: u16 = 9515;
/// How long the driver may take to start, and the browser to do one thing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one window. It ends with this, and with the lab in any case.
#[derive(Debug)]
pub struct Browser {
    node: Node,
    session: String,
    _driver: Process,
}

/// How the window is to look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// What the system is said to prefer.
    pub dark: bool,
    /// A device with a touch screen.
    pub mobile: bool,
}

impl Browser {
    /// Whether both programs are on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        Path::new(DRIVER).exists() && Path::new(PROGRAM).exists()
    }

    /// Starts both on a node.
    pub fn start(node: &Node) -> Result<Self> {
        let port = format!("--port={PORT}");
        let driver = Process::start(node, "chromedriver", DRIVER, &[&port])?;
        wait_for(PATIENCE, "chromedriver answers", || {
            exchange(node, "GET", "/status", &Value::Null).map_err(|error| format!("{error:#}"))
        })?;
        let profile = node.directory().join("browser");
        // A lab is a namespace of its own, in which the browser's would not be allowed to be made.
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            format!("--user-data-dir={}", profile.display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "binary": PROGRAM, "args": arguments },
        } } });
        let session = exchange(node, "POST", "/session", &wanted)?;
        let session = session["sessionId"].as_str().context("no session")?.to_owned();
        Ok(Self {
            node: node.clone(),
            session,
            _driver: driver,
        })
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let path = format!("/session/{}{path}", self.session);
        exchange(&self.node, method, &path, body)
    }

    /// A command of the DevTools protocol.
    fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", &body)
    }

    /// Goes to an address and waits until it is loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        self.command("POST", "/url", &json!({ "url": url })).map(drop)
    }

    /// Runs the body of a function in the page, with `arguments`, and returns what it returns.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.command(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// Waits until the body of a function returns something that is true, and returns that.
    pub fn wait(&self, deadline: Duration, what: &str, script: &str, arguments: &[Value]) -> Result<Value> {
        wait_for(deadline, what, || match self.run(script, arguments) {
            Ok(Value::Null | Value::Bool(false)) => Err(self.text().unwrap_or_default()),
            Ok(found) => Ok(found),
            Err(error) => Err(format!("{error:#}")),
        })
    }

    /// All that is written on the page.
    pub fn text(&self) -> Result<String> {
        let text = self.run("return document.body.innerText", &[])?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks what a CSS selector finds first, as a person with a mouse does.
    pub fn click(&self, selector: &str) -> Result<()> {
        let element = self.find(selector)?;
        self.command("POST", &format!("/element/{element}/click"), &json!({}))
            .with_context(|| format!("clicking {selector}"))
            .map(drop)
    }

    /// Types into what a CSS selector finds first, in the place of what is there.
    pub fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.find(selector)?;
        for (action, body) in [("clear", json!({})), ("value", json!({ "text": text }))] {
            self.command("POST", &format!("/element/{element}/{action}"), &body)
                .with_context(|| format!("typing into {selector}"))?;
        }
        Ok(())
    }

    /// Presses keys, wherever the focus is. `\u{e004}` is Tab, `\u{e007}` Enter (WebDriver, 17.4.2).
    pub fn press(&self, keys: &str) -> Result<()> {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.command("POST", "/actions", &body).map(drop)
    }

    fn find(&self, selector: &str) -> Result<String> {
        let body = json!({ "using": "css selector", "value": selector });
        let found = self
            .command("POST", "/element", &body)
            .with_context(|| format!("looking for {selector}"))?;
        // The only member of the answer has a name that the standard made up.
        let identifier = found.as_object().and_then(|found| found.values().next());
        let identifier = identifier.and_then(Value::as_str);
        Ok(identifier.context("an element without a name")?.to_owned())
    }

    /// Makes the window look like this.
    pub fn look(&self, look: Look) -> Result<()> {
        let Look {
            width,
            height,
            dark,
            mobile,
        } = look;
        let scale = if mobile { 2 } else { 1 };
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics)?;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &media).map(drop)
    }

    /// Writes a picture of the whole page, as PNG.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        let picture = self.devtools(
            "Page.captureScreenshot",
            &json!({ "format": "png", "captureBeyondViewport": true }),
        )?;
        let octets =
            base64(picture["data"].as_str().context("no picture")?).context("a picture in base64")?;
        std::fs::write(file, octets).with_context(|| format!("writing {}", file.display()))
    }

    /// What was written to the console since the last call, errors of the browser included; each with its level.
    pub fn console(&self) -> Result<Vec<(String, String)>> {
        let lines = self.command("POST", "/se/log", &json!({ "type": "browser" }))?;
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        Ok(lines
            .as_array()
            .into_iter()
            .flatten()
            .map(|line| (text(line, "level"), text(line, "message")))
            .collect())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; if it cannot, both end with the lab.
        drop(self.command("DELETE", "", &Value::Null));
    }
}

/// A request to the driver, over a connection of its own in the node's namespace.
fn exchange(node: &Node, method: &str, path: &str, body: &Value) -> Result<Value> {
    let mut stream = node.inside(|| TcpStream::connect((Ipv4Addr::LOCALHOST, PORT)))??;
    stream.set_read_timeout(Some(PATIENCE))?;
    let body = if method == "POST" {
        body.to_string()
    } else {
        String::new()
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{PORT}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    // The driver keeps the connection open whatever it is asked for: the answer is as long as its head says.
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = Vec::new();
    answer.take(length).read_to_end(&mut body)?;
    let mut answer: Value = serde_json::from_slice(&body)
        .with_context(|| format!("{path}: {status}{}", String::from_utf8_lossy(&body)))?;
    let value = answer["value"].take();
    if !status.starts_with("HTTP/1.1 200") {
        bail!("{}: {}", value["error"], value["message"]);
    }
    Ok(value)
}

/// Octets out of base64 (RFC 4648 §4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = text.trim_end_matches('=').bytes().map(digit);
    let digits = digits.collect::<Option<Vec<u8>>>()?;
    let mut octets = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - group.len()));
        let [_, whole @ ..] = bits.to_be_bytes();
        octets.extend(whole.iter().take(group.len() - 1));
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_of_any_length() {
        for (text, octets) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8=", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYmFy", b"foobar"),
            ("+/8=", &[0xfb, 0xff]),
        ] {
            assert_eq!(base64(text).as_deref(), Some(octets), "{text}");
        }
        assert_eq!(base64("Zm9v!"), None);
    }
}
