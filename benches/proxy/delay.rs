//! Delays asked against measured, one way, less the way's own median without a rule.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use squall::action::{Direction, Distribution, LinkEffect, LinkRule};
use squall::clock::{self, Timestamp};
use squall::proxy::{Client, Lease};
use squall::units;

use super::{Result, connect, percentile, sorted};

/// Answers each 8 bytes with the moment of their arrival.
pub fn stamp(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 8];
    while stream.read_exact(&mut buffer).is_ok() {
        stream.write_all(&clock::now().0.to_be_bytes())?;
    }
    Ok(())
}

pub fn delays(runtime: &tokio::runtime::Runtime, control: &Client, stamps: SocketAddr) -> Result<()> {
    println!("| delay asked for | error p50 | error p99 | least | most |\n|---|---|---|---|---|");
    for milliseconds in [1, 10, 250] {
        let bare = sorted(one_way(stamps, 2_000, Duration::from_millis(1))?);
        let effect = LinkEffect::Delay {
            add: units::Duration::from_millis(milliseconds),
            jitter: units::Duration::ZERO,
            distribution: Distribution::Uniform,
        };
        let rule = runtime.block_on(control.set_rule("stamps", LinkRule { direction: Direction::Upstream, effect }, Lease::default()))?;
        let measured = one_way(stamps, 2_000, Duration::from_millis(2))?;
        runtime.block_on(rule.remove())?;
        let asked = milliseconds as f64 * 1e3 + percentile(&bare, 0.5);
        let errors = sorted(measured.iter().map(|micros| micros - asked).collect());
        let [least, p50, p99, most] = [0.0, 0.5, 0.99, 1.0].map(|share| percentile(&errors, share));
        println!("| {milliseconds} ms | {p50:+.0} us | {p99:+.0} us | {least:+.0} us | {most:+.0} us |");
    }
    Ok(())
}

/// Microseconds from before the write to after the read, of messages sent without waiting for each other.
fn one_way(stamps: SocketAddr, count: usize, every: Duration) -> Result<Vec<f64>> {
    let mut stream = connect(stamps)?;
    let mut reader = stream.try_clone()?;
    let arrivals = thread::spawn(move || -> std::io::Result<Vec<Timestamp>> {
        let mut stamp = [0; 8];
        (0..count).map(|_| reader.read_exact(&mut stamp).map(|()| Timestamp(i64::from_be_bytes(stamp)))).collect()
    });
    let mut sent = Vec::with_capacity(count);
    let mut next = clock::now();
    for _ in 0..count {
        next = next.plus(every);
        thread::park_timeout(next.remaining());
        sent.push(clock::now());
        stream.write_all(&[0; 8])?;
    }
    let arrived = arrivals.join().expect("no panic")?;
    Ok(arrived.iter().zip(&sent).map(|(arrived, sent)| arrived.seconds_since(*sent) * 1e6).collect())
}
