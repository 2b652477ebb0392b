//! `orders download`: requests a file and saves it, or writes it to standard output. A file is saved only if it is complete
//! and its digest is correct, and it replaces another only if that is stated.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollbook_export::Format;

use super::time::Days;
use super::{client, parameters_of, range_of};
use crate::arguments::{Account, Download, Global, Workbook, wrong_usage};
use crate::output::{self, Failure, Output, note};

/// Interval between requests for the state of a job.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The name that stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// A file as the server's answer describes it.
struct Described<'a> {
    url: &'a str,
    size: u64,
    /// A server may send no digest; then only the size is checked.
    sha256: Option<&'a str>,
}

pub(crate) fn run(global: &Global, arguments: &Download, output: &Output) -> Result<(), Failure> {
    let format = format_of(arguments);
    let to_stdout = arguments.output.as_deref() == Some(Path::new(STANDARD_OUTPUT));
    if to_stdout && output.format() == output::Format::Json {
        wrong_usage("--json and --output -: standard output is either the file or the JSON value");
    }
    let is_text = format.as_deref().and_then(|name| name.parse::<Format>().ok()).is_some_and(is_text);
    if to_stdout && !is_text && std::io::stdout().is_terminal() {
        return Err(Failure::new(
            "standard output is a terminal, and the file is not a text: state --format csv, or a file",
        ));
    }
    let account = &arguments.ranged.account;
    let answer = exported(global, arguments, format)?;
    let data = &answer["Data"];
    let incomplete = || Failure::new("the answer names no file");
    let file = Described {
        url: data["DownloadURL"].as_str().ok_or_else(incomplete)?,
        size: data["FileSize"].as_u64().ok_or_else(incomplete)?,
        sha256: data["Sha256"].as_str(),
    };
    let name = data["FileName"].as_str().ok_or_else(incomplete)?;
    let agent = client::agent(account, None)?;
    let (size, rows) = (file.size, &data["RowCount"]);
    if to_stdout {
        // A closed pipe ends the download: its reader has what it wants.
        fetch(&agent, &file, &mut |bytes| {
            output.bytes(bytes);
            Ok(!output.is_closed())
        })?;
        if !output.is_closed() {
            note(&format!("{name}: {size} bytes, {rows} rows"));
        }
        return Ok(());
    }
    let path = target(arguments.output.as_deref(), name)?;
    let is_there = !arguments.force && is_same(&path, &file)?;
    if !is_there {
        save(&agent, &file, &path, arguments.force)?;
    }
    let result = json!({
        "File": path, "FileSize": size, "RowCount": rows, "TotalPrice": data["TotalPrice"], "Sha256": data["Sha256"],
    });
    output.result(&result, || {
        let state = if is_there { "was saved before:" } else { "saved" };
        format!("{state} {} ({size} bytes, {rows} rows)", path.display())
    });
    Ok(())
}

/// Whether a file of a format can be read on a terminal.
fn is_text(format: Format) -> bool {
    matches!(format, Format::Csv | Format::FocusCsv(_))
}

/// The format that is stated, or else that of the ending of the file's name; `None`: the server's default.
fn format_of(arguments: &Download) -> Option<String> {
    let name =
        arguments.output.as_deref()?.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let name = name.filter(|name| {
        arguments.output.as_deref().is_some_and(|path| !path.is_dir()) && name != STANDARD_OUTPUT
    });
    let Some(name) = name else { return arguments.format.clone() };
    let of_name = Format::all()
        .filter(|format| name.ends_with(&format!(".{}", format.extension())))
        .max_by_key(|format| format.extension().len());
    let stated = arguments.format.as_deref();
    match (stated, of_name) {
        (Some(stated), Some(of_name)) => {
            // A server of another kind may know more formats; it refuses what it does not know.
            let last = |format: Format| format.extension().rsplit('.').next().unwrap_or_default().to_owned();
            if let Ok(format) = stated.parse::<Format>()
                && last(format) != last(of_name)
            {
                wrong_usage(&format!(
                    "--output {name}: a file of the format {stated} ends in .{}",
                    last(format)
                ));
            }
            Some(stated.to_owned())
        }
        (Some(stated), None) => Some(stated.to_owned()),
        // The default is not stated, so that servers that know no formats answer.
        (None, Some(Format::Workbook)) => None,
        (None, Some(of_name)) => Some(of_name.name().to_owned()),
        (None, None) if Path::new(&name).extension().is_some() => {
            wrong_usage(&format!("--output {name}: no format has this ending; state --format"))
        }
        (None, None) => None,
    }
}

/// The answer that describes the file, when the server has it.
fn exported(global: &Global, arguments: &Download, format: Option<String>) -> Result<Value, Failure> {
    let days = Days::of_customer(global.time_zone.as_ref());
    let action = match arguments.workbook {
        Workbook::Paid => "DownloadListPaidOrders",
        Workbook::Unpaid => "DownloadListUnpaidOrders",
        Workbook::Summary => "DownloadOrderSummary",
    };
    let mut parameters = parameters_of(&arguments.ranged, range_of(&arguments.ranged, &days));
    parameters.extend(format.map(|format| ("Format".to_owned(), format)));
    parameters
        .extend(arguments.separator.iter().map(|separator| ("Separator".to_owned(), separator.clone())));
    let account = &arguments.ranged.account;
    if !arguments.background {
        return client::call(account, action, parameters);
    }
    parameters.push(("Async".to_owned(), "true".to_owned()));
    let answer = client::call(account, action, parameters)?;
    let job_id = answer["JobId"].as_str().ok_or_else(|| Failure::new("the answer names no job"))?;
    wait(account, job_id)
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

/// Whether the very file is there already. Fails if another one is.
fn is_same(path: &Path, file: &Described<'_>) -> Result<bool, Failure> {
    let known = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Failure::new(format!("{}: {error}", path.display()))),
        Ok(known) => known,
    };
    let digest = known.metadata().is_ok_and(|known| known.is_file() && known.len() == file.size);
    let digest = digest.then(|| digest_of(known)).transpose().ok().flatten();
    if digest.is_some() && digest.as_deref() == file.sha256 {
        return Ok(true);
    }
    Err(exists(path))
}

fn exists(path: &Path) -> Failure {
    Failure::new(format!("{} exists and has other content; --force replaces it", path.display()))
}

fn digest_of(mut file: File) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = file.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
    }
    Ok(hex::encode(hash.finalize()))
}

fn save(agent: &ureq::Agent, file: &Described<'_>, path: &Path, replaces: bool) -> Result<(), Failure> {
    let cannot = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let part = |error: std::io::Error| Failure::new(format!("{}: {error}", partial.display()));
    let fetched = || -> Result<(), Failure> {
        let mut target = File::create(&partial).map_err(part)?;
        fetch(agent, file, &mut |bytes| target.write_all(bytes).map(|()| true).map_err(part))?;
        target.sync_all().map_err(part)
    };
    let saved = fetched().and_then(|()| {
        if !replaces {
            // Creating it first makes sure that none came while this one was fetched.
            match File::create_new(path) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists(path)),
                Err(error) => return Err(cannot(&error)),
            }
        }
        std::fs::rename(&partial, path).map_err(|error| cannot(&error))
    });
    if saved.is_err() {
        // Best effort: the rest of a failed download is named .part, so it is not mistaken for the file.
        let _ = std::fs::remove_file(&partial);
    }
    saved
}

/// Passes the bytes of a file to a function until it returns `false`, and checks that they are all and the right ones.
fn fetch(
    agent: &ureq::Agent,
    described: &Described<'_>,
    write: &mut dyn FnMut(&[u8]) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let Described { url, size, sha256 } = *described;
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("the download failed: {error}"));
    let mut response = agent.get(url).call().map_err(|error| failed(&error))?;
    if !response.status().is_success() {
        return Err(failed(&format!("HTTP {}", response.status())));
    }
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
        if !write(bytes)? {
            return Ok(());
        }
        hash.update(bytes);
        received += bytes.len() as u64;
        bar.set_position(received);
    }
    bar.finish_and_clear();
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
