//! `chiffon explain`: what an error code means.

use chiffon_protocol::ErrorCode;

use crate::exit::{Exit, Failure, Outcome};

/// Prints the page of a code as people write it: `5109`, `E5109`.
pub fn run(code: &str) -> Outcome {
    let number = code.trim_start_matches(['E', 'e']).parse().ok();
    let Some(code) = number.and_then(ErrorCode::from_number) else {
        return Err(Failure::usage(format!(
            "`{code}` is not one of this version's error codes, which are numbers from 5001 to 5999 and stand beside each error; give one as in \
             `chiffon explain 5109`"
        )));
    };
    print!("{}", code.page());
    Ok(Exit::Done)
}
