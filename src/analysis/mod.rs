//! Measuring updates: singular values, effective rank, parameter and memory counts.
