//! Kafka with TLS, SCRAM and access control, and Flink's REST behind nginx with a password: the real things, right and wrong.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::foreign::Foreign;
use super::owner::Owner;
use super::shared::{Going, squall_in, succeeded, text, wait};

const PASSWORD: &str = "correct-horse-battery";
const REST_PASSWORD: &str = "staple-of-the-rest";

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn openssl(folder: &Path, arguments: &[&str]) {
    succeeded(Command::new("openssl").args(arguments).current_dir(folder));
}

/// Certificates: `ca`, `other-ca`, `server`, `expired` (of `ca`) and `client`.
fn certificates(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for ca in ["ca", "other-ca"] {
        let (key, pem, subject) = (format!("{ca}.key"), format!("{ca}.pem"), format!("/CN={ca}"));
        openssl(
            folder,
            &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", &subject, "-keyout", &key, "-out", &pem],
        );
    }
    fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    for (name, subject) in [("server", "/CN=server"), ("expired", "/CN=server"), ("client", "/CN=squall")] {
        let (key, request, pem) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        openssl(folder, &["req", "-newkey", "rsa:2048", "-nodes", "-subj", subject, "-keyout", &key, "-out", &request]);
        let mut sign =
            vec!["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-out", &pem];
        // One that ended before it began is over at once.
        sign.extend(if name == "expired" { ["-days", "-1"] } else { ["-days", "30"] });
        openssl(folder, &sign);
        let both = fs::read_to_string(folder.join(&key)).unwrap() + &fs::read_to_string(folder.join(&pem)).unwrap();
        fs::write(folder.join(format!("{name}.both.pem")), both).unwrap();
    }
}

/// Processes of the test, ended with it.
struct Processes(Vec<Child>);

impl Drop for Processes {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A broker that is no cluster of squall's.
struct Broker {
    scram: u16,
    expired: u16,
    mutual: u16,
    plain: u16,
}

fn kafka(folder: &Path, certificates: &Path, class_path: &str, processes: &mut Processes) -> Broker {
    fs::create_dir_all(folder).unwrap();
    let broker = Broker { scram: free_port(), expired: free_port(), mutual: free_port(), plain: free_port() };
    let controller = free_port();
    let ports = [("SCRAM", broker.scram), ("EXPIRED", broker.expired), ("MUTUAL", broker.mutual), ("PLAIN", broker.plain)];
    let listeners: Vec<String> = ports.iter().map(|(name, port)| format!("{name}://127.0.0.1:{port}")).collect();
    let at = |name: &str| certificates.join(name).display().to_string();
    let mut text = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\ncontroller.listener.names=CONTROLLER\n\
         listeners={0},CONTROLLER://127.0.0.1:{controller}\nadvertised.listeners={0}\ninter.broker.listener.name=PLAIN\n\
         listener.security.protocol.map=SCRAM:SASL_SSL,EXPIRED:SASL_SSL,MUTUAL:SSL,PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512\nlistener.name.mutual.ssl.client.auth=required\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\nsuper.users=User:ANONYMOUS;User:squall;User:CN=squall\n\
         log.dirs={1}\noffsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n\
         transaction.state.log.num.partitions=1\ntransaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n\
         transaction.max.timeout.ms=3600000\nauto.create.topics.enable=false\n",
        listeners.join(","),
        folder.join("data").display()
    );
    for listener in ["scram", "expired"] {
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        writeln!(text, "listener.name.{listener}.scram-sha-512.sasl.jaas.config={module} required;").unwrap();
    }
    for (listener, name) in [("scram", "server"), ("expired", "expired"), ("mutual", "server")] {
        writeln!(
            text,
            "listener.name.{listener}.ssl.keystore.type=PEM\nlistener.name.{listener}.ssl.keystore.location={}",
            at(&format!("{name}.both.pem"))
        )
        .unwrap();
        writeln!(
            text,
            "listener.name.{listener}.ssl.truststore.type=PEM\nlistener.name.{listener}.ssl.truststore.location={}",
            at("ca.pem")
        )
        .unwrap();
    }
    let properties = folder.join("server.properties");
    fs::write(&properties, text).unwrap();
    let users = ["squall", "nobody"].map(|user| format!("SCRAM-SHA-512=[name={user},password={PASSWORD}]"));
    let mut format = java(class_path);
    format.args(["kafka.tools.StorageTool", "format", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qg", "--config"]).arg(&properties);
    for user in &users {
        format.args(["--add-scram", user]);
    }
    succeeded(&mut format);
    let log = fs::File::create(folder.join("log")).unwrap();
    let child = java(class_path).arg("kafka.Kafka").arg(&properties).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    processes.0.push(child);
    wait("the broker", || std::net::TcpStream::connect(("127.0.0.1", broker.scram)).ok());
    broker
}

fn java(class_path: &str) -> Command {
    let mut command = Command::new("java");
    command.args(["-Xmx384m", "-XX:+UseSerialGC", "-cp", class_path]).stdin(Stdio::null());
    command
}

/// nginx before Flink's REST: TLS, a password, a path prefix; and a second one whose certificate has expired.
fn nginx(folder: &Path, certificates: &Path, flink: &str, processes: &mut Processes) -> (u16, u16) {
    fs::create_dir_all(folder.join("tmp")).unwrap();
    let hash = succeeded(Command::new("openssl").args(["passwd", "-apr1", REST_PASSWORD]));
    fs::write(folder.join("users"), format!("squall:{}", String::from_utf8_lossy(&hash.stdout))).unwrap();
    let ports = (free_port(), free_port());
    let (tmp, here) = (folder.join("tmp"), folder.display().to_string());
    let server = |port: u16, name: &str| {
        format!(
            "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {0}/{name}.pem; ssl_certificate_key {0}/{name}.key;\n\
             location /flink/staging/ {{ auth_basic flink; auth_basic_user_file {here}/users; proxy_pass {flink}/; }} }}\n",
            certificates.display()
        )
    };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {};", tmp.display()));
    let config = format!(
        "pid {here}/pid;\nerror_log {here}/error.log;\nevents {{}}\nhttp {{ access_log off; {}\n{}{} }}\n",
        temporary.join(" "),
        server(ports.0, "server"),
        server(ports.1, "expired")
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
    let child = Command::new("/usr/sbin/nginx")
        .arg("-c")
        .arg(folder.join("nginx.conf"))
        .args(["-e", &format!("{here}/error.log"), "-g", "daemon off; master_process off;"])
        .spawn()
        .expect("apt-get install nginx-light");
    processes.0.push(child);
    wait("nginx", || std::net::TcpStream::connect(("127.0.0.1", ports.0)).ok());
    ports
}

/// What a cluster file says, each part to be made wrong.
#[derive(Clone)]
struct Said {
    port: u16,
    properties: String,
    password: String,
    rest: u16,
    rest_password: String,
    rest_ca: String,
}

struct Case<'a> {
    home: &'a Path,
    certificates: PathBuf,
    gateway: String,
}

impl Case<'_> {
    fn file(&self, name: &str, said: &Said) -> PathBuf {
        let at = |file: &str| self.certificates.join(file).display().to_string();
        let secrets = if said.password.is_empty() {
            String::new()
        } else {
            format!("      secrets: {{ sasl.password: {{ file: {} }} }}\n", said.password)
        };
        let text = format!(
            "name: {name}\nenvironment: test\nkind:\n  external:\n    kafka:\n      bootstrap: \"127.0.0.1:{}\"\n      properties: {{ {} }}\n{secrets}    \
             flink:\n      addresses: [ \"https://127.0.0.1:{}/flink/staging\" ]\n      auth: {{ basic: {{ user: squall, password: {{ file: {} }} }} }}\n      ca-file: {}\n    \
             gateway: {{ addresses: [ \"{}\" ] }}\nallow: [ everything ]\nwritable-topics: [ \"*\" ]\n",
            said.port,
            said.properties.replace("CERTS", &self.certificates.display().to_string()),
            said.rest,
            said.rest_password,
            at(&said.rest_ca),
            self.gateway
        );
        let file = self.home.join(format!("{name}.yaml"));
        fs::write(&file, text).unwrap();
        file
    }

    /// `cluster check` ends with 3 and says all of these.
    fn refused(&self, name: &str, said: &Said, topic: &str, words: &[&str]) {
        let output = squall_in(self.home).args(["cluster", "check", "--topic", topic]).arg(self.file(name, said)).output().unwrap();
        println!("{name}: {}", text(&output).trim());
        assert_eq!(output.status.code(), Some(3), "{name}: {}", text(&output));
        for word in words {
            assert!(text(&output).to_lowercase().contains(&word.to_lowercase()), "{name} does not say `{word}`: {}", text(&output));
        }
    }
}

#[test]
#[ignore = "needs nginx-light; ./dev qualify clusters"]
fn qualify_kafka_and_flink_behind_nginx() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut processes = Processes(Vec::new());
    let certs = home.join("certificates");
    certificates(&certs);
    let foreign =
        Foreign::start(home.join("owner"), "it-foreign-safe", "{ taskmanagers: 1, slots: 2, config: { heartbeat.interval: 2s } }");
    let broker = kafka(&home.join("kafka"), &certs, &foreign.kafka_class_path(), &mut processes);
    let (rest, rest_expired) = nginx(&home.join("nginx"), &certs, &foreign.flink, &mut processes);
    for (file, password) in [("kafka.password", PASSWORD), ("rest.password", REST_PASSWORD), ("wrong.password", "not-this-one")] {
        fs::write(home.join(file), format!("{password}\n")).unwrap();
    }
    // The owner's job reaches the same broker by its inner listener.
    let owner = Owner::at(&format!("127.0.0.1:{}", broker.plain), &foreign);

    let case = Case { home, certificates: certs.clone(), gateway: foreign.gateway.clone() };
    let right = Said {
        port: broker.scram,
        properties: "security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-512, sasl.username: squall, ssl.ca.location: CERTS/ca.pem"
            .into(),
        password: "kafka.password".into(),
        rest,
        rest_password: "rest.password".into(),
        rest_ca: "ca.pem".into(),
    };
    let found = succeeded(squall_in(home).args(["cluster", "check", "--topic", "theirs-in"]).arg(case.file("right", &right)));
    println!("{}", text(&found));
    assert!(text(&found).contains("job theirs") && text(&found).contains("topic theirs-in"));
    let mutual = "security.protocol: SSL, ssl.ca.location: CERTS/ca.pem, ssl.certificate.location: CERTS/client.pem, ssl.key.location: CERTS/client.key";
    let mutual = Said { port: broker.mutual, properties: mutual.into(), password: String::new(), ..right.clone() };
    succeeded(squall_in(home).args(["cluster", "check", "--topic", "theirs-in"]).arg(case.file("mutual", &mutual)));

    let with = |change: &dyn Fn(&mut Said)| {
        let mut said = right.clone();
        change(&mut said);
        said
    };
    case.refused(
        "wrong-password",
        &with(&|said| said.password = "wrong.password".into()),
        "theirs-in",
        &["refused the login", "authentication"],
    );
    case.refused(
        "missing-password",
        &with(&|said| said.password = "no.password".into()),
        "theirs-in",
        &["sasl.password", "cannot read the secret"],
    );
    case.refused("expired", &with(&|said| said.port = broker.expired), "theirs-in", &["TLS to Kafka failed", "expired"]);
    let stranger = |said: &mut Said| said.properties = said.properties.replace("/ca.pem", "/other-ca.pem");
    case.refused("unknown-ca", &with(&stranger), "theirs-in", &["TLS to Kafka failed", "certificate"]);
    case.refused(
        "no-right",
        &with(&|said| said.properties = said.properties.replace("username: squall", "username: nobody")),
        "theirs-in",
        &["not allowed to", "theirs-in"],
    );
    case.refused("no-topic", &right, "theirs-inn", &["theirs-inn", "does not exist"]);
    let without = Said { properties: "security.protocol: SSL, ssl.ca.location: CERTS/ca.pem".into(), ..mutual.clone() };
    case.refused("no-client-certificate", &without, "theirs-in", &["Kafka"]);
    case.refused("plaintext-to-tls", &Said { properties: String::new(), ..mutual }, "theirs-in", &["Kafka"]);
    case.refused("wrong-rest-password", &with(&|said| said.rest_password = "wrong.password".into()), "theirs-in", &["401"]);
    case.refused("rest-unknown-ca", &with(&|said| said.rest_ca = "other-ca.pem".into()), "theirs-in", &["certificate"]);
    case.refused("rest-expired", &with(&|said| said.rest = rest_expired), "theirs-in", &["certificate", "expired"]);

    // A whole run through all of it; and one that is refused before it begins.
    let scenario = home.join("guarded.yaml");
    fs::write(
        &scenario,
        "name: guarded\njob: { attach: { name: theirs } }\nsource: { topics: { orders: { name: theirs-in } }, group: theirs }\n\
         sink: { topics: { enriched: { name: theirs-out } }, identity: header }\n\
         traffic: { orders: { rate: { constant: 200/s }, keys: { uniform: { distinct: 100 } }, value: { size: 100B } } }\n\
         duration: 20s\ndrain: { within: 60s }\nexpect: [ delivery == exactly-once ]\nseed: 7\n",
    )
    .unwrap();
    let run = |name: &str, said: &Said| {
        let mut command = squall_in(home);
        command.arg("run").arg(&scenario).arg("--on").arg(case.file(name, said));
        command
    };
    let mut going = Going::start(run("right", &right), home, "guarded");
    let code = going.exit_code();
    assert!(matches!(code, Some(0 | 4)), "{code:?}: {}", fs::read_to_string(home.join("guarded.log")).unwrap());
    assert_eq!(going.report()["delivery"]["lost"], 0);
    owner.assert_untouched();
    let no_right = with(&|said| said.properties = said.properties.replace("username: squall", "username: nobody"));
    let output = run("no-right", &no_right).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("not allowed to"), "{}", text(&output));

    // No secret is in any file but the one that was made for it.
    for secret in [PASSWORD, REST_PASSWORD] {
        for folder in ["state", "reports"] {
            let found = Command::new("grep").args(["-rlF", secret]).arg(home.join(folder)).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&found.stdout), "", "a secret is in a file");
        }
        let log = fs::read_to_string(home.join("guarded.log")).unwrap();
        assert!(!log.contains(secret));
    }
}
