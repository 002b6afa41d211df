//! Why this exists: TLS is worth something only with a certificate authority that was chosen
//! beforehand.
//!
//! On AWS that is the bundle of RDS, compiled in; on the local cloud it is a PEM file. Nothing is
//! parsed before a connection is made, so that carrying the bundle costs a cold start nothing.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};

/// The root certificates of RDS in all commercial regions; `certs/README.md` says where they come
/// from.
static RDS_GLOBAL_BUNDLE: &[u8] = include_bytes!("../certs/rds-global-bundle.pem");

/// Which certificate authority a database's certificate must be signed by.
///
/// `sqlx` trusts the public roots of the web as well. That is what RDS Proxy needs; a certificate
/// for the exact host name is demanded in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The authorities of Amazon RDS.
    RdsBundle,
    /// The authorities in a PEM file, such as the local cloud's own. Read anew for each connection.
    PemFile(PathBuf),
}

impl Trust {
    /// The authorities in a PEM file where one is named, else those of RDS.
    pub fn from_setting(pem_file: Option<impl AsRef<Path>>) -> Self {
        pem_file.map_or(Self::RdsBundle, |path| Self::PemFile(path.as_ref().to_owned()))
    }

    /// The certificates as PEM.
    ///
    /// # Errors
    /// [`TrustError`] when the file cannot be read or holds no certificate. An empty file would
    /// otherwise leave only the public roots, and the error that follows would blame the server.
    pub fn pem(&self) -> Result<Vec<u8>, TrustError> {
        let path = match self {
            Self::RdsBundle => return Ok(RDS_GLOBAL_BUNDLE.to_vec()),
            Self::PemFile(path) => path,
        };
        let fault = |what: String| TrustError { path: path.clone(), what };
        let pem = std::fs::read(path).map_err(|error| fault(error.to_string()))?;
        match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if certificates.is_empty() => {
                Err(fault("it holds no certificate".into()))
            }
            Ok(_) => Ok(pem),
            Err(error) => Err(fault(format!("it is no PEM: {error}"))),
        }
    }
}

/// The file with the trusted certificate authorities cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the file of certificate authorities {} cannot be used: {what}", path.display())]
pub struct TrustError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use std::io::Write;

    #[test]
    fn every_certificate_of_the_rds_bundle_can_be_a_trust_anchor() {
        let pem = Trust::RdsBundle.pem().unwrap();
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            store.add(certificate.unwrap()).unwrap();
        }
        let marked = String::from_utf8(pem).unwrap();
        assert_eq!(store.len(), marked.matches("-----BEGIN CERTIFICATE-----").count());
        assert_eq!(store.len() % 3, 0, "three roots for each region");
        assert!(store.len() >= 81);
    }

    #[test]
    fn the_rds_bundle_holds_all_three_roots_of_us_east_1() {
        let pem = Trust::RdsBundle.pem().unwrap();
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
        for algorithm in ["RSA2048", "RSA4096", "ECC384"] {
            let name = format!("Amazon RDS us-east-1 Root CA {algorithm} G1");
            // A root carries its name twice: as its subject and as its issuer.
            let roots = certificates
                .iter()
                .filter(|der| {
                    der.windows(name.len()).filter(|w| *w == name.as_bytes()).count() == 2
                })
                .count();
            assert_eq!(roots, 1, "{name}");
        }
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_refused() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "no certificate here").unwrap();
        let error = Trust::PemFile(file.path().to_owned()).pem().unwrap_err();
        assert!(error.to_string().contains("holds no certificate"), "{error}");
        let error = Trust::PemFile("/nowhere/ca.pem".into()).pem().unwrap_err();
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }

    #[test]
    fn without_a_setting_the_authorities_of_rds_are_trusted() {
        assert_eq!(Trust::from_setting(None::<&Path>), Trust::RdsBundle);
        assert_eq!(Trust::from_setting(Some("/ca.pem")), Trust::PemFile("/ca.pem".into()));
    }
}
