//! An sshd of the test's own on loopback, with keys of its own, that lets the test's own user in.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::shared::{succeeded, wait};

pub struct Sshd {
    child: Child,
    pub port: u16,
    /// The key that lets in.
    pub identity: PathBuf,
    pub known_hosts: PathBuf,
}

impl Sshd {
    /// None where there is no sshd: `apt-get install openssh-server`.
    pub fn start(folder: &Path) -> Option<Self> {
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists())?;
        fs::create_dir_all(folder).unwrap();
        // Where it drops its rights to, when root starts it.
        let _ = fs::create_dir_all("/run/sshd");
        let (host_key, identity) = (folder.join("host"), folder.join("client"));
        for key in [&host_key, &identity] {
            succeeded(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key));
        }
        let authorized = folder.join("authorized");
        fs::copy(identity.with_extension("pub"), &authorized).unwrap();
        fs::set_permissions(&authorized, fs::Permissions::from_mode(0o600)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("sshd_config");
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile {}\nAuthorizedKeysFile {}\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
            host_key.display(),
            folder.join("pid").display(),
            authorized.display()
        );
        fs::write(&config, text).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let child = Command::new(program).args(["-D", "-e", "-f"]).arg(&config).stdin(Stdio::null()).stderr(log).spawn().unwrap();
        let public = fs::read_to_string(host_key.with_extension("pub")).unwrap();
        let known_hosts = folder.join("known_hosts");
        fs::write(&known_hosts, format!("[127.0.0.1]:{port} {public}")).unwrap();
        wait("sshd", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { child, port, identity, known_hosts })
    }

    /// As a host of a cluster file.
    pub fn host(&self) -> String {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
        format!(
            "{{ ssh: {{ to: {user}@127.0.0.1, port: {}, identity: {}, known-hosts: {} }} }}",
            self.port,
            self.identity.display(),
            self.known_hosts.display()
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
