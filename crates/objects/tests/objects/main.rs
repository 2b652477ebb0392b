//! Tests of the object stores through their public interface.

mod embedded_store;
mod us3_vectors;
