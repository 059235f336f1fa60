"""What support and operators ask and do, as plain values, whichever way they ask: one file a subject.

The calls of /admin (gateway/api) and the pages of the console stand on it; it knows neither of them.
"""
