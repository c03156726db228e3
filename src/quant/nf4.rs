//! NF4: the 4-bit NormalFloat of QLoRA.
