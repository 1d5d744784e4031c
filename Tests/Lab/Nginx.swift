import Glibc
import SystemPackage
public import Wire

/// An ordinary nginx in a server node: plain TCP, IPv4 and IPv6, serves its folder and takes uploads by PUT.
public struct Nginx: Sendable {
    /// One line of the access log.
    public struct Access: Hashable, Sendable {
        /// Whom the server saw.
        public let client: Endpoint
        public let status: Int
        public let bodyBytes: UInt64
        /// E.g. `GET /file HTTP/1.1`.
        public let request: String
    }

    public let process: ChildProcess
    /// The folder it serves.
    public let root: String
    private let accessLogPath: String

    fileprivate init(_ lab: Lab, server: Int, port: UInt16) throws {
        let folder = try lab.scratchFile("nginx")
        root = "\(folder)/root"
        accessLogPath = "\(folder)/access.log"
        try makeDirectory(folder)
        try makeDirectory(root)
        try writeFile("\(folder)/nginx.conf", Self.configuration(folder, port))
        process = try lab.spawn(
            in: .server(server),
            ["nginx", "-e", "\(folder)/error.log", "-p", folder, "-c", "\(folder)/nginx.conf"])
    }

    /// Requests that have been answered in full. nginx writes the line after the last byte: wait for it.
    public var accesses: [Access] {
        ((try? readFile(accessLogPath)) ?? "").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", maxSplits: 4)
            guard fields.count == 5, let address = IPAddress(fields[0]), let port = UInt16(fields[1]),
                let status = Int(fields[2]), let bytes = UInt64(fields[3])
            else { return nil }
            return Access(
                client: Endpoint(address: address, port: port), status: status, bodyBytes: bytes,
                request: String(fields[4]))
        }
    }

    /// Puts a file of random bytes into the folder and returns its path.
    @discardableResult
    public func addFile(_ name: String, bytes: UInt64, seed: UInt32 = 1) throws -> String {
        let path = "\(root)/\(name)"
        try Payload(seed: seed).write(bytes, to: path)
        return path
    }

    private static func configuration(_ folder: String, _ port: UInt16) -> String {
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "    \($0)_temp_path \(folder)/\($0);"
        }
        return """
            daemon off;
            user root;
            worker_processes 1;
            worker_rlimit_nofile 8192;
            pid \(folder)/nginx.pid;
            events { worker_connections 4096; }
            http {
                log_format lab '$remote_addr $remote_port $status $body_bytes_sent $request';
                access_log \(folder)/access.log lab;
                sendfile on;
                client_max_body_size 0;
            \(temporary.joined(separator: "\n"))
                server {
                    listen 0.0.0.0:\(port) backlog=4096;
                    listen [::]:\(port) backlog=4096;
                    root \(folder)/root;
                    location / { dav_methods PUT; }
                }
            }

            """
    }
}

extension Lab {
    /// Runs nginx in a server node and returns when it listens.
    public func startNginx(server: Int = 0, port: UInt16 = 80) async throws -> Nginx {
        let nginx = try Nginx(self, server: server, port: port)
        try await wait(for: "nginx to listen on port \(port)") {
            if let status = nginx.process.status {
                throw LabError.command(nginx.process.command, status, errors: nginx.process.errors)
            }
            return try isListening(in: .server(server), port: port)
        }
        return nginx
    }
}

extension Payload {
    /// Writes the first `count` bytes to a new file.
    public func write(_ count: UInt64, to path: String) throws {
        let file = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec],
            permissions: [.ownerReadWrite, .groupRead, .otherRead])
        try file.closeAfter {
            var offset: UInt64 = 0
            while offset < count {
                let bytes = bytes(at: offset, limit: Int(clamping: count - offset))
                try file.writeAll(bytes)
                offset += UInt64(bytes.count)
            }
        }
    }
}
