"""What accounts and lanes may still send: limits and what was used of them, paces, texts said a moment ago."""
