//! TLS and names, over loopback.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use voicekit_core::error::{ErrorKind, Retry};
use voicekit_net::{Connector, HttpClient, HttpConfig, HttpRequest, WebSocket};

use crate::server::endpoint;
use crate::web::{Script, plain};

const LIMIT: Duration = Duration::from_secs(30);

/// A server with a certificate that it has signed itself. Gives its port and the certificate.
async fn server() -> (u16, Vec<u8>) {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(Script::new([plain(200, "safe")]).serve(stream));
            }
        }
    });
    (port, cert.der().to_vec())
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused_and_the_error_says_so() {
    let (port, _) = server().await;
    let endpoint = endpoint(&format!("wss://localhost:{port}"));
    let error = WebSocket::open(&Connector::new().unwrap(), &endpoint, LIMIT).await.unwrap_err();
    let error = voicekit_core::error::Error::from(error);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Connection, Retry::Never));
    assert!(error.message().contains("the certificate of localhost is not trusted"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_ones_own_can_be_trusted() {
    let (port, certificate) = server().await;
    let connector = Connector::new().unwrap().with_root(&certificate).unwrap();
    let client = HttpClient::new(connector.clone(), HttpConfig::default());
    let request = HttpRequest::get(endpoint(&format!("https://localhost:{port}")));
    assert_eq!(client.send(request).await.unwrap().bytes().await.unwrap(), "safe");
    // The certificate is for another name than this.
    let other = endpoint(&format!("https://127.0.0.1:{port}"));
    let error = connector.connect(&other, LIMIT).await.unwrap_err();
    assert!(error.message().contains("the certificate of 127.0.0.1 is not trusted"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        Script::new([plain(200, "")]).serve(stream).await;
    });
    let endpoint = endpoint(&format!("https://localhost:{port}"));
    let error = Connector::new().unwrap().connect(&endpoint, LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().starts_with("TLS with localhost failed"), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_an_error_that_names_it() {
    // RFC 2606: no such name is ever given out.
    let endpoint = endpoint("wss://voicekit.invalid");
    let error = Connector::new().unwrap().connect(&endpoint, LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("voicekit.invalid"), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let endpoint = endpoint(&format!("ws://localhost:{port}"));
    let error = Connector::new().unwrap().connect(&endpoint, LIMIT).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
}
