use std::process::{Command, Stdio};
use std::time::Duration;

use squall::clock;
use squall::traffic::Placement;

use crate::generator;

/// What a process used in a second of sending.
pub struct Used {
    /// Seconds of all its threads, user and system.
    pub cpu: f64,
    /// Most that was resident.
    pub megabytes: f64,
}

/// Class loading, compiling and connecting are over by then.
const WARM_UP: Duration = Duration::from_secs(6);
const MEASURED: Duration = Duration::from_secs(8);

/// This program as a producer.
pub fn own(size: usize, rate: u64, topic: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["send", &size.to_string(), &rate.to_string(), topic]).stdout(Stdio::null());
    command
}

/// Sends until it is killed.
pub fn send(bootstrap: &str, size: usize, rate: u64, topic: &str) {
    let (traffic, _) = generator::start(bootstrap, topic, size, rate, Placement::Header, Duration::from_secs(60));
    traffic.join();
}

/// Starts a producer, lets it warm up, and looks at what it uses; then ends it.
pub fn measure(mut command: Command) -> Used {
    let mut child = command.spawn().unwrap();
    let start = clock::now();
    generator::wait(start.plus(WARM_UP));
    let (from, before) = (clock::now(), cpu_seconds(child.id()));
    generator::wait(start.plus(WARM_UP + MEASURED));
    let (to, after) = (clock::now(), cpu_seconds(child.id()));
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    child.kill().unwrap();
    child.wait().unwrap();
    Used { cpu: (after - before) / to.seconds_since(from), megabytes: peak.unwrap() / 1000.0 }
}

/// utime and stime, the 14th and 15th field of `stat`, in hundredths of a second (`USER_HZ`).
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
