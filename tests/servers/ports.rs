//! Addresses where no server of these kinds answers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

/// A port of 127.0.0.1 that refuses connections, and that nobody else gets as long as this lives.
pub(crate) struct Closed {
    pub address: SocketAddr,
    _socket: TcpSocket,
}

impl Closed {
    pub(crate) fn new() -> Closed {
        // Bound and never listening: the kernel refuses, and keeps the port.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Closed { address: socket.local_addr().unwrap(), _socket: socket }
    }
}

/// A port that accepts connections and never says a word: a firewall that drops, once connected.
pub(crate) struct Silent {
    pub address: SocketAddr,
    _listener: TcpListener,
}

impl Silent {
    pub(crate) fn new() -> Silent {
        // The kernel accepts for a listener whose program does not.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Silent { address: listener.local_addr().unwrap(), _listener: listener }
    }
}

/// A port that answers every connection with the same bytes, whatever is asked, and closes it: no HTTP, no TLS.
pub(crate) struct Babble {
    pub address: SocketAddr,
}

impl Babble {
    pub(crate) fn new(bytes: &'static [u8]) -> Babble {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked);
                let _ = stream.write_all(bytes);
            }
        });
        Babble { address }
    }
}
