//! Finds a Java that is new enough.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::error::Error;
use super::versions;

/// A Java that can run brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Java {
    /// The `java` command.
    pub path: PathBuf,
    /// What it says of itself: class-data archives are good for this very build only.
    pub build: String,
}

/// `$JAVA_HOME/bin/java`, else the first `java` on the `PATH`.
pub(super) async fn find(home: Option<&Path>) -> Result<Java, Error> {
    let path = home.map_or_else(|| PathBuf::from("java"), |home| home.join("bin/java"));
    let said = match Command::new(&path).arg("-version").kill_on_drop(true).output().await {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => return Err(Error::NoJava { path, error }),
    };
    match feature_version(&said) {
        Some(version) if version >= versions::JAVA => Ok(Java { path, build: said.trim().to_owned() }),
        Some(found) => Err(Error::OldJava { path, found }),
        None => Err(Error::StrangeJava { path, said }),
    }
}

/// 17 of `openjdk version "17.0.15" 2025-04-15`, 8 of `java version "1.8.0_402"`.
fn feature_version(said: &str) -> Option<u32> {
    let quoted = said.split('"').nth(1)?;
    let mut numbers = quoted.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        version => Some(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_java_says() {
        assert_eq!(feature_version("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(feature_version("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(feature_version("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(feature_version("Picked up _JAVA_OPTIONS: -Xmx1g\njava version \"1.8.0_402\""), Some(8));
        assert_eq!(feature_version("no such thing"), None);
    }

    #[tokio::test]
    async fn a_missing_java_says_how_to_get_one() {
        let error = find(Some(Path::new("/nowhere"))).await.map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("/nowhere/bin/java") && text.contains("openjdk-17-jdk-headless")));
    }
}
