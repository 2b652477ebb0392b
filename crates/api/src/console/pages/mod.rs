//! The pages, one file each.

pub(super) mod accounts;
pub(super) mod arrears;
pub(super) mod choose;
pub(super) mod companies;
pub(super) mod desk;
pub(super) mod explore;
pub(super) mod exports;
pub(super) mod keys;
pub(super) mod order;
pub(super) mod orders;
pub(super) mod overview;
pub(super) mod sessions;
pub(super) mod sign_in;
pub(super) mod statement;
pub(super) mod summary;
