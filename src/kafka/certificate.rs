//! What is wrong with a broker's certificate: librdkafka says only that it cannot be verified.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use openssl::ssl::{HandshakeError, SslConnector, SslMethod};
use openssl::x509::X509VerifyResult;

use super::connection::Connection;

const WITHIN: Duration = Duration::from_secs(3);

/// The reason, with what OpenSSL says of the first certificate that it would refuse too: `…; certificate has expired`.
pub(super) fn explained(reason: String, connection: &Connection) -> String {
    let authorities = connection.properties.get("ssl.ca.location");
    match connection.bootstrap.split(',').find_map(|address| mistake(address.trim(), authorities)) {
        Some(mistake) => format!("{reason}; {mistake}"),
        None => reason,
    }
}

fn mistake(address: &str, authorities: Option<&String>) -> Option<&'static str> {
    let stream = address.to_socket_addrs().ok()?.find_map(|address| TcpStream::connect_timeout(&address, WITHIN).ok())?;
    stream.set_read_timeout(Some(WITHIN)).ok()?;
    stream.set_write_timeout(Some(WITHIN)).ok()?;
    let mut connector = SslConnector::builder(SslMethod::tls_client()).ok()?;
    if let Some(file) = authorities {
        connector.set_ca_file(file).ok()?;
    }
    let (host, _) = address.rsplit_once(':')?;
    let HandshakeError::Failure(refused) = connector.build().connect(host, stream).err()? else { return None };
    let result = refused.ssl().verify_result();
    (result != X509VerifyResult::OK).then(|| result.error_string())
}
