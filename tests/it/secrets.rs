//! Planted secrets: a SASL password, a password of a key, a REST token and a REST password appear in nothing that squall writes.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use base64::Engine as _;
use squall::flink::{Access, Auth, Rest};
use squall::kafka::Connection;
use squall::units::SecretSource;

const SASL: &str = "planted-sasl-5f1c";
const KEY: &str = "planted-key-77ab";
const TOKEN: &str = "planted-token-e90d";
const REST: &str = "planted-rest-31c4";

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn assert_clean(what: &str, text: &str) {
    for secret in [SASL, KEY, TOKEN, REST] {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("ann:{secret}"));
        assert!(!text.contains(secret) && !text.contains(&encoded), "{what} shows {secret}: {text}");
    }
}

#[test]
fn nothing_that_squall_writes_shows_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("info,squall=trace,reqwest=trace,hyper_util=trace")
        .with_writer(move || writer.clone())
        .try_init()
        .expect("no other test logs");
    let folder = tempfile::tempdir().unwrap();
    for (file, secret) in [("sasl", SASL), ("key", KEY), ("token", TOKEN), ("rest", REST)] {
        std::fs::write(folder.path().join(file), format!("{secret}\n")).unwrap();
    }
    kafka(folder.path());
    flink(folder.path());
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(!logged.is_empty());
    assert_clean("the log", &logged);
}

fn kafka(folder: &Path) {
    // Somebody who listens and hangs up: the login is tried, and fails.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let mut connection = Connection::plain(address);
    let mut property = |name: &str, value: &str| drop(connection.properties.insert(name.into(), value.into()));
    property("security.protocol", "SASL_PLAINTEXT");
    property("sasl.mechanism", "PLAIN");
    property("sasl.username", "ann");
    property("debug", "all");
    connection.secrets.insert("sasl.password".into(), SecretSource::File("sasl".into()));
    connection.secrets.insert("ssl.key.password".into(), SecretSource::File("key".into()));
    let connection = connection.relative_to(folder);
    assert_clean("a connection", &format!("{connection:?}\n{}", serde_json::to_string(&connection).unwrap()));
    let error = connection.check(Duration::from_secs(3)).unwrap_err();
    assert_clean("an error of Kafka", &format!("{error} {error:?}"));

    // A secret where the library takes none: its own words would quote the value.
    let mut wrong = connection;
    wrong.secrets.insert("acks".into(), SecretSource::File(folder.join("sasl")));
    let error = wrong.check(Duration::from_secs(1)).unwrap_err();
    assert_clean("an error of the configuration", &format!("{error} {error:?}"));
}

fn flink(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refusing = Router::new().fallback(|| async { (StatusCode::UNAUTHORIZED, "who are you?") });
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move { axum::serve(listener, refusing).await });
    let basic = Auth::Basic { user: "ann".into(), password: SecretSource::File("rest".into()) };
    for auth in [basic, Auth::Bearer(SecretSource::File("token".into()))] {
        for address in [address.as_str(), "http://127.0.0.1:1"] {
            let headers = [("X-Scope-OrgID".to_owned(), SecretSource::File("token".into()))].into();
            let access = Access { auth: auth.clone(), headers, ..Access::to([address]) };
            let rest = Rest::new(&access, folder).unwrap();
            let error = runtime.block_on(rest.overview()).unwrap_err();
            let shown = format!("{access:?} {} {rest:?} {error} {error:?}", serde_json::to_string(&access).unwrap());
            assert_clean("Flink's access", &shown);
        }
    }
    // A token in the address itself is refused without repeating it.
    let error = Rest::new(&Access::to([format!("http://ann:{REST}@host:8081")]), folder).unwrap_err();
    assert_clean("an address", &format!("{error} {error:?}"));
}
