"""The decoder of websocket frames, for effects that a server would show only in its CPU time."""

import time

from chatapp.server.frames import TEXT, Decoder
from tests.fuzz.raw_clients import frame

LARGEST = 256 * 1024


def test_a_frame_that_arrives_byte_by_byte_is_copied_once() -> None:
    decoder = Decoder(LARGEST)
    written = frame("x" * LARGEST)
    began = time.process_time()
    found = [message for byte in written for message in decoder.feed(bytes([byte]))]
    # If it were copied for each byte, it would take ten times as long.
    assert time.process_time() - began < 1.5
    assert found == [(TEXT, b"x" * LARGEST)]
