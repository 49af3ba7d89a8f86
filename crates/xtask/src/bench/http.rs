//! A connection that is kept open, and as little around it as measuring allows: what a full client spends would be
//! counted as the cloud's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::failure::Failure;

/// Nothing that is measured takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer.
pub struct Answer {
    pub status: u16,
    /// `x-subject-token`
    pub token: Option<String>,
    pub body: Vec<u8>,
}

/// One connection.
pub struct Http {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    /// `x-subject-token`: the token that is asked about.
    pub subject: Option<String>,
}

impl Http {
    pub fn connect(host: SocketAddr) -> Result<Self, Failure> {
        let fail = |error| Failure::new(format!("nothing answers at {host}: {error}"));
        let stream = TcpStream::connect(host).map_err(fail)?;
        stream.set_nodelay(true).map_err(fail)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(fail)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(fail)?;
        Ok(Self { stream: BufReader::new(stream), host, subject: None })
    }

    /// Sends a request whose body is at hand.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        token: &str,
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let kind = "content-type: application/json\r\n";
        let mut request = self.head(method, path, token, body.len() as u64, kind).into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).map_err(Failure::of("a request"))?;
        self.answer(method == "HEAD")
    }

    /// Sends a request whose body is `block`, as often as it takes to make `bytes`.
    pub fn stream(
        &mut self,
        path: &str,
        token: &str,
        block: &[u8],
        bytes: u64,
    ) -> Result<Answer, Failure> {
        let kind = "content-type: application/octet-stream\r\n";
        let head = self.head("PUT", path, token, bytes, kind);
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).map_err(Failure::of("an upload"))?;
        let mut left = bytes;
        while left > 0 {
            let length = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let part = block.get(..length).unwrap_or(block);
            stream.write_all(part).map_err(Failure::of("an upload"))?;
            left -= length as u64;
        }
        self.answer(false)
    }

    fn head(&self, method: &str, path: &str, token: &str, length: u64, kind: &str) -> String {
        let token =
            if token.is_empty() { String::new() } else { format!("x-auth-token: {token}\r\n") };
        let subject = self.subject.as_deref();
        let subject = subject.map(|token| format!("x-subject-token: {token}\r\n"));
        let subject = subject.unwrap_or_default();
        let version = if path.starts_with("/volume") { "volume 3.71" } else { "compute 2.96" };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nopenstack-api-version: {version}\r\n\
             {token}{subject}{kind}content-length: {length}\r\n\r\n",
            self.host
        )
    }

    fn answer(&mut self, head_only: bool) -> Result<Answer, Failure> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| Failure::new(format!("no HTTP: {first:?}")))?;
        let (mut length, mut chunked, mut token) = (0, false, None);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "x-subject-token" => token = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut body = Vec::new();
        if head_only {
            // It says how long its body would be.
        } else if chunked {
            self.chunks(&mut body)?;
        } else {
            self.bytes(length, &mut body)?;
        }
        Ok(Answer { status, token, body })
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), Failure> {
        loop {
            let line = self.line()?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(Failure::of("a chunk"))?;
            self.bytes(size, body)?;
            self.line()?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    fn bytes(&mut self, count: u64, body: &mut Vec<u8>) -> Result<(), Failure> {
        let read = (&mut self.stream).take(count).read_to_end(body);
        match read.map_err(Failure::of("an answer"))? as u64 == count {
            true => Ok(()),
            false => Err(Failure::new("an answer was cut off")),
        }
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).map_err(Failure::of("an answer"))? {
            0 => Err(Failure::new("the connection was closed")),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}
