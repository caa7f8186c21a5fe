"""A terminal with a program in it: a pseudo-terminal, and pyte, which draws what it is sent.

    terminal.py COLUMNS LINES PROGRAM [ARGUMENT]...

The program leads a session whose controlling terminal this is. Requests come as JSON, one on a line
of standard input, and each is answered by one line: {"keys": TEXT} types, {"size": [COLUMNS, LINES]}
gives it another size, {} does nothing else but look. The answer is what can be seen. At the end of
the input the terminal hangs up, as one does whose window is closed.
"""

import codecs
import copy
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios

import pyte

# Private modes, as pyte counts them.
WRAPPED, CURSOR, ALTERNATE = 7 << 5, 25 << 5, 1049 << 5


class Screen(pyte.Screen):
    """pyte knows no other screen: what was there before it is put back when it is left."""

    before = None

    def set_mode(self, *modes, **options):
        super().set_mode(*modes, **options)
        if options.get("private") and 1049 in modes and self.before is None:
            self.before = (copy.deepcopy(self.buffer), copy.copy(self.cursor))
            self.erase_in_display(2)

    def reset_mode(self, *modes, **options):
        super().reset_mode(*modes, **options)
        if options.get("private") and 1049 in modes and self.before is not None:
            self.buffer, self.cursor = self.before
            self.before = None


def set_size(descriptor, columns, lines):
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def look(screen, descriptor, exit_code):
    try:
        local = termios.tcgetattr(descriptor)[3]
    except termios.error:
        local = 0
    lines = range(screen.lines)
    cells = [[screen.buffer[y][x] for x in range(screen.columns)] for y in lines]
    return {
        "lines": [line.rstrip() for line in screen.display],
        "reversed": [y for y in lines if all(cell.reverse for cell in cells[y])],
        "colours": sorted({cell.fg for line in cells for cell in line} - {"default"}),
        "alternate": ALTERNATE in screen.mode,
        "cursor": CURSOR in screen.mode,
        "wraps": WRAPPED in screen.mode,
        "canonical": bool(local & termios.ICANON),
        "echoes": bool(local & termios.ECHO),
        "exit_code": exit_code,
    }


def main():
    columns, lines = int(sys.argv[1]), int(sys.argv[2])
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[3], sys.argv[3:])
    set_size(terminal, columns, lines)
    screen = Screen(columns, lines)
    # pyte begins with a screen that wraps, and a cursor.
    stream = pyte.Stream(screen)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    requests = b""
    exit_code = None
    sources = [0, terminal]
    while True:
        ready, _, _ = select.select(sources, [], [])
        # What the program has said by now is drawn before a request is answered.
        while terminal in sources and select.select([terminal], [], [], 0)[0]:
            try:
                said = os.read(terminal, 65536)
            except OSError:
                said = b""
            if said == b"":
                sources.remove(terminal)
                exit_code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            stream.feed(decoder.decode(said))
        if 0 not in ready:
            continue
        read = os.read(0, 65536)
        if read == b"":
            os.close(terminal)
            return
        *whole, requests = (requests + read).split(b"\n")
        for line in whole:
            request = json.loads(line)
            if "size" in request:
                screen.resize(request["size"][1], request["size"][0])
                set_size(terminal, *request["size"])
            if "keys" in request:
                os.write(terminal, request["keys"].encode())
            print(json.dumps(look(screen, terminal, exit_code)), flush=True)


main()
