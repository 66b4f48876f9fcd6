//! The command line: arguments, environment, progress, exit codes, and the wiring of the rooms.
//!
//! stdout is data, stderr is progress and diagnostics; the verdict is the last line but the report's path.

mod arguments;
mod capacity;
mod check;
mod cluster;
mod compare;
mod exit;
mod explain;
mod file;
mod gameday;
mod init;
mod live;
mod look;
mod pipeline;
mod plan;
mod proxy;
mod report;
mod resume;
mod run;
mod schedule;
mod schema;
mod series;
mod soak;
mod status;
mod traffic;
mod undo;
mod vary;

pub use exit::Exit;

use std::io::Write;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};

/// An error that ends a command: what to say on stderr, and with which code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// An error with its chain of causes, one line each.
    fn of(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut text = format!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            // `#[error(transparent)]` and texts that quote their source say it once.
            if !text.contains(&cause_text) {
                text.push_str(&format!("\n  because: {cause_text}"));
            }
            source = cause.source();
        }
        Self { exit, text }
    }
}

impl Failure {
    /// On stdout, for whoever reads JSON there: a command that failed has nothing else to say.
    fn print_json(&self) {
        let error = anstream::adapter::strip_str(self.text.trim_end()).to_string();
        let document = serde_json::json!({ "schema": 1, "exit": self.exit as u8, "error": error });
        // The exit code says it too.
        let _ = writeln!(anstream::stdout(), "{document}");
    }
}

/// Tells people something, on stderr. That nobody listens, on a lost terminal or a closed pipe, is no reason to stop.
fn tell(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Runs the command that the arguments name.
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Invalid } else { Exit::Met };
            // A reader that closed its end early is no error.
            let _ = error.print();
            return code;
        }
    };
    arguments.colour.write_global();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("SQUALL_LOG").unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .without_time()
        .init();
    #[cfg(feature = "failpoints")]
    let _points = fail::FailScenario::setup();
    let json = arguments.wants_json();
    match dispatch(arguments) {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&format!("{}\n", failure.text.trim_end()));
            if json {
                failure.print_json();
            }
            failure.exit
        }
    }
}

fn dispatch(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Check(check) => check::check(&check),
        Command::Plan(plan) => on_runtime(plan::plan(&plan)),
        Command::Run(run) => on_runtime(run::run(&run)),
        Command::Soak(soak) => on_runtime(soak::soak(&soak)),
        Command::Resume(resume) => on_runtime(resume::resume(&resume)),
        Command::Gameday(gameday) => on_runtime(gameday::gameday(&gameday)),
        Command::Schedule(schedule) => schedule::schedule(&schedule),
        Command::Cluster(cluster) => on_runtime(cluster::cluster(&cluster)),
        Command::Traffic(traffic) => on_runtime(traffic::traffic(&traffic)),
        Command::Report(report) => on_runtime(report::report(&report)),
        Command::Compare(compare) => compare::compare(&compare),
        Command::Capacity(capacity) => on_runtime(capacity::capacity(&capacity)),
        Command::Status(status) => on_runtime(status::status(&status)),
        Command::Undo(undo) => on_runtime(undo::undo(&undo)),
        Command::Guard(guard) => on_runtime(undo::guard(&guard)),
        Command::Proxy(proxy) => on_runtime(proxy::proxy(proxy)),
        Command::Explain(explain) => explain::explain(&explain),
        Command::Schema(schema) => schema::schema(&schema),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "squall", &mut std::io::stdout());
            Ok(Exit::Met)
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let result = runtime.block_on(work);
    // A blocking call to a broker that went away must not hold up the exit.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    result
}
