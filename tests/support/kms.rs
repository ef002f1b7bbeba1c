//! A key service that is as strict as AWS KMS about signing: one ECDSA P-256 key behind one alias.
//!
//! It signs exactly the 32 bytes it is given as a digest and refuses everything else. What it is
//! asked is kept, and it can be told to fail in KMS's own ways.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The region that the key is in.
pub(crate) const REGION: &str = "eu-central-1";
/// The key's alias.
pub(crate) const ALIAS: &str = "alias/release";
/// The key's id.
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A refusal with this code and message, on this action.
    Refuses(&'static str, &'static str, &'static str),
    /// The key is of another spec.
    Spec(&'static str),
    /// The key is for something else.
    Usage(&'static str),
    /// Another key signs.
    OtherKey,
    /// The digest is hashed again before it is signed, as an emulator does.
    HashesAgain,
    /// The signature is cut short.
    CutShort,
    /// No answer comes to this action.
    Silent(&'static str),
    /// The answer to this action is no JSON.
    Garbage(&'static str),
}

/// The running service; it ends with the process.
pub(crate) struct Kms {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    key: SigningKey,
    fault: Mutex<Option<Fault>>,
    asked: Mutex<Vec<(String, Value)>>,
}

impl Kms {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared {
            key: SigningKey::random(&mut OsRng),
            fault: Mutex::default(),
            asked: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // A client that goes away is its own business.
                std::thread::spawn(move || shared.serve(&stream).ok());
            }
        });
        Self { port, shared }
    }

    /// Returns the key's address for `--key`.
    pub(crate) fn key(&self) -> String {
        format!("awskms://127.0.0.1:{}/{ALIAS}", self.port)
    }

    /// Returns the address of the service.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the public key in PEM.
    pub(crate) fn public_pem(&self) -> String {
        let key = self.shared.key.verifying_key();
        key.to_public_key_pem(p256::pkcs8::LineEnding::LF)
            .expect("a key can be written")
    }

    pub(crate) fn fail(&self, fault: Option<Fault>) {
        *self.shared.fault.lock().expect("no test panicked here") = fault;
    }

    /// Takes what was asked since the last time: actions with their parameters.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.shared.asked.lock().expect("no test panicked here"))
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream.try_clone()?;
        loop {
            let (mut length, mut action, mut signed) = (0, String::new(), false);
            let mut first = String::new();
            if reader.read_line(&mut first)? == 0 {
                return Ok(());
            }
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let Some((name, value)) = line.trim().split_once(':') else {
                    break;
                };
                let value = value.trim();
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap_or(0),
                    "x-amz-target" => {
                        value
                            .trim_start_matches("TrentService.")
                            .clone_into(&mut action);
                    }
                    "authorization" => {
                        let scope = format!("/{REGION}/kms/aws4_request");
                        signed = value.starts_with("AWS4-HMAC-SHA256") && value.contains(&scope);
                    }
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            self.asked
                .lock()
                .expect("no test panicked here")
                .push((action.clone(), asked.clone()));
            let fault = *self.fault.lock().expect("no test panicked here");
            let answer = match fault {
                Some(Fault::Silent(on)) if on == action => {
                    std::thread::sleep(Duration::from_mins(1));
                    return Ok(());
                }
                Some(Fault::Garbage(on)) if on == action => Ok("<html>no KMS</html>".to_owned()),
                _ if !first.starts_with("POST / ") => refused("ValidationException", "no POST"),
                _ if !signed => refused("MissingAuthenticationToken", "the scope is another one"),
                fault => self.answer(&action, &asked, fault),
            };
            let (status, body) = match answer {
                Ok(body) => (200, body),
                Err(body) => (400, body),
            };
            write!(
                writer,
                "HTTP/1.1 {status} Answer\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )?;
        }
    }

    fn answer(&self, action: &str, asked: &Value, fault: Option<Fault>) -> Result<String, String> {
        if let Some(Fault::Refuses(on, code, message)) = fault
            && on == action
        {
            return refused(code, message);
        }
        let arn = format!("arn:aws:kms:{REGION}:111122223333:key/{ID}");
        let known = [ALIAS, ID, &arn].map(Value::from);
        if !known.contains(&asked["KeyId"]) {
            return refused("NotFoundException", "Alias or key is not found.");
        }
        let answer = match action {
            "GetPublicKey" => {
                let der = self.key.verifying_key().to_public_key_der();
                let (mut spec, mut usage) = ("ECC_NIST_P256", "SIGN_VERIFY");
                match fault {
                    Some(Fault::Spec(other)) => spec = other,
                    Some(Fault::Usage(other)) => usage = other,
                    _ => {}
                }
                json!({
                    "KeyId": arn,
                    "PublicKey": STANDARD.encode(der.expect("a key can be written").as_bytes()),
                    "KeySpec": spec,
                    "CustomerMasterKeySpec": spec,
                    "KeyUsage": usage,
                    "SigningAlgorithms": ["ECDSA_SHA_256"],
                })
            }
            "Sign" => {
                let mut signature = self.sign(asked, fault)?;
                if fault == Some(Fault::CutShort) {
                    signature.pop();
                }
                json!({
                    "KeyId": arn,
                    "Signature": STANDARD.encode(signature),
                    "SigningAlgorithm": "ECDSA_SHA_256",
                })
            }
            other => return refused("UnknownOperationException", other),
        };
        Ok(answer.to_string())
    }

    /// Signs the digest itself: exactly 32 bytes, and only as a digest.
    fn sign(&self, asked: &Value, fault: Option<Fault>) -> Result<Vec<u8>, String> {
        let allowed = ["KeyId", "Message", "MessageType", "SigningAlgorithm"];
        let fields = asked.as_object().expect("the parameters are an object");
        if fields.keys().any(|name| !allowed.contains(&name.as_str())) {
            return refused("ValidationException", "parameters that nobody asked for");
        }
        if asked["MessageType"] != "DIGEST" || asked["SigningAlgorithm"] != "ECDSA_SHA_256" {
            return refused("ValidationException", "only DIGEST with ECDSA_SHA_256");
        }
        let message = asked["Message"].as_str().unwrap_or_default();
        let mut digest = STANDARD.decode(message).unwrap_or_default();
        if digest.len() != 32 {
            return refused("ValidationException", "Digest is invalid length.");
        }
        if fault == Some(Fault::HashesAgain) {
            digest = Sha256::digest(&digest).to_vec();
        }
        let other = SigningKey::random(&mut OsRng);
        let key = if fault == Some(Fault::OtherKey) {
            &other
        } else {
            &self.key
        };
        let signature: Signature = key.sign_prehash(&digest).expect("a digest can be signed");
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

fn refused<T>(code: &str, message: &str) -> Result<T, String> {
    Err(json!({"__type": code, "message": message}).to_string())
}
