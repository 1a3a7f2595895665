//! In-process driver.
