//! Verification: everything that is stored twice is computed again and compared.

mod charging;
mod exports;
mod orders;
mod report;
