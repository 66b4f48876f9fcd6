//! The proxy as a process of its own. This test binary plays `squall`: a script hands it the arguments, and the ignored tests
//! below are what then runs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};

use super::*;

const ARGS: &str = "SQUALL_TEST_PROXY_ARGS";
const HOLD: &str = "SQUALL_TEST_PROXY_HOLD";

#[tokio::test]
#[ignore = "runs in a process that another test starts"]
async fn play_proxy() {
    let Ok(args) = std::env::var(ARGS) else { return };
    let words: Vec<&str> = args.split_whitespace().collect();
    assert_eq!(words[..2], ["proxy", "--control"]);
    let links = words[3..].chunks(2).map(|pair| pair[1].parse().unwrap()).collect();
    serve(Config { links, control: words[2].into(), beyond_loopback: false }).await.unwrap();
}

#[tokio::test]
#[ignore = "runs in a process that another test starts"]
async fn play_holder() {
    let Ok(control) = std::env::var(HOLD) else { return };
    let client = Client::connect(Path::new(&control)).await.unwrap();
    let rule = LinkRule { direction: Direction::Both, effect: LinkEffect::BlackHole };
    let _held = client.set_rule("sink", rule, Lease::default()).await.unwrap();
    client.closed().await;
}

/// A script that runs this binary's `test`. Another process writes it: one that this process had open for writing could not
/// be run while another test's fork still has it open (ETXTBSY).
fn this_test_as(folder: &Path, test: &str) -> PathBuf {
    let path = folder.join(test);
    let run = format!("{} --exact proxy::tests::process::{test} --include-ignored", std::env::current_exe().unwrap().display());
    let script = format!("#!/bin/sh\n{ARGS}=\"$*\" exec {run}\n");
    let mut install = Command::new("install").args(["-m", "755", "/dev/stdin"]).arg(&path).stdin(Stdio::piped()).spawn().unwrap();
    install.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(install.wait().unwrap().success());
    path
}

/// Ends the proxy whatever becomes of the test.
struct Ended(Spawned);

impl Drop for Ended {
    fn drop(&mut self) {
        // Gone already where the test went well.
        let _gone = kill(Pid::from_raw(self.0.pid), Signal::SIGKILL);
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("a child of ours");
    }
}

#[tokio::test]
async fn a_spawned_proxy_outlives_signals_and_holders() {
    let folder = tempfile::tempdir().unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let link =
        LinkConfig { name: "sink".into(), listen: free, upstream: server.local_addr().unwrap().to_string(), protocol: Protocol::Tcp };
    let config = Config { links: vec![link], control: folder.path().join("proxy.sock"), beyond_loopback: false };
    let (program, log) = (this_test_as(folder.path(), "play_proxy"), folder.path().join("proxy.log"));
    let spawned = spawn(&program, &config, &log).await.unwrap();
    let _ended = Ended(spawned);
    let pid = Pid::from_raw(spawned.pid);
    assert_eq!(getsid(Some(pid)).unwrap(), pid, "a session of its own");

    let mut client = TcpStream::connect(free).await.unwrap();
    let (mut upstream, _) = within(server.accept()).await.unwrap();
    for signal in [Signal::SIGINT, Signal::SIGHUP] {
        kill(pid, signal).unwrap();
        ping(&mut client, &mut upstream).await;
    }

    let again = spawn(&program, &config, &log).await.unwrap_err().to_string();
    assert!(again.contains("ended: exit status"), "{again}");
    ping(&mut client, &mut upstream).await;

    let holder = this_test_as(folder.path(), "play_holder");
    let holder = Command::new(holder).env(HOLD, &config.control).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut holder = Killed(holder);
    let control = Client::connect(&config.control).await.unwrap();
    let rules = async || control.status(false).await.unwrap().links.remove(0).rules;
    within(async { while rules().await.is_empty() {} }).await;
    assert_eq!(rules().await[0].holder_pid, i32::try_from(holder.0.id()).ok());
    client.write_all(b"kept").await.unwrap();
    within(async { while rules().await[0].counters.bytes < 4 {} }).await;
    holder.0.kill().unwrap();
    assert_eq!(read(&mut upstream, 4).await, b"kept");

    kill(pid, Signal::SIGTERM).unwrap();
    within(control.closed()).await;
    assert_eq!(read_to_end(&mut client).await, b"");
    within(async { while config.control.exists() {} }).await;
}
