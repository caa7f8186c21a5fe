"""A storm on the control socket and on HTTP, from inside the network namespace of the agent's host.

storm.py SOCKET HOST PORT HELD SECONDS SEED

HELD connections of each kind are opened and kept as long as the agent keeps them: half of them send
their request byte by byte, half ask for much and never read. Those that it ends are opened anew.
Meanwhile garbage is sent on further ones, and what comes back is looked at. Prints JSON: how many
were opened, and what was answered.
"""

import json
import random
import resource
import socket
import sys
import time

path, host, port, held, seconds, seed = sys.argv[1:]
port, held, chance = int(port), int(held), random.Random(int(seed))
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))

SLOW = {
    "control": b'{"command":"status"' + b" " * 100_000,
    "http": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 100_000,
}
UNREAD = {
    "control": [b'{"command":"status"}\n', b'{"command":"events","last":10000,"follow":true}\n'],
    "http": [b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n"],
}
COMMANDS = ["status", "events", "weight", "drain", "servers", "release", "claim", "bfd", "recording"]
KEYS = ["name", "kind", "last", "types", "since", "for_ms", "virtual_server", "real_server", "action"]


def connect(kind):
    if kind == "http":
        return socket.create_connection((host, port), timeout=10)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(path)
    return client


class Held:
    """A connection that hangs."""

    def __init__(self, kind, slow):
        self.kind, self.slow, self.at, self.socket = kind, slow, 0, connect(kind)
        if not slow:
            self.socket.sendall(chance.choice(UNREAD[kind]))
        self.socket.setblocking(False)

    def poke(self):
        """Returns whether the agent still has it."""
        try:
            if self.slow:
                self.socket.send(SLOW[self.kind][self.at:self.at + 1])
                self.at += 1
                return self.socket.recv(4096) != b""
            return True
        except BlockingIOError:
            return True
        except OSError:
            return False


def value(depth=0):
    what = chance.randrange(9 if depth < 3 else 6)
    if what == 0:
        return chance.choice([None, True, False])
    if what == 1:
        return chance.choice([0, -1, 1e308, 2**63, 0.5, -0.0])
    if what == 2:
        return "x" * chance.choice([0, 1, 300, 30_000])
    if what == 3:
        return "".join(chr(chance.randrange(0x20, 0xD7FF)) for _ in range(chance.randrange(20)))
    if what == 4:
        return chance.choice(["__proto__", "constructor", "web/../x", "\x1b[2J", "nobody"])
    if what == 5:
        return chance.randrange(-1000, 1000)
    if what == 6:
        return [value(depth + 1) for _ in range(chance.randrange(5))]
    return {chance.choice(KEYS + ["__proto__"]): value(depth + 1) for _ in range(chance.randrange(5))}


def garbage(kind):
    what = chance.randrange(6)
    if what == 0:
        return chance.randbytes(chance.randrange(1, 3000)) + b"\n\r\n\r\n"
    if what == 1:
        return b"\x00" * chance.randrange(1, 2000) + b"\r\n\r\n"
    if kind == "control":
        if what == 2:
            return b'{"command":"' + b"x" * chance.choice([65_000, 70_000, 1_000_000]) + b'"}\n'
        if what == 3:
            depth = chance.choice([1_000, 30_000])
            return b"[" * depth + b"]" * depth + b"\n"
        fields = {chance.choice(KEYS): value() for _ in range(chance.randrange(1, 5))}
        # None of these may be done: there is nobody of such a name.
        if isinstance(fields.get("name"), str):
            fields["name"] = "nobody " + fields["name"]
        return json.dumps({"command": chance.choice(COMMANDS[2:]), "kind": "no", **fields}).encode() + b"\n"
    if what == 2:
        return b"GET /" + b"a" * chance.choice([8_000, 9_000, 1_000_000]) + b" HTTP/1.1\r\n\r\n"
    if what == 3:
        fields = b"".join(b"x%d: y\r\n" % i for i in range(2_000))
        return b"GET / HTTP/1.1\r\n" + fields + b"\r\n"
    if what == 4:
        method = chance.choice([b"POST", b"PUT", b"TRACE", b"CONNECT", b"get", b""])
        return method + b" /status.json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
    return b"GET /../../etc/passwd HTTP/%d.%d\r\nHost: \x1b[2J\r\n\r\n" % (chance.randrange(3), chance.randrange(9))


def answer(kind):
    """What comes back for garbage, in a word."""
    client = connect(kind)
    try:
        try:
            client.sendall(garbage(kind))
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        whole = b""
        while piece := client.recv(65_536):
            whole += piece
    except socket.timeout:
        return "silence"
    except OSError:
        return "closed"
    finally:
        client.close()
    if whole == b"":
        return "closed"
    if kind == "http":
        return whole.split(b" ")[1].decode()
    return "refused" if json.loads(whole)["ok"] is False else "done " + whole[:200].decode()


opened = {"control": 0, "http": 0}
answers = {"control": {}, "http": {}}


def hang(kind):
    opened[kind] += 1
    return Held(kind, opened[kind] % 2 == 0)


clients = []
for kind in opened:
    for _ in range(held):
        clients.append(hang(kind))
print("held", flush=True)
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    for i, client in enumerate(clients):
        if not client.poke() and chance.random() < 0.05:
            client.socket.close()
            clients[i] = hang(client.kind)
    for kind, seen in answers.items():
        for _ in range(10):
            said = answer(kind)
            seen[said] = seen.get(said, 0) + 1
    time.sleep(0.02)
print(json.dumps({"opened": opened, "answers": answers}))
