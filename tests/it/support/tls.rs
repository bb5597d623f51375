//! A certificate authority of the tests' own, and TLS before a plain server.

use std::net::SocketAddr;
use std::sync::Arc;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Signs certificates that nobody else trusts.
pub struct Authority {
    key: PKey<Private>,
    certificate: X509,
}

impl Authority {
    pub fn new() -> Self {
        let key = new_key();
        let name = name("Authority of the tests");
        let mut builder = builder(&key, &name, &name, 0, 1);
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        Self { key, certificate: builder.build() }
    }

    /// What a client needs to trust it.
    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// Serves TLS on a free loopback port with a certificate for this host name, and passes all on to `upstream`.
    pub async fn front(&self, host: &str, upstream: SocketAddr) -> SocketAddr {
        self.serve(host, 1, upstream).await
    }

    /// The same with a certificate that has expired.
    pub async fn expired_front(&self, host: &str, upstream: SocketAddr) -> SocketAddr {
        self.serve(host, -1, upstream).await
    }

    async fn serve(&self, host: &str, valid_days: i64, upstream: SocketAddr) -> SocketAddr {
        let acceptor = TlsAcceptor::from(Arc::new(self.server_config(host, valid_days)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let mut below = TcpStream::connect(upstream).await?;
                    let mut above = acceptor.accept(stream).await?;
                    tokio::io::copy_bidirectional(&mut above, &mut below).await
                });
            }
        });
        address
    }

    fn server_config(&self, host: &str, valid_days: i64) -> rustls::ServerConfig {
        let key = new_key();
        let mut builder = builder(&key, &name(host), self.certificate.subject_name(), valid_days.min(0) - 1, valid_days);
        let names = SubjectAlternativeName::new().dns(host).build(&builder.x509v3_context(Some(&self.certificate), None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&self.key, MessageDigest::sha256()).unwrap();
        let chain = vec![CertificateDer::from(builder.build().to_der().unwrap())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.private_key_to_pkcs8().unwrap()));
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    }
}

fn new_key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(text: &str) -> X509Name {
    let mut builder = X509Name::builder().unwrap();
    builder.append_entry_by_nid(Nid::COMMONNAME, text).unwrap();
    builder.build()
}

/// A certificate in the making, valid between these days from now.
fn builder(key: &PKey<Private>, subject: &X509Name, issuer: &openssl::x509::X509NameRef, from_days: i64, to_days: i64) -> X509Builder {
    let day = |days: i64| Asn1Time::from_unix(bluecast::moment::now_ms() / 1000 + days * 86_400 - 60).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1 + rand_serial()).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_not_before(&day(from_days)).unwrap();
    builder.set_not_after(&day(to_days)).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
}

fn rand_serial() -> u32 {
    getrandom::u32().unwrap() >> 1
}
