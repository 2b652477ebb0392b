//! `orders download`: asks for a workbook and saves it, whole or not at all.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{client, parameters_of};
use crate::arguments::{Download, Workbook};
use crate::output::{Failure, Output};

pub(crate) fn run(arguments: &Download, output: &Output) -> Result<(), Failure> {
    let action = match arguments.workbook {
        Workbook::Paid => "DownloadListPaidOrders",
        Workbook::Unpaid => "DownloadListUnpaidOrders",
        Workbook::Summary => "DownloadOrderSummary",
    };
    let answer = client::call(&arguments.ranged.account, action, parameters_of(&arguments.ranged))?;
    let data = &answer["Data"];
    let incomplete = || Failure::new("the answer names no file");
    let url = data["DownloadURL"].as_str().ok_or_else(incomplete)?;
    let size = data["FileSize"].as_u64().ok_or_else(incomplete)?;
    let name = data["FileName"].as_str().ok_or_else(incomplete)?;
    let path = target(arguments.output.as_deref(), name)?;
    save(url, size, &path)?;
    output.result(&json!({"File": path, "FileSize": size}), || {
        format!("saved {} ({size} bytes)", path.display())
    });
    Ok(())
}

/// Where to save: the server's name for the file is taken as a name only, never as a path.
fn target(given: Option<&Path>, name: &str) -> Result<PathBuf, Failure> {
    let name = Path::new(name).file_name().ok_or_else(|| Failure::new("the answer's file has no name"))?;
    Ok(match given {
        None => PathBuf::from(name),
        Some(directory) if directory.is_dir() => directory.join(name),
        Some(file) => file.to_owned(),
    })
}

fn save(url: &str, size: u64, path: &Path) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let saved =
        fetch(url, size, &partial).and_then(|()| std::fs::rename(&partial, path).map_err(|e| cannot(&e)));
    if saved.is_err() {
        // Best effort: what is left of a failed download is named .part and never taken for the file.
        let _ = std::fs::remove_file(&partial);
    }
    saved
}

fn fetch(url: &str, size: u64, partial: &Path) -> Result<(), Failure> {
    let mut response =
        ureq::get(url).call().map_err(|error| Failure::new(format!("the download failed: {error}")))?;
    let mut file =
        File::create(partial).map_err(|error| Failure::new(format!("{}: {error}", partial.display())))?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(size) } else { ProgressBar::hidden() };
    let style = "saving [{bar:40}] {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut reader = response.body_mut().as_reader();
    let mut buffer = vec![0; 128 * 1024];
    let mut received = 0u64;
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| Failure::new(format!("the download broke off: {error}")))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all(bytes).map_err(|error| Failure::new(format!("{}: {error}", partial.display())))?;
        received += bytes.len() as u64;
        bar.set_position(received);
    }
    bar.finish_and_clear();
    file.sync_all().map_err(|error| Failure::new(format!("{}: {error}", partial.display())))?;
    if received == size {
        return Ok(());
    }
    Err(Failure::new(format!("the download broke off after {received} of {size} bytes")))
}
