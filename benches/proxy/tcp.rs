//! Without a rule: small requests there and back, and as many bytes as go one way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use squall::clock;
use squall::proxy::{Config, LinkConfig};

use super::{Result, connect, free_address, link, median, percentile, serve_each, sorted, toxiproxy};

const ROUNDS: usize = 12;
const EXCHANGES: usize = 2_000;
const BULK_ROUNDS: usize = 5;
const BULK: usize = 512 * 1024 * 1024;
const WRITE: usize = 64 * 1024;

/// What connections lead to.
pub struct Ends {
    echo: SocketAddr,
    sink: SocketAddr,
    stamps: SocketAddr,
}

/// A way to the echo and to the sink.
pub struct Way {
    name: &'static str,
    echo: SocketAddr,
    sink: SocketAddr,
}

impl Ends {
    pub fn start() -> Result<Self> {
        Ok(Self { echo: serve_each(echo)?, sink: serve_each(swallow)?, stamps: serve_each(super::delay::stamp)? })
    }

    /// Links to echo, sink and stamps, in this order.
    pub fn links(&self) -> Result<Vec<LinkConfig>> {
        Ok(vec![link("echo", self.echo)?, link("sink", self.sink)?, link("stamps", self.stamps)?])
    }

    pub fn ways(&self, squall: &Config, toxiproxy_api: Option<&str>) -> Result<Vec<Way>> {
        let mut ways = vec![
            Way { name: "direct", echo: self.echo, sink: self.sink },
            Way { name: "squall", echo: squall.links[0].listen, sink: squall.links[1].listen },
        ];
        if let Some(api) = toxiproxy_api {
            let (echo, sink) = (free_address()?, free_address()?);
            toxiproxy(api, echo, self.echo)?;
            toxiproxy(api, sink, self.sink)?;
            ways.push(Way { name: "toxiproxy", echo, sink });
        }
        Ok(ways)
    }
}

fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => stream.write_all(&buffer[..count])?,
        }
    }
}

/// Answers with one byte when as much has come as the first eight bytes say: toxiproxy takes the end of one direction for the end of both.
fn swallow(mut stream: TcpStream) -> std::io::Result<()> {
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    let mut left = usize::try_from(u64::from_be_bytes(length)).unwrap_or(usize::MAX);
    let mut buffer = vec![0; WRITE];
    while left > 0 {
        match stream.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => left = left.saturating_sub(count),
        }
    }
    stream.write_all(&[1])
}

/// 100 B there and back, one at a time.
pub fn round_trips(ways: &[Way]) -> Result<()> {
    let mut micros = vec![Vec::new(); ways.len()];
    let mut streams = ways.iter().map(|way| connect(way.echo)).collect::<Result<Vec<_>>>()?;
    let mut message = [7; 100];
    for round in 0..=ROUNDS {
        for (stream, micros) in streams.iter_mut().zip(&mut micros) {
            for _ in 0..EXCHANGES {
                let began = clock::now();
                stream.write_all(&message)?;
                stream.read_exact(&mut message)?;
                if round > 0 {
                    micros.push(clock::now().seconds_since(began) * 1e6);
                }
            }
        }
    }
    let micros: Vec<_> = micros.into_iter().map(sorted).collect();
    println!("| 100 B there and back | p50 | p99 | added p50 | added p99 |\n|---|---|---|---|---|");
    for (way, of) in ways.iter().zip(&micros) {
        let (p50, p99) = (percentile(of, 0.5), percentile(of, 0.99));
        let (added50, added99) = (p50 - percentile(&micros[0], 0.5), p99 - percentile(&micros[0], 0.99));
        println!("| {} | {p50:.1} us | {p99:.1} us | {added50:+.1} us | {added99:+.1} us |", way.name);
    }
    Ok(())
}

/// One way, as much as goes; over one connection and over four together.
pub fn throughput(ways: &[Way]) -> Result<()> {
    println!("| bytes one way | one connection | × direct | four connections | × direct |\n|---|---|---|---|---|");
    let [one, four] = [bulk(ways, 1)?, bulk(ways, 4)?];
    for ((way, one_rate), four_rate) in ways.iter().zip(&one).zip(&four) {
        let name = way.name;
        println!("| {name} | {one_rate:.0} MB/s | {:.2} | {four_rate:.0} MB/s | {:.2} |", one_rate / one[0], four_rate / four[0]);
    }
    Ok(())
}

/// Megabytes a second of each way, medians.
fn bulk(ways: &[Way], connections: usize) -> Result<Vec<f64>> {
    let mut rates = vec![Vec::new(); ways.len()];
    for _ in 0..BULK_ROUNDS {
        for (way, rates) in ways.iter().zip(&mut rates) {
            let began = clock::now();
            let senders: Vec<_> = (0..connections)
                .map(|_| {
                    let sink = way.sink;
                    thread::spawn(move || -> std::io::Result<()> {
                        let mut stream = TcpStream::connect(sink)?;
                        let piece = vec![5; WRITE];
                        let pieces = BULK / WRITE / connections;
                        stream.write_all(&((pieces * WRITE) as u64).to_be_bytes())?;
                        for _ in 0..pieces {
                            stream.write_all(&piece)?;
                        }
                        stream.read_exact(&mut [0])
                    })
                })
                .collect();
            for sender in senders {
                sender.join().expect("no panic")?;
            }
            rates.push(BULK as f64 / clock::now().seconds_since(began) / 1e6);
        }
    }
    Ok(rates.into_iter().map(median).collect())
}
