//! Why this exists: verified TLS is tested with certificates that are right, and with each way of
//! being wrong.

use super::HOST;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use std::path::{Path, PathBuf};

/// A certificate authority of one test, whose certificate lies in a PEM file.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

/// The certificate that a server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// As it should be.
    Valid,
    /// Issued by the right authority for another host.
    ForAnotherHost,
    /// Issued by the right authority for the right host, and expired.
    Expired,
}

impl Authority {
    /// Makes an authority and writes its certificate to `ca.pem` in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("no names cannot be wrong names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("the authority can sign itself");
        let file = folder.join("ca.pem");
        std::fs::write(&file, certificate.pem()).expect("the authority's file can be written");
        Self { issuer: Issuer::new(params, key), file }
    }

    /// The PEM file with the authority's certificate.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Issues a certificate, and answers with it and its key, as PEM.
    pub fn issue(&self, kind: Certificate) -> (String, String) {
        let host = match kind {
            Certificate::ForAnotherHost => "another.host.example",
            Certificate::Valid | Certificate::Expired => HOST,
        };
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a valid host name");
        if kind == Certificate::Expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.signed_by(&key, &self.issuer).expect("the authority can sign");
        (certificate.pem(), key.serialize_pem())
    }
}
