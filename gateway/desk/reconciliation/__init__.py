"""What a carrier was handed in a period, as CSV to hold its bill against: every segment, or their sums."""
