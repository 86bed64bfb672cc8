"""The decoder of websocket frames, where a server would show nothing but its time."""

import time

from chatapp.realtime.frames import TEXT, Decoder
from tests.fuzz.raw_clients import frame

LARGEST = 256 * 1024


def test_a_frame_that_arrives_byte_by_byte_is_copied_once() -> None:
    decoder = Decoder(LARGEST)
    written = frame("x" * LARGEST)
    began = time.process_time()
    found = [message for byte in written for message in decoder.feed(bytes([byte]))]
    # Copied for each byte, it takes ten times as long.
    assert time.process_time() - began < 1.5
    assert found == [(TEXT, b"x" * LARGEST)]
