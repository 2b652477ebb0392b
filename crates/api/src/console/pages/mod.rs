//! The pages, one file each.

pub(super) mod accounts;
pub(super) mod act;
pub(super) mod arrears;
pub(super) mod audit;
pub(super) mod choose;
pub(super) mod companies;
pub(super) mod connect;
pub(super) mod desk;
pub(super) mod explore;
pub(super) mod exports;
pub(super) mod keys;
pub(super) mod order;
pub(super) mod orders;
pub(super) mod overview;
pub(super) mod prices;
pub(super) mod sessions;
pub(super) mod settings;
pub(super) mod sign_in;
pub(super) mod statement;
pub(super) mod summary;
pub(super) mod usage;
pub(super) mod webhooks;
