//! The one integration-test binary, so that heavy dependencies link once.
