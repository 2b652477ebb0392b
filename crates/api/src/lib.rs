//! The gateway of the order API: what a request says, whether it is signed, and which code refuses it. The rules of
//! orders and money are in `tollbook-domain` and `tollbook-ops`, never here.

pub mod parameters;
pub mod ret_code;
pub mod signature;
pub mod wire;
