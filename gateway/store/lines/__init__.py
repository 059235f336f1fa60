"""Messages that come line by line: filed many at a time, and each line's answer kept under the key of its stream."""
