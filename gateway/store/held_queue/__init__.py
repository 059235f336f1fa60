"""What a restore holds: whatever was open in its backup is sent to nobody until an operator has released it.

The queues that a backup had are marked; their messages stay where they are, and what comes new has queues of its own.
"""
