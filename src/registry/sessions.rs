//! The upload sessions that are open: what has to be closed when work ends early.
//!
//! Bytes are sent by `upload`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use super::auth::Access;
use super::transport::{Call, Transport};
use crate::model::Repository;

/// How long closing the open sessions of a cancelled copy may take.
const CLOSING: Duration = Duration::from_millis(150);

/// The upload sessions that are open, so that work that ends early can close them.
#[derive(Default)]
pub(super) struct OpenSessions(Mutex<Vec<(Repository, Url)>>);

impl OpenSessions {
    pub(super) fn add(&self, repository: &Repository, url: &Url) {
        self.lock().push((repository.clone(), url.clone()));
    }

    pub(super) fn remove(&self, url: &Url) {
        self.lock().retain(|(_repository, open)| open != url);
    }

    /// Notes that a session has another address now.
    pub(super) fn moved(&self, from: &Url, to: &Url) {
        for (_repository, open) in self.lock().iter_mut().filter(|(_, open)| open == from) {
            *open = to.clone();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Repository, Url)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the sessions of others.
    pub(super) fn take(&self, others: &Self) {
        let others = std::mem::take(&mut *others.lock());
        self.lock().extend(others);
    }

    /// Closes what is open, as far as that goes quickly; a registry that refuses or does not
    /// answer drops the session in its own time.
    pub(super) async fn close(&self, transport: &Transport) {
        let open = std::mem::take(&mut *self.lock());
        let requests = open.into_iter().map(|(repository, url)| async move {
            let call = upload_call(&repository, Access::Push, Method::DELETE, url);
            transport.once(&call).await.is_ok()
        });
        let all = futures_util::future::join_all(requests);
        if let Ok(closed) = tokio::time::timeout(CLOSING, all).await {
            drop(closed);
        }
    }

    /// Closes one session that is of no more use.
    pub(super) async fn close_one(
        &self,
        transport: &Transport,
        repository: &Repository,
        url: &Url,
    ) {
        self.remove(url);
        let one = Self::default();
        one.add(repository, url);
        one.close(transport).await;
    }
}

/// A request of an upload.
pub(super) fn upload_call(
    repository: &Repository,
    access: Access,
    method: Method,
    url: Url,
) -> Call<'_> {
    Call {
        repository,
        access,
        method,
        url,
        headers: HeaderMap::new(),
        body: None,
        what: format!("upload to {repository}"),
    }
}
