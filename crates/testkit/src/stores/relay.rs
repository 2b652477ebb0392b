//! An HTTP relay between a store client and its server. It injects faults into selected requests: it closes
//! connections, returns errors, or sends no response.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// An operation of a store, in either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// An upload in one request.
    Put,
    /// The begin of an upload in parts.
    Begin,
    /// A part, counted from 1.
    Part(u32),
    /// The end of an upload in parts.
    Finish,
    /// The removal of an upload in parts.
    Abort,
    /// The removal of an object.
    Delete,
    /// The headers of an object.
    Head,
    /// A page of the objects.
    List,
    /// A page of the unfinished uploads.
    Uploads,
    /// An object.
    Get,
}

/// What the relay does with a request.
pub enum Act {
    /// Forwards the request and the response.
    Pass,
    /// Returns this response without forwarding the request.
    Answer(u16, &'static str),
    /// Closes the connection in the middle of the request body.
    CutBody,
    /// Forwards the request, but not the response.
    CutAnswer,
    /// Sends no response until the client closes the connection.
    Silence,
}

type Rule = Box<dyn FnMut(Asked) -> Act + Send>;

struct Shared {
    rule: Rule,
    seen: Vec<Asked>,
}

/// The relay. Its threads end when their connections are closed.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Relay {
    /// A relay to a server. Initially it forwards every request.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared { rule: Box::new(|_| Act::Pass), seen: Vec::new() }));
        let of_threads = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), shared) = (client, Arc::clone(&of_threads)) else { continue };
                std::thread::spawn(move || drop(serve(&client, server, &shared)));
            }
        });
        Self { address, shared }
    }

    /// Replaces the rule for subsequent requests.
    pub fn rule(&self, rule: impl FnMut(Asked) -> Act + Send + 'static) {
        self.shared.lock().unwrap().rule = Box::new(rule);
    }

    /// Forwards subsequent requests.
    pub fn pass(&self) {
        self.rule(|_| Act::Pass);
    }

    /// The number of requests for this operation.
    pub fn count(&self, asked: Asked) -> usize {
        self.shared.lock().unwrap().seen.iter().filter(|seen| **seen == asked).count()
    }
}

/// The head of a request, and the length of its body.
struct Head {
    text: String,
    len: u64,
}

fn read_head(client: &mut BufReader<&TcpStream>) -> io::Result<Option<Head>> {
    let mut text = String::new();
    let mut len = 0;
    loop {
        let mut line = String::new();
        if client.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line == "\r\n" {
            return Ok(Some(Head { text, len }));
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().map_err(io::Error::other)?;
        }
        text += &line;
    }
}

fn asked(head: &str) -> Asked {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let parameter = |name: &str| {
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(known, _)| *known == name)
    };
    let has = |name| parameter(name).is_some();
    match method {
        "POST" if has("uploads") => Asked::Begin,
        "POST" => Asked::Finish,
        "PUT" => match parameter("partNumber") {
            // S3 counts from 1, US3 from 0.
            Some((_, number)) => {
                let number: u32 = number.parse().unwrap();
                Asked::Part(if has("X-Amz-Date") { number } else { number + 1 })
            }
            None => Asked::Put,
        },
        "DELETE" if has("uploadId") => Asked::Abort,
        "DELETE" => Asked::Delete,
        "HEAD" => Asked::Head,
        _ if has("list") || has("list-type") => Asked::List,
        _ if has("uploads") || has("muploadid") => Asked::Uploads,
        _ => Asked::Get,
    }
}

fn serve(client: &TcpStream, server: SocketAddr, shared: &Mutex<Shared>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut writer = client;
    while let Some(head) = read_head(&mut reader)? {
        if head.text.starts_with("CONNECT ") {
            // There is one server, so the host name is ignored.
            writer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            continue;
        }
        let act = {
            let mut shared = shared.lock().unwrap();
            let asked = asked(&head.text);
            shared.seen.push(asked);
            (shared.rule)(asked)
        };
        let mut body = (&mut reader).take(head.len);
        match act {
            Act::Answer(status, text) => {
                io::copy(&mut body, &mut io::sink())?;
                write!(
                    writer,
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                )?;
            }
            Act::CutBody => {
                io::copy(&mut body.take(head.len / 2), &mut io::sink())?;
                client.shutdown(Shutdown::Both)?;
            }
            Act::Silence => {
                io::copy(&mut body, &mut io::sink())?;
                // Blocks until the client closes the connection.
                io::copy(&mut reader, &mut io::sink())?;
            }
            Act::Pass | Act::CutAnswer => {
                let mut server = TcpStream::connect(server)?;
                write!(server, "{}Connection: close\r\n\r\n", head.text)?;
                io::copy(&mut body, &mut server)?;
                if matches!(act, Act::CutAnswer) {
                    io::copy(&mut server, &mut io::sink())?;
                } else {
                    io::copy(&mut server, &mut writer)?;
                }
            }
        }
        break;
    }
    // Only the write side is closed, so that a client that is still sending can read the response before a reset.
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut reader, &mut io::sink())?;
    Ok(())
}
