//! The frozen decoder and its five doors.
