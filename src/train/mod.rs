//! What turns a method and a base into an adapter.
