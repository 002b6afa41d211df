//! Why this exists: TLS is worth something only with a certificate authority that was chosen
//! beforehand.
//!
//! ElastiCache's certificates are signed by Amazon Trust Services, which are public roots (user
//! guide, "ElastiCache in-transit encryption (TLS)"); they are compiled in. On the local cloud the
//! authority is a PEM file.

use std::path::{Path, PathBuf};

/// Which certificate authority a cache's certificate must be signed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheTrust {
    /// The public roots, as Mozilla's programme has them.
    PublicRoots,
    /// The authorities in a PEM file, and no others. Read anew for each connection.
    PemFile(PathBuf),
}

impl CacheTrust {
    /// The authorities in a PEM file where one is named, else the public roots.
    pub fn from_setting(pem_file: Option<impl AsRef<Path>>) -> Self {
        pem_file.map_or(Self::PublicRoots, |path| Self::PemFile(path.as_ref().to_owned()))
    }

    /// The PEM of the authorities to trust in place of the public roots.
    ///
    /// # Errors
    /// In words, when the file cannot be read or holds no certificate: an empty file would
    /// otherwise trust nobody, and the error that follows would blame the server.
    pub(super) fn pem(&self) -> Result<Option<Vec<u8>>, String> {
        let Self::PemFile(path) = self else { return Ok(None) };
        let fault = |what: &dyn std::fmt::Display| {
            format!("the file of certificate authorities {} cannot be used: {what}", path.display())
        };
        let pem = std::fs::read(path).map_err(|error| fault(&error))?;
        if !pem.windows(BEGIN.len()).any(|window| window == BEGIN) {
            return Err(fault(&"it holds no certificate"));
        }
        Ok(Some(pem))
    }
}

/// What a certificate begins with in PEM (RFC 7468).
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_setting_the_public_roots_are_trusted() {
        assert_eq!(CacheTrust::from_setting(None::<&Path>), CacheTrust::PublicRoots);
        assert_eq!(CacheTrust::PublicRoots.pem(), Ok(None));
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_by_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = CacheTrust::from_setting(Some(file.path())).pem().unwrap_err();
        assert!(error.contains("holds no certificate"), "{error}");
        let error = CacheTrust::PemFile("/nowhere/ca.pem".into()).pem().unwrap_err();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
