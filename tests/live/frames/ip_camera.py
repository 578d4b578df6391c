"""A camera on the network as phones offer it: MJPEG over HTTP, in a process of its own that can be killed."""

from __future__ import annotations

import io
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


def jpeg(number: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A grey that tells the number."""
    buffer = io.BytesIO()
    Image.new("RGB", size, (number % 256, 128, 64)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    """/video: frames; /silent: three frames and then nothing; /end: five frames, then the connection is closed."""

    def do_GET(self) -> None:
        if self.path == "/nowhere":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        try:
            while not (self.path == "/end" and number == 5):
                data = jpeg(number)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")
                self.wfile.flush()
                number += 1
                time.sleep(0.02)
                if self.path == "/silent" and number == 3:
                    time.sleep(60)
        except OSError:
            return

    def log_message(self, *args: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
