//! `completions` and `man`: scripts for shells and manual pages, made from the table that the arguments are read by.

use std::path::Path;

use clap_complete::Shell;
use serde_json::json;

use crate::arguments::command;
use crate::output::{Failure, Output};

pub(crate) fn completions(shell: Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8(script)?;
    output.result(&json!({"Shell": shell.to_string(), "Script": script}), || script.clone());
    Ok(())
}

pub(crate) fn pages(directory: &Path, output: &Output) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::new(format!("{}: {error}", directory.display()));
    std::fs::create_dir_all(directory).map_err(cannot)?;
    clap_mangen::generate_to(command(), directory).map_err(cannot)?;
    let mut pages = 0;
    for entry in std::fs::read_dir(directory).map_err(cannot)? {
        let name = entry.map_err(cannot)?.file_name();
        pages += usize::from(
            name.to_string_lossy().starts_with("tollbook") && name.to_string_lossy().ends_with(".1"),
        );
    }
    let value = json!({"Directory": directory, "Pages": pages});
    output.result(&value, || format!("{pages} manual pages are in {}", directory.display()));
    Ok(())
}
