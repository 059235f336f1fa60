"""What a carrier was handed in a period, segment by segment, for its bill to be held against."""
