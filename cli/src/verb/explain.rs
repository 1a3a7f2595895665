//! `chiffon explain`: what an error code means.

use chiffon_protocol::ErrorCode;

use crate::exit::{Exit, Failure, Outcome};

/// Prints the code's page.
pub fn run(code: u16) -> Outcome {
    let Some(code) = ErrorCode::from_number(code) else {
        return Err(Failure::usage(format!("{code} is not one of Chiffon's error codes, which go from 5001 to 5999")));
    };
    print!("{}", code.page());
    Ok(Exit::Done)
}
