//! One file per method of fine-tuning.
