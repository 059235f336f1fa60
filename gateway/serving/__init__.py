"""HTTP served within limits, on two kinds of listeners: the front, which has every call, and the lean one."""
