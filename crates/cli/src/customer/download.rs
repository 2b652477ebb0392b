//! `orders download`: requests a file and saves it. The file is saved only if it is complete and its digest is correct.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::time::Days;
use super::{client, parameters_of};
use crate::arguments::{Account, Download, Global, Workbook};
use crate::output::{Failure, Output};

/// Interval between requests for the state of a job.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) fn run(global: &Global, arguments: &Download, output: &Output) -> Result<(), Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let action = match arguments.workbook {
        Workbook::Paid => "DownloadListPaidOrders",
        Workbook::Unpaid => "DownloadListUnpaidOrders",
        Workbook::Summary => "DownloadOrderSummary",
    };
    let mut parameters = parameters_of(&arguments.ranged, &days);
    parameters.extend(arguments.format.iter().map(|format| ("Format".to_owned(), format.clone())));
    parameters
        .extend(arguments.separator.iter().map(|separator| ("Separator".to_owned(), separator.clone())));
    if arguments.background {
        parameters.push(("Async".to_owned(), "true".to_owned()));
    }
    let account = &arguments.ranged.account;
    let mut answer = client::call(account, action, parameters)?;
    if arguments.background {
        let job_id = answer["JobId"].as_str().ok_or_else(|| Failure::new("the answer names no job"))?;
        answer = wait(account, job_id)?;
    }
    let data = &answer["Data"];
    let incomplete = || Failure::new("the answer names no file");
    let url = data["DownloadURL"].as_str().ok_or_else(incomplete)?;
    let size = data["FileSize"].as_u64().ok_or_else(incomplete)?;
    let name = data["FileName"].as_str().ok_or_else(incomplete)?;
    let path = target(arguments.output.as_deref(), name)?;
    // A server may send no digest; then only the size is checked.
    let agent = client::agent(account, None)?;
    save(&agent, url, size, data["Sha256"].as_str(), &path)?;
    let [rows, total, sha256] = [&data["RowCount"], &data["TotalPrice"], &data["Sha256"]];
    let result = json!({
        "File": path, "FileSize": size, "RowCount": rows, "TotalPrice": total, "Sha256": sha256,
    });
    output.result(&result, || format!("saved {} ({size} bytes, {rows} rows)", path.display()));
    Ok(())
}

/// Waits until a job has created its file, and returns the answer that describes the file.
fn wait(account: &Account, job_id: &str) -> Result<Value, Failure> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = "exporting [{bar:40}] {percent:>3}%  {human_pos} of {human_len} rows";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    loop {
        let parameters = vec![("JobId".to_owned(), job_id.to_owned())];
        let answer = client::call(account, "GetExportJob", parameters)?;
        bar.set_length(answer["RowsTotal"].as_u64().unwrap_or(0));
        bar.set_position(answer["RowsWritten"].as_u64().unwrap_or(0));
        match answer["State"].as_str() {
            Some("Waiting" | "Running") => std::thread::sleep(POLL_INTERVAL),
            Some("Done") => {
                bar.finish_and_clear();
                return Ok(answer);
            }
            state => {
                let (state, reason) = (state.unwrap_or("?"), answer["Reason"].as_str().unwrap_or_default());
                return Err(Failure::new(format!("job {job_id}: {state}: {reason}")));
            }
        }
    }
}

/// The path to save to. Of the server's file name only the last component is used.
fn target(given: Option<&Path>, name: &str) -> Result<PathBuf, Failure> {
    let name = Path::new(name).file_name().ok_or_else(|| Failure::new("the answer's file has no name"))?;
    Ok(match given {
        None => PathBuf::from(name),
        Some(directory) if directory.is_dir() => directory.join(name),
        Some(file) => file.to_owned(),
    })
}

fn save(agent: &ureq::Agent, url: &str, size: u64, sha256: Option<&str>, path: &Path) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let saved = fetch(agent, url, size, sha256, &partial)
        .and_then(|()| std::fs::rename(&partial, path).map_err(|e| cannot(&e)));
    if saved.is_err() {
        // Best effort: the rest of a failed download is named .part, so it is not mistaken for the file.
        let _ = std::fs::remove_file(&partial);
    }
    saved
}

fn fetch(
    agent: &ureq::Agent,
    url: &str,
    size: u64,
    sha256: Option<&str>,
    partial: &Path,
) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("the download failed: {error}"));
    let mut response = agent.get(url).call().map_err(|error| failed(&error))?;
    if !response.status().is_success() {
        return Err(failed(&format!("HTTP {}", response.status())));
    }
    let mut file =
        File::create(partial).map_err(|error| Failure::new(format!("{}: {error}", partial.display())))?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(size) } else { ProgressBar::hidden() };
    let style = "saving [{bar:40}] {percent:>3}%  {bytes}/{total_bytes}  {bytes_per_sec}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut reader = response.body_mut().as_reader();
    let mut buffer = vec![0; 128 * 1024];
    let (mut received, mut hash) = (0u64, Sha256::new());
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| Failure::new(format!("the download was interrupted: {error}")))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all(bytes).map_err(|error| Failure::new(format!("{}: {error}", partial.display())))?;
        hash.update(bytes);
        received += bytes.len() as u64;
        bar.set_position(received);
    }
    bar.finish_and_clear();
    file.sync_all().map_err(|error| Failure::new(format!("{}: {error}", partial.display())))?;
    if received != size {
        return Err(Failure::new(format!("the download was interrupted after {received} of {size} bytes")));
    }
    match sha256 {
        Some(expected) if hex::encode(hash.finalize()) != expected => {
            Err(Failure::new("the downloaded file is corrupt: its SHA-256 differs from that of the server"))
        }
        _ => Ok(()),
    }
}
