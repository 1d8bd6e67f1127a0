"""Half-closed connections that are in use: the side that is still open sends, the closer reads, every byte is checked."""

import threading
import time


class Stream:
    """One living half-close: `pair`'s `closer` has shut its send side, and the other sends to it."""

    def __init__(self, pair, closer):
        self.pair = pair
        self.closer = closer
        self.reader = pair.end(closer)
        self.writer = pair.end("server" if closer == "client" else "client")
        self.sent = 0
        self.received = 0
        self.error = None
        pair.finish(closer, "shutdown")
        self.reader.setblocking(False)

    def send_byte(self):
        try:
            self.writer.sendall(bytes([self.sent % 251]))
            self.sent += 1
        except OSError as error:
            self.error = self.error or f"write: {error}"

    def receive(self):
        """Takes what has arrived; true while the end of the stream has not."""
        try:
            data = self.reader.recv(65536)
        except BlockingIOError:
            return True
        except OSError as error:
            self.error = self.error or f"read: {error}"
            return False
        expected = bytes((self.received + i) % 251 for i in range(len(data)))
        if data != expected:
            self.error = self.error or f"byte {self.received}: got {data!r}, sent was {expected!r}"
        self.received += len(data)
        return bool(data)

    def complete(self):
        return self.error is None and self.sent > 0 and self.received == self.sent

    def __str__(self):
        return f"{self.pair.key}, closer {self.closer}: sent {self.sent}, received {self.received}, {self.error}"


class Pump:
    """Keeps streams alive from a thread of its own: a byte every `interval` seconds, until finish()."""

    def __init__(self, streams, interval=1.0):
        self.streams = streams
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        due = time.monotonic()
        while not self._stop.is_set():
            for stream in self.streams:
                stream.send_byte()
            due += self._interval
            while not self._stop.wait(min(0.1, max(0.0, due - time.monotonic()))) and time.monotonic() < due:
                for stream in self.streams:
                    stream.receive()

    def finish(self, seconds=10):
        """The writers close too, the readers read to the end. Returns the streams that lost something."""
        self._stop.set()
        self._thread.join()
        for stream in self.streams:
            stream.writer.close()
        deadline = time.monotonic() + seconds
        open_streams = list(self.streams)
        while open_streams and time.monotonic() < deadline:
            open_streams = [s for s in open_streams if s.receive()]
            time.sleep(0.01)
        for stream in open_streams:
            stream.error = stream.error or "the end of the stream did not arrive"
        for stream in self.streams:
            stream.reader.close()
        return [s for s in self.streams if not s.complete()]
