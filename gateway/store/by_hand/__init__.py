"""What people change by hand, each with its row in the audit. What a cancel does is gateway/store/cancels.py's."""
