//! Checks catalogues: `cargo run -p domain --example catalogue-check -- infra/catalogues/*.toml`.
//!
//! Prints `ok` for each good file and every mistake of each bad one; ends with 1 if there is one.

use std::process::ExitCode;

use domain::Catalogue;

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: catalogue-check FILE...\nwhat to do: name the catalogues to check");
        return ExitCode::FAILURE;
    }
    let bad = files.iter().filter(|file| !is_good(file)).count();
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_good(file: &str) -> bool {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{file}: cannot be read: {error}");
            return false;
        }
    };
    match Catalogue::parse(file, &text) {
        Ok(_) => {
            println!("{file}: ok");
            true
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            false
        }
    }
}
