//! Settings become real clients: registry, ledger, archive, signer, policy. Opened when asked for.
//!
//! The only file that does so; everything else gets what it needs as a value.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use crate::archive::Archive;
use crate::config::Config;
use crate::environment::Environment;
use crate::error::{ErrorKind, Explain};
use crate::ledger::Ledger;
use crate::model::Digest;
use crate::promotion::{Doors, SignerInfo};
use crate::registry::{Client, ClientOptions, LogIns, RegistryError};
use crate::review::TrustedKeys;
use crate::signatures::{Trust, TrustError};
use crate::signing::{
    KmsKey, KmsLocation, ParseKmsError, Password, PublicKey, Signer, SigningError, SigningKey,
    read_private_key, read_public_key,
};
use crate::store::{DirectoryStore, ParseLocationError, S3Location, S3Store, Store};
use crate::triage::policy::{Policy, PolicyError};

/// What cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The policy file cannot be read.
    #[error("policy {}: {source}", path.display())]
    PolicyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The policy file is no policy.
    #[error("policy {}: {source}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: PolicyError,
    },
    /// The policy is not the one that was pinned.
    #[error("the policy has the hash {found}, and {pinned} was pinned")]
    Pinned {
        /// The hash asked for.
        pinned: String,
        /// The hash of the policy.
        found: Digest,
    },
    /// No signing key is given.
    #[error("no key is given")]
    NoKey,
    /// A key in a variable that is not set.
    #[error("the variable {0} is not set")]
    KeyVariable(String),
    /// A key in a place that is not known.
    #[error("keys at {0}:// cannot be used")]
    KeyPlace(String),
    /// An address of a key in KMS that is none.
    #[error(transparent)]
    KmsLocation(#[from] ParseKmsError),
    /// The key cannot be opened.
    #[error("{key}: {source}")]
    Key {
        /// The key as given.
        key: String,
        /// Why.
        source: SigningError,
    },
    /// The key is not in a file, and cannot be opened; the message names it.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A key that the policy trusts cannot be read.
    #[error("`{name}`, trusted by the policy: {source}")]
    TrustedKey {
        /// The key as the policy names it.
        name: String,
        /// Why.
        source: SigningError,
    },
    /// An S3 address that is none.
    #[error(transparent)]
    Location(#[from] ParseLocationError),
    /// The registry client cannot be made.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Explain for ConnectError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::PolicyFile { .. }
            | Self::Policy { .. }
            | Self::Key { .. }
            | Self::TrustedKey { .. } => ErrorKind::Input,
            Self::Signing(error) => error.kind(),
            Self::Pinned { .. } => ErrorKind::Refused,
            Self::NoKey
            | Self::KeyVariable(_)
            | Self::KeyPlace(_)
            | Self::KmsLocation(_)
            | Self::Location(_) => ErrorKind::Usage,
            Self::Registry(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Policy { source, .. } => source.hints(),
            Self::NoKey => vec![
                "name one with --key FILE, or make one with `countersign key generate`".to_owned(),
            ],
            Self::KeyPlace(_) => vec![
                "use a key file, env://VARIABLE, or awskms://[ENDPOINT]/ID, ALIAS or ARN".to_owned(),
            ],
            Self::KmsLocation(_) => vec![
                "for example awskms:///alias/NAME, awskms:///KEY-ID, awskms:///arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"
                    .to_owned(),
            ],
            Self::Key { source, .. } | Self::Signing(source) => source.hints(),
            Self::TrustedKey { .. } => vec![
                "trusted_keys are public keys: files beside the policy, or `sha256:` fingerprints (`countersign key show`)"
                    .to_owned(),
            ],
            Self::Registry(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

/// Opens the outside world as the settings say.
#[derive(Clone, Debug)]
pub struct Connector {
    /// The settings.
    pub config: Config,
    /// The process environment.
    pub environment: Environment,
    /// The key's password, where it was read from a file descriptor.
    pub given_password: Option<Password>,
}

impl Connector {
    /// Reads the policy: the file of the settings, else the defaults.
    ///
    /// # Errors
    /// When the file cannot be read or is no policy.
    pub fn policy(&self) -> Result<Policy, ConnectError> {
        let Some(path) = &self.config.policy else {
            return Ok(Policy::default());
        };
        let text = std::fs::read_to_string(path).map_err(|source| ConnectError::PolicyFile {
            path: path.clone(),
            source,
        })?;
        Policy::from_str(&text).map_err(|source| ConnectError::Policy {
            path: path.clone(),
            source,
        })
    }

    /// Reads the keys that a policy trusts: files beside the policy's own, or fingerprints.
    ///
    /// # Errors
    /// When a file cannot be read or holds no public key.
    pub fn trusted_keys(&self, policy: &Policy) -> Result<TrustedKeys, ConnectError> {
        let folder = self.config.policy.as_deref().and_then(Path::parent);
        let folder = folder.unwrap_or(Path::new("")).to_owned();
        let folder = self.environment.working_directory.join(folder);
        let (mut keys, mut fingerprints) = (Vec::new(), Vec::new());
        for name in &policy.approval.trusted_keys {
            if let Ok(fingerprint) = name.parse::<Digest>() {
                fingerprints.push(fingerprint);
                continue;
            }
            let path = folder.join(name);
            let key = read_public_key(&path).map_err(|source| ConnectError::TrustedKey {
                name: name.clone(),
                source,
            })?;
            keys.push(key);
        }
        Ok(TrustedKeys::new(keys, fingerprints))
    }

    /// Reads the policy and refuses any but the one whose hash is `pinned`, with or without
    /// `sha256:` before it.
    ///
    /// # Errors
    /// As [`Connector::policy`], and when the hash is another one.
    pub fn pinned_policy(&self, pinned: Option<&str>) -> Result<Policy, ConnectError> {
        let policy = self.policy()?;
        let found = policy.sha256();
        match pinned {
            Some(pinned) if pinned.trim_start_matches("sha256:") != found.hex() => {
                Err(ConnectError::Pinned {
                    pinned: pinned.to_owned(),
                    found,
                })
            }
            _ => Ok(policy),
        }
    }

    /// Reads the trust file; nobody has a name where there is none.
    ///
    /// # Errors
    /// When the file cannot be read, or an entry cannot be used.
    pub fn trust(&self) -> Result<Trust, TrustError> {
        let Some(path) = &self.config.trust else {
            return Ok(Trust::default());
        };
        Trust::read(&self.environment.working_directory.join(path))
    }

    /// Opens the ledger. Nothing is read yet.
    ///
    /// # Errors
    /// When its address is wrong.
    pub async fn ledger(&self) -> Result<Ledger, ConnectError> {
        Ok(Ledger::new(self.store(&self.config.ledger).await?))
    }

    /// Opens the archive, where one is set.
    ///
    /// # Errors
    /// When its address is wrong.
    pub async fn archive(&self) -> Result<Option<Archive>, ConnectError> {
        match &self.config.archive {
            None => Ok(None),
            Some(location) => Ok(Some(Archive::new(self.store(location).await?))),
        }
    }

    async fn store(&self, location: &str) -> Result<Store, ConnectError> {
        if !location.starts_with("s3://") {
            let path = self.environment.working_directory.join(location);
            return Ok(Store::Directory(DirectoryStore::new(&path)));
        }
        let location: S3Location = location.parse()?;
        let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        // An endpoint of one's own rarely answers on bucket.host names.
        let endpoints = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
        let own = endpoints
            .iter()
            .any(|name| self.environment.variable(name).is_some());
        Ok(Store::S3(S3Store::new(&sdk, location, own)))
    }

    /// Makes the registry client. Nothing is asked yet.
    ///
    /// # Errors
    /// When the certificate file cannot be used.
    pub fn client(&self) -> Result<Client, ConnectError> {
        Ok(Client::new(&ClientOptions {
            ca_file: self.config.ca_file.clone(),
            log_ins: self.log_ins(),
            docker_host: self.environment.variable("DOCKER_HOST").map(str::to_owned),
            ecr_endpoint: ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"]
                .iter()
                .find_map(|name| self.environment.variable(name)?.parse().ok()),
            ..ClientOptions::default()
        })?)
    }

    /// Returns where log-ins are looked for, in the order of podman and skopeo: the file that
    /// `REGISTRY_AUTH_FILE` names and no other, else podman's files, then docker's.
    fn log_ins(&self) -> LogIns {
        let set = |name: &str| {
            let value = self.environment.variable(name);
            value.filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let below = |folder: &str| self.environment.home.as_ref().map(|home| home.join(folder));
        let files = match set("REGISTRY_AUTH_FILE") {
            Some(file) => vec![file],
            None => [
                set("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
                set("XDG_CONFIG_HOME")
                    .or_else(|| below(".config"))
                    .map(|folder| folder.join("containers/auth.json")),
                set("DOCKER_CONFIG")
                    .or_else(|| below(".docker"))
                    .map(|folder| folder.join("config.json")),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        let path = self.environment.variable("PATH").unwrap_or_default();
        LogIns {
            files,
            programs: path.split(':').map(PathBuf::from).collect(),
        }
    }

    /// Returns the keys that what hangs on an image is checked with where none is asked for: that
    /// of the configuration, where its public half is at hand, and those that the policy trusts.
    ///
    /// # Errors
    /// When a public key beside the signing key cannot be read.
    pub fn verifying_keys(&self, trusted: &TrustedKeys) -> Result<Vec<PublicKey>, ConnectError> {
        let mut keys = trusted.keys().to_vec();
        keys.extend(self.public_key()?);
        keys.sort_by(|one, other| one.fingerprint().cmp(other.fingerprint()));
        keys.dedup_by(|one, other| one.fingerprint() == other.fingerprint());
        Ok(keys)
    }

    /// Returns the public key of the signing key, where it can be known without the password: the
    /// `.pub` file beside a `.key` file.
    ///
    /// # Errors
    /// When that file is there and holds no public key.
    pub fn public_key(&self) -> Result<Option<PublicKey>, ConnectError> {
        let Some(key) = &self.config.key else {
            return Ok(None);
        };
        let path = Path::new(key).with_extension("pub");
        if key.contains("://") || !path.exists() {
            return Ok(None);
        }
        read_public_key(&path)
            .map(Some)
            .map_err(|source| ConnectError::Key {
                key: path.display().to_string(),
                source,
            })
    }

    /// Returns who would sign, where it can be known without a password: a key in KMS is asked.
    ///
    /// # Errors
    /// As [`Connector::public_key`] and [`Connector::kms_key`].
    pub async fn signer_info(&self) -> Result<Option<SignerInfo>, ConnectError> {
        let Some(key) = self.config.key.clone() else {
            return Ok(None);
        };
        let public = match self.kms_key(&key).await? {
            Some(opened) => Some(opened.public_key().clone()),
            None => self.public_key()?,
        };
        Ok(public.map(|public| SignerInfo {
            key,
            fingerprint: public.fingerprint().clone(),
        }))
    }

    /// Opens `key` where it is one in KMS; none where it is kept elsewhere.
    ///
    /// # Errors
    /// When the address is none, or KMS refuses or does not answer.
    pub async fn kms_key(&self, key: &str) -> Result<Option<KmsKey>, ConnectError> {
        if !key.starts_with("awskms:") {
            return Ok(None);
        }
        let location: KmsLocation = key.parse()?;
        let sdk = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        // The address is in KMS's own messages.
        let opened = KmsKey::open(&sdk, &location).await;
        opened
            .map(Some)
            .map_err(|error| ConnectError::Signing(error.into()))
    }

    /// Returns the signing key where it needs no password because it is kept in KMS.
    ///
    /// # Errors
    /// As [`Connector::kms_key`].
    pub async fn remote_signer(&self) -> Result<Option<Signer>, ConnectError> {
        match self.config.key.as_deref() {
            None => Ok(None),
            Some(key) => Ok(self.kms_key(key).await?.map(Signer::Kms)),
        }
    }

    /// Returns whether the signing key is locked with a password.
    #[must_use]
    pub fn needs_password(&self) -> bool {
        let key = self.config.key.as_deref();
        key.is_some_and(|key| !key.starts_with("awskms:"))
    }

    /// Unlocks the signing key. Deriving the key takes up to a second and 128 MiB: a console calls
    /// this off its own thread.
    ///
    /// # Errors
    /// When no key is set, it cannot be read, or the password is wrong.
    pub fn signer(&self, password: &Password) -> Result<Signer, ConnectError> {
        let key = self.config.key.as_deref().ok_or(ConnectError::NoKey)?;
        let wrong = |source| ConnectError::Key {
            key: key.to_owned(),
            source,
        };
        let signing = if let Some(variable) = key.strip_prefix("env://") {
            let pem = self
                .environment
                .variable(variable)
                .ok_or_else(|| ConnectError::KeyVariable(variable.to_owned()))?;
            SigningKey::from_pem(pem, password).map_err(wrong)?
        } else if let Some((scheme, _)) = key.split_once("://") {
            return Err(ConnectError::KeyPlace(scheme.to_owned()));
        } else {
            read_private_key(Path::new(key), password).map_err(wrong)?
        };
        Ok(Signer::Key(signing))
    }

    /// Returns the password that was given, else that of `COSIGN_PASSWORD`; set but empty is the
    /// empty password.
    #[must_use]
    pub fn password(&self) -> Option<Password> {
        let variable = || self.environment.variable("COSIGN_PASSWORD");
        let given = self.given_password.clone();
        given.or_else(|| variable().map(|text| Password::new(text.to_owned())))
    }

    /// Opens everything a promotion may touch; `signer` was unlocked before.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub async fn doors(&self, signer: Option<Signer>) -> Result<Doors, ConnectError> {
        Ok(Doors {
            client: self.client()?,
            ledger: Arc::new(self.ledger().await?),
            archive: self.archive().await?,
            signer,
            environment: self.environment.clone(),
        })
    }
}
